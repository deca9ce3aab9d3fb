"""P1 to P3: posts read and written, on 100,000 of them; and what the cache of pages saves.

Each is measured in a process of its own, whose whole request path is real but for the socket.
"""

from functools import partial

from bench.figures import Figure, measured_apart

measure = partial(measured_apart, "bench.posts")
P1 = Figure("P1", "the newest 20, against a plain view", lambda: measure("P1"))
P2 = Figure("P2", "the newest 20, against a stock viewset", lambda: measure("P2"))
P3 = Figure("P3", "writing a post", lambda: measure("P3"))
CACHE = Figure("CACHE", "what the cached pages of posts save", lambda: measure("CACHE"))
