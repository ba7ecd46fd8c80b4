from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _exact(exact: None) -> None:
    """All tests of this folder compare numbers in float64."""
