"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real pictures (cat2dog, facades, camvid); tests that need it skip where it is absent."""
    folder = Path(os.environ.get("HARNESS_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real pictures are absent (set HARNESS_TEST_DATA to a folder with cat2dog, facades, camvid)")
    return folder


@pytest.fixture
def exact() -> Iterator[None]:
    """New tensors are float64, and drawn from a fixed seed."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)
