"""P8: events a second that the notification consumer makes facts and items of, on both databases.
Each in a process of its own."""

from bench.figures import Figure, measured_apart

P8 = Figure(
    "P8",
    "notifications made of events",
    lambda: [
        *measured_apart("bench.consuming", "mariadb"),
        *measured_apart("bench.consuming", "mysql"),
    ],
)
