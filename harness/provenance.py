"""Where, when and with what a run was made."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness import __version__
from harness.runs import RunFolder, read_json, write_json

CODE = "code.json"
"""in a copy of the code that was made for jobs: what `git_state` said of the original, and the digest of the copy"""
PACKAGES = ("torch", "torchvision", "numpy", "pillow", "scipy")


def record(run: RunFolder, **facts: Any) -> None:
    """Add ``facts`` to the provenance of a run."""
    run.check()
    write_json(run.path / "provenance.json", run.provenance() | facts)


def record_session(run: RunFolder, device: str, fingerprints: Mapping[str, str]) -> None:
    """Note the start of a session of work on a run: host, hardware, packages, code, command, data."""
    session = {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "git": git_state(Path(__file__).resolve().parents[1]),
    }
    sessions = [*run.provenance().get("sessions", []), session]
    record(
        run,
        harness=__version__,
        python=platform.python_version(),
        packages={name: package_version(name) for name in PACKAGES},
        hardware=hardware(device),
        data=dict(fingerprints),
        sessions=sessions,
    )


def hardware(device: str) -> dict[str, Any]:
    """The machine, as far as it bears on numbers and times."""
    import torch

    found = {
        "host": socket.gethostname(),
        "device": device,
        "cpu": cpu_name(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    if device.startswith("cuda"):
        found["device"] = torch.cuda.get_device_name(torch.device(device))
        found["cuda"] = torch.version.cuda
    return found


def cpu_name() -> str:
    """The model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def package_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def git_state(folder: Path) -> dict[str, Any]:
    """Commit and whether files were changed, if the code lies in a git checkout or is a copy of one; else nothing."""
    if copied := read_json(folder / CODE):
        return copied

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != folder:
            return {}
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return {}
