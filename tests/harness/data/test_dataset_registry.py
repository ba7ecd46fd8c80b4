"""The registry agrees with itself and imports nothing heavy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from harness.data.registry import REGISTRY

ROOT = Path(__file__).resolve().parents[3]


def test_entries_say_all_that_a_listing_shows() -> None:
    for name, entry in REGISTRY.items():
        assert name == entry.name
        assert entry.summary
        assert entry.licence
        assert min(entry.counts) > 0
        assert entry.size % 4 == 0
        assert entry.embedded == name.startswith("toy")
        assert "\n" not in entry.summary + entry.licence + entry.get
        assert all(len(digest) == 64 for digest in re.findall(r"sha256 should be (\w+)", entry.get))
    assert REGISTRY["cityscapes"].direction == REGISTRY["toy-cityscapes"].direction == "BtoA"


def test_listing_imports_neither_torch_nor_numpy() -> None:
    code = "import sys, harness.data.registry; print([m for m in ('torch', 'numpy', 'PIL') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "[]"


def test_opening_and_checking_a_dataset_imports_no_torch() -> None:
    code = "import sys, harness.data.cache, harness.data.toy; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout.strip() == "False"
