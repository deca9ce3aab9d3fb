"""LIKES: 200 people like one post, and like it no longer, by way of rows that are folded later and
by way of a counter in the post's row, in turn. And what somebody waits who edits what they wrote
under it, while as many likes come by either way. In a process of its own."""

from bench.figures import Figure, measured_apart

LIKES = Figure("LIKES", "likes of one post at a time", lambda: measured_apart("bench.likes"))
