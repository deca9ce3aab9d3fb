"""Runs Toby and the servers it needs on this machine, without Docker.

Standard library only: this package works before the virtual environment exists.
"""
