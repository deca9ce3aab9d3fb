"""Consuming events once: the ledger, dead letters and the loop, for every service that consumes."""
