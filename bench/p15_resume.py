"""RESUME: a client that was away sends its token, and is sent all that has changed. In a process of
its own."""

from bench.figures import Figure, measured_apart

RESUME = Figure("RESUME", "resume of 1,000 changes", lambda: measured_apart("bench.resuming"))
