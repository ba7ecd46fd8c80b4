"""Ctrl-C at any moment, also while torch is imported. Imports no torch."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STOPPED = 130
"""exit code of a process that a signal stopped cleanly"""


def interrupt(*_: object) -> None:
    """Handler of a signal that stops: KeyboardInterrupt; while torch is imported the end of the process, because an
    exception that rises in its C++ aborts with a message nobody understands, and nothing has been begun by then."""
    torch = sys.modules.get("torch")
    if torch is not None and getattr(torch.__spec__, "_initializing", False):
        os._exit(STOPPED)
    raise KeyboardInterrupt


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Within the block SIGTERM does what Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block Ctrl-C is handled by `interrupt`, unless it is ignored, as in jobs in the background."""
    before = signal.getsignal(signal.SIGINT)
    usual = before is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if usual:
            signal.signal(signal.SIGINT, before)
