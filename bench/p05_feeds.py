"""P5: feeds read, and filled by a follow, on 300,000 posts and 50,000 people, in a process of its
own."""

from bench.figures import Figure, measured_apart

P5 = Figure(
    "P5",
    "home feeds, read and filled",
    lambda: measured_apart("bench.feeds", "reading", "following"),
)
