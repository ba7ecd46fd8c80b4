"""Whatever befalls a run, nothing finished is lost, nothing is done twice, and it ends as if nothing had happened.

The short form of ``make faults``."""

from __future__ import annotations

import pytest

from tests.faults.cases import CASES, Case
from tests.faults.place import Place, make_place, root_can_mount

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("case", [case for case in CASES if case.short], ids=lambda case: case.name)
def test_nothing_is_lost(case: Case, place: Place) -> None:
    if case.needs_mount and not root_can_mount():
        pytest.skip(f"{case.name}: needs the right to mount a small file system")
    assert case.strike(place, case.short).times == case.short
