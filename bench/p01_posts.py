"""P1 to P3: posts read and written, on 100,000 of them; and what the cache of pages saves.

Each is measured in a process of its own, whose whole request path is real but for the socket.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from bench.figures import Figure, Row


def measure(figure: str, module: str = "bench.posts") -> Sequence[Row]:
    """Runs `python -m bench.posts`, or another, whose last line is the rows."""
    done = subprocess.run(
        [sys.executable, "-m", module, figure],
        stdout=subprocess.PIPE,
        env=dict(os.environ),
        text=True,
        check=True,
    )
    return [Row(**row) for row in json.loads(done.stdout.splitlines()[-1])]


P1 = Figure("P1", "the newest 20, against a plain view", lambda: measure("P1"))
P2 = Figure("P2", "the newest 20, against a stock viewset", lambda: measure("P2"))
P3 = Figure("P3", "writing a post", lambda: measure("P3"))
CACHE = Figure("CACHE", "what the cached pages of posts save", lambda: measure("CACHE"))
