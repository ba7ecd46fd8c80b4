"""Ctrl-C while torch is imported, and where it is ignored."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from harness.interrupts import STOPPED, interruptible

DURING_THE_IMPORT = """
import os, signal, sys
from harness.cli import main

def strike(event, values):
    if event == "import" and values[0] == "torch._C":
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(strike)
sys.exit(main(["methods", "test", "cut"]))
"""


def test_while_torch_is_imported_the_process_ends_without_a_word() -> None:
    done = subprocess.run([sys.executable, "-c", DURING_THE_IMPORT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (STOPPED, "", "")


def test_elsewhere_it_is_a_keyboard_interrupt() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_it_stays_ignored_where_it_was() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
