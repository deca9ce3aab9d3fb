"""Named places at which a test kills a process: `TOBY_CRASH_AT=relay.published`."""

import os
import signal

_ARMED = os.environ.get("TOBY_CRASH_AT", "")


def crash_point(name: str) -> None:
    """Kills this process, as SIGKILL does, if it was started with this name in TOBY_CRASH_AT."""
    if name == _ARMED:
        os.kill(os.getpid(), signal.SIGKILL)
