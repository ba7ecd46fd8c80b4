"""Methods are tested in float64 and from fixed seeds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.small import float64


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    torch.manual_seed(0)
    with float64():
        yield
