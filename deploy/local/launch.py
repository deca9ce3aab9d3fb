"""Becomes the command it is given, after tying it to the life of its parent.

Run as a file by `child.py`. A program of its own and not a `preexec_fn`, since code between fork
and exec may deadlock in a process that has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent_pid, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != int(parent_pid):
        sys.exit("the parent is gone already")
    os.execvp(command[0], command)


main()
