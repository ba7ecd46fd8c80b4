"""Who works on a run: a file that only one process can create."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import UserError
from harness.runs import State, alive, read_json


@contextmanager
def lease(folder: Path) -> Iterator[None]:
    """Own the run in ``folder`` for the duration of the block.

    Raises UserError if another living process owns it; the lease of a dead one is taken over.
    """
    path = folder / "lease.json"
    mine = {"pid": os.getpid(), "host": socket.gethostname(), "updated": time.time()}
    beside = folder / f".lease.{os.getpid()}"
    beside.write_text(json.dumps(mine))
    try:
        for _ in range(2):
            try:
                os.link(beside, path)  # atomic, also on network file systems; fails if the lease exists
                break
            except FileExistsError:
                owner = read_json(path)
                if owner is not None and alive(State(**owner)):
                    raise UserError(
                        f"{folder.name} is being run by process {owner['pid']} on {owner['host']}; wait for it"
                    ) from None
                path.unlink(missing_ok=True)
        else:
            raise UserError(f"{folder.name}: another process took the run at the same moment; wait for it")
    finally:
        beside.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
