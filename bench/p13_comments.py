"""COMMENTS: a page of the comments on a post that has 50,000 takes no more than twice that of one
that has 50. In a process of its own, as P1 to P3."""

from bench.figures import Figure, measured_apart

COMMENTS = Figure(
    "COMMENTS",
    "a page of 50,000 comments, against one of 50",
    lambda: measured_apart("bench.comments", "COMMENTS"),
)
