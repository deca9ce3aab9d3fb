"""P7: what an authenticated WebSocket takes of the server's memory while nothing happens. In a
process of its own."""

from bench.figures import Figure, measured_apart

P7 = Figure("P7", "memory of idle connections", lambda: measured_apart("bench.idle"))
