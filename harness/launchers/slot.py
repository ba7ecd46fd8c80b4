"""The process of one slot of the local launcher: takes a run from the queue, works on it, takes the next.

``python -m harness.launchers.slot RUNS KIND INDEX`` returns at once and leaves the slot behind in a session of its
own, so that neither the end of the front nor of the terminal reaches it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.errors import UserError
from harness.launchers.queue import Queue, Slot
from harness.lease import Lease, LeaseLost, ask_to_stop, holder_of, lease
from harness.runs import RunFolder

LOOK_SECONDS = 0.3
"""how often a slot looks whether its run was cancelled"""


class Server:
    """A slot at work."""

    def __init__(self, queue: Queue, slot: Slot) -> None:
        self.queue, self.slot = queue, slot
        self.closing = False
        """whether this process was asked to end, as all are when the machine is shut down"""
        signal.signal(signal.SIGTERM, self.close)

    def close(self, *_: object) -> None:
        self.closing = True

    def serve(self) -> None:
        """Work until nothing waits. Returns at once where another process is this slot already."""
        place = self.queue.place(self.slot.name)
        place.mkdir(parents=True, exist_ok=True)
        while not self.closing:
            try:
                with lease(place) as held:
                    self.work(held)
            except (UserError, LeaseLost) as error:
                say(str(error))
                return
            # What was queued before the lease was given back found a living slot and started no other.
            if self.slot.kind not in self.queue.waiting().values():
                return

    def work(self, held: Lease) -> None:
        """One job after the other, first what the process before this one in the slot had claimed."""
        for run in self.queue.claims(self.slot.name):
            self.wait_until_free(run)
            if not self.closing:
                self.queue.settle(self.slot.name, run)
        while not self.closing:
            held.check()
            taken = self.queue.take(self.slot)
            if taken is None:
                return
            self.work_on(taken)

    def work_on(self, run: str) -> None:
        """Start ``harness work`` on a claimed run, and see how it ends."""
        path, output = self.queue.runs / run, self.queue.output(run)
        output.parent.mkdir(parents=True, exist_ok=True)
        before = RunFolder(path).state()
        say(f"{run} starts")
        command = [sys.executable, "-m", "harness", "work", str(path)]
        with output.open("wb") as file:
            worker = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        code = self.wait(worker, run)
        say(f"{run} ended with code {code}")
        if self.closing and code not in (0, 1, 2):
            self.queue.give_back(self.slot.name, run)
            return
        if self.wait_until_free(run):  # somebody else had it: how ours ended says nothing of the run
            self.queue.settle(self.slot.name, run)
        else:
            self.queue.settle(self.slot.name, run, before, code)
        if code == 0:
            output.unlink(missing_ok=True)  # its lines stand in the log of the run

    def wait(self, worker: subprocess.Popen[bytes], run: str) -> int:
        """The exit code of the worker, which is asked to stop when its run is cancelled or the slot has to close."""
        asked = False
        while True:
            try:
                return worker.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if not asked and (self.closing or self.queue.mark(run).exists()):
                    worker.terminate()
                    asked = True

    def wait_until_free(self, run: str) -> bool:
        """Wait for a process that is not this slot's to end its work on a run; whether there was one."""
        path, asked, waited = self.queue.runs / run, False, False
        while holder_of(path) is not None and not self.closing:
            waited = True
            if not asked and self.queue.mark(run).exists():
                asked = ask_to_stop(path)
            time.sleep(LOOK_SECONDS)
        return waited


def say(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}", flush=True)


def main(runs: str, kind: str, index: str) -> None:
    if os.fork():
        os._exit(0)
    os.setsid()
    Server(Queue(Path(runs)), Slot(kind, int(index))).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
