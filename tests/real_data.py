"""Where the real pictures are: cat2dog, facades, camvid."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ABSENT = "real pictures are absent (set HARNESS_TEST_DATA to a folder with cat2dog, facades, camvid)"


def real_pictures() -> Path | None:
    """The folder of real pictures, `$HARNESS_TEST_DATA` or beside the checkout; None where it is absent."""
    folder = Path(os.environ.get("HARNESS_TEST_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None
