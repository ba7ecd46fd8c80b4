"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_data import ABSENT, ROOT, real_pictures
from tests.signals import hear_ctrl_c

__all__ = ["ROOT"]


def pytest_configure() -> None:
    hear_ctrl_c()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real pictures (cat2dog, facades, camvid); tests that need it skip where it is absent."""
    folder = real_pictures()
    if folder is None:
        pytest.skip(ABSENT)
    return folder


@pytest.fixture(scope="session")
def first_drn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with first weights of DRN-D-22: what they see means nothing, but it differs from picture to picture."""
    import torch

    from evaluation.drn import DRN

    with torch.random.fork_rng():
        torch.manual_seed(5)
        path = tmp_path_factory.mktemp("drn") / "bare.pth"
        torch.save(DRN().state_dict(), path)
    return path


@pytest.fixture
def exact() -> Iterator[None]:
    """New tensors are float64, and drawn from a fixed seed."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)
