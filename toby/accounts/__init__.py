"""Accounts, sessions and tokens: the auth service."""
