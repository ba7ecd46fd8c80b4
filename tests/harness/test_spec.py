"""A run is its configuration: round trip, identity, differences."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.errors import UserError
from harness.spec import RunSpec, resolve_options


def spec(method: str = "enco", options: dict[str, str] | None = None, **fields: Any) -> RunSpec:
    values: dict[str, Any] = {"dataset": "toy", "seed": 1, "size": 64, "load_size": 72, "steps": 256} | fields
    return RunSpec(method=method, options=resolve_options(method, options or {}), **values)


def test_round_trip_through_json() -> None:
    before = spec(options={"nce_layers": "7,24", "lambda_NCE": "3"}, data="toy", precision="bf16")
    after = RunSpec.from_json(json.loads(json.dumps(before.to_json())))
    assert after == before
    assert (after.id, after.label, after.data) == (before.id, before.label, "toy")
    assert after.options["nce_layers"] == (7, 24)


def test_the_id_is_pinned() -> None:
    """Another id for the same run would train everything again: a change here needs a new SCHEMA."""
    assert spec().name == "enco-toy-s1-d6f7d506a2"
    assert spec(options={"sampling": "random", "num_patches": "64"}).name == "enco-toy-s1-d5e07aea42"
    assert RunSpec(method="identity", dataset="toy", size=64, load_size=72).name == "identity-toy-781fb21c3d"


def test_where_the_pictures_lie_is_not_part_of_the_identity() -> None:
    assert spec(data="here").id == spec(data="/there").id


@pytest.mark.parametrize(
    "other",
    [
        {"method": "cut"},
        {"dataset": "facades"},
        {"direction": "BtoA"},
        {"size": 128, "load_size": 144},
        {"load_size": 80},
        {"batch_size": 2},
        {"steps": 0},
        {"steps": 0, "epochs": 3},
        {"seed": 2},
        {"precision": "bf16"},
        {"imported": "3fa9c1d2" * 8},
        {"options": {"lr_G": "1e-4"}},
    ],
    ids=str,
)
def test_everything_else_is(other: dict[str, Any]) -> None:
    assert spec(**other).id != spec().id


def test_typing_a_default_changes_nothing() -> None:
    assert spec(options={"num_patches": "256"}).id == spec().id
    assert spec(options={"lambda_NCE": "2"}).id == spec().id


def test_a_field_at_its_default_is_not_part_of_the_identity() -> None:
    """So a field that a later version adds keeps the ids of earlier runs."""
    assert "batch_size" not in spec().identity()
    assert spec(batch_size=2).identity()["batch_size"] == 2
    assert spec().identity()["options"] == {}


def test_the_label_shows_what_was_changed() -> None:
    assert spec().label == "enco"
    assert spec(options={"nce_layers": "7,24", "extra_flip": "true"}).label == "enco[nce_layers=7,24,extra_flip=true]"


def test_differences_are_named() -> None:
    before = spec()
    after = replace(before, seed=2, options=dict(before.options) | {"lr_G": 1e-4})
    assert before.differences(after) == ["lr_G: 5e-05 -> 0.0001", "seed: 1 -> 2"]
    assert before.differences(replace(before, data="elsewhere")) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 66, "load_size": 72}, "size is 66; expected a multiple of 4"),
        ({"size": 8}, "size is 8; expected at least 32"),
        ({"load_size": 60}, "load_size 60 is smaller than size 64"),
        ({"batch_size": 0}, "batch_size is 0; expected at least 1"),
        ({"steps": 5, "epochs": 1}, "both epochs"),
    ],
)
def test_what_cannot_be_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        spec(**fields)


def test_a_file_of_another_version_is_refused() -> None:
    with pytest.raises(UserError, match="schema 99"):
        RunSpec.from_json(spec().to_json() | {"schema": 99})
    with pytest.raises(UserError, match="does not describe a run"):
        RunSpec.from_json(spec().to_json() | {"colour": "red"})
