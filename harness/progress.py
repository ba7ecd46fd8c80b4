"""What a worker tells a person: the log, and one line of progress."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


class Log:
    """Lines for the terminal and for ``log.txt``; in a terminal the progress line is rewritten in place.

    What cannot be told (a full disk, a terminal that went away) is no reason to end hours of work.
    """

    def __init__(self, file: Path, name: str) -> None:
        self.file = file
        self.name = name
        self.terminal = sys.stdout.isatty()
        self.shown = 0.0
        self.open_line = False

    def say(self, text: str) -> None:
        """One event, on a line of its own."""
        self.close_line()
        show(f"{self.name}  {text}\n")
        self.write(text)

    def progress(self, text: str, final: bool = False) -> None:
        """Where things are: in a terminal at most each second, elsewhere each ten seconds."""
        now = time.monotonic()
        if not final and now - self.shown < (1 if self.terminal else 10):
            return
        self.shown = now
        if self.terminal:
            show(f"\r{self.name}  {text}\x1b[K")
            self.open_line = True
        else:
            show(f"{self.name}  {text}\n")
        self.write(text)

    def due(self) -> bool:
        """Whether a progress line would be shown now."""
        return time.monotonic() - self.shown >= (1 if self.terminal else 10)

    def close_line(self) -> None:
        if self.open_line:
            show("\n")
            self.open_line = False

    def write(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with suppress(OSError), self.file.open("a", encoding="utf-8") as file:
            file.write(f"{stamp}  {text}\n")


def show(text: str) -> None:
    """Print, if somebody still reads."""
    try:
        print(text, end="", flush=True)
    except OSError:  # what is still in the buffer would fail once more at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def training_text(step: int, steps: int, rate: float, seconds_left: float, losses: Mapping[str, float]) -> str:
    """How far a training is; ``rate`` in pictures of each domain a second, 0 where it is not known."""
    speed = f"  {rate:.3g} img/s" if rate else ""
    terms = " ".join(f"{name} {value:.3g}" for name, value in losses.items())
    text = f"step {step}/{steps} ({100 * step // steps}%){speed}  {duration(seconds_left)} left  {terms}"
    return text.rstrip()


def duration(seconds: float) -> str:
    """``4s``, ``3m20s``, ``5h03m``, ``2d04h``."""
    s = round(seconds)
    if s < 60:
        return f"{s}s"
    if s < 3600:
        return f"{s // 60}m{s % 60:02d}s"
    if s < 86400:
        return f"{s // 3600}h{s % 3600 // 60:02d}m"
    return f"{s // 86400}d{s % 86400 // 3600:02d}h"
