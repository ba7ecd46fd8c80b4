"""Signals of the process that runs tests."""

from __future__ import annotations

import signal


def hear_ctrl_c() -> None:
    """Undo that a shell lets jobs in the background ignore Ctrl-C, which they hand on to the processes they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
