"""P6: something happens to 500 people who are all connected to one process. Frames delivered a
second: by the real server's hub, by a bare server of `websockets` that sends the same bytes, and by
Channels' groups, in turn. And how long an item takes to one of them beside some who read nothing.
In a process of its own."""

from bench.figures import Figure, measured_apart

P6 = Figure("P6", "one item for 500 sockets of one process", lambda: measured_apart("bench.hints"))
