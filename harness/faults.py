"""Processes that die where a test wants them to, to show that nothing is lost. Imports no torch.

They are real processes that do real work, forked from one that has imported torch already, so that starting one
costs a tenth of a second. What ends them is the kernel: SIGKILL before a given operation on a file, or the limit
on the size of a file in the middle of writing it; nothing in them is replaced.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from harness.interrupts import STOPPED

PRELOADED = ["torch", "harness.training", "harness.scoring", "harness.catalogue"]
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}
"""events of Python's audit that change a folder, beside opening a file for writing"""
KILLED = -int(signal.SIGKILL)
CUT = -int(signal.SIGXFSZ)
"""exit code of a process that the kernel ended while it wrote beyond its limit"""

Act = Callable[[], None]


def die() -> None:
    """SIGKILL."""
    os.kill(os.getpid(), signal.SIGKILL)


def limit_files(size: int) -> None:
    """From now on the kernel ends the process as soon as a file would grow beyond ``size`` bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What befalls a process; by default nothing."""

    at: int = 0
    """before so many-th operation that changes a file in the folder, counted from 1; 0: never"""
    named: str = ""
    """of operations, only those on a file whose path holds this text are counted"""
    act: Act = die
    """what happens then, in the process itself"""


@dataclass
class Worker:
    """A process that was started, and what is known of it."""

    process: BaseProcess
    counted: Connection
    output: Path

    def wait(self, seconds: float | None = None) -> int | None:
        """The exit code, negative for a signal; None where it still runs after so many seconds."""
        self.process.join(seconds)
        return self.process.exitcode

    def send(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.process.is_alive() and self.process.pid:
            os.kill(self.process.pid, number)

    def operations(self) -> int:
        """How many operations an ended process counted; only one that came to its end can say."""
        found: int = self.counted.recv()
        return found

    def text(self) -> str:
        """What it printed."""
        return self.output.read_text(encoding="utf-8", errors="replace")


def start(
    main: Callable[..., int],
    arguments: Sequence[Any],
    folder: Path,
    output: Path,
    fault: Fault | None = None,
    environment: Mapping[str, str] | None = None,
) -> Worker:
    """Start ``main(*arguments)``, a function of a module, in a process of its own; returns once it is about to begin.

    Args:
        folder: whose files are watched.
        output: the file that takes what it prints.
        environment: on top of our own.
    """
    context = warm()
    ours, theirs = context.Pipe(duplex=False)
    variables = os.environ | dict(environment or {})
    process = context.Process(
        target=live, args=(main, arguments, folder, output, fault or Fault(), dict(variables), theirs)
    )
    process.start()
    theirs.close()
    if not ours.poll(60):
        process.kill()
        raise RuntimeError("a process forked from a warm one did not begin within a minute")
    ours.recv()
    return Worker(process, ours, output)


def warm() -> ForkServerContext:
    """Where processes are forked from one that has imported what a worker needs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def live(
    main: Callable[..., int],
    arguments: Sequence[Any],
    folder: Path,
    output: Path,
    fault: Fault,
    environment: Mapping[str, str],
    told: Connection,
) -> None:
    """The life of such a process. It ends without the clean-up of an interpreter, which is not ours to test."""
    import torch

    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    with output.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    counter = Counter(folder, fault)
    sys.addaudithook(counter.see)
    try:
        told.send(0)
        code = main(*arguments)
    except KeyboardInterrupt:
        code = STOPPED
    except BaseException:
        traceback.print_exc()
        code = 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    told.send(counter.seen)
    os._exit(code)


class Counter:
    """Counts the operations that change files in ``folder``, and acts before one of them."""

    def __init__(self, folder: Path, fault: Fault) -> None:
        self.folder, self.fault, self.seen, self.acts = str(folder), fault, 0, False

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not (event in CHANGES or (event == "open" and writes(arguments))) or self.acts:
            return
        path = str(arguments[0])
        if path.startswith(self.folder) and self.fault.named in path:
            self.seen += 1
            if self.seen == self.fault.at:
                self.acts = True  # what it does to files is not counted
                self.fault.act()
                self.acts = False


def writes(arguments: tuple[Any, ...]) -> bool:
    """Whether an ``open`` is for writing, by the flags of the system call."""
    return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
