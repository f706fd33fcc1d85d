"""A kernel that cannot outlive its runner: ``python -P kernel.py -f CONNECTION_FILE``."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Ask Linux to kill this process when its parent ends, and end at once if the parent is gone already.

    Elsewhere ipykernel's own watch on JPY_PARENT_PID does it, within a second.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the runner is gone")


def main() -> None:
    """Start an IPython kernel that dies with the process named in AIDLIB_RUNNER."""
    die_with(int(os.environ["AIDLIB_RUNNER"]))
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance()


if __name__ == "__main__":
    main()
