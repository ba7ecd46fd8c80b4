"""Scores chosen by protocol, through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cli import main
from tests.harness.made import FID, make_run

TRAIN = FID.replace("ref=testB", "ref=trainB")
CLEAN = FID.replace("pytorch-fid", "clean-fid")
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """One method scored by three protocols, and by the first one at another checkpoint too."""
    make_run(tmp_path, "cut", {"fid": 60.0})
    make_run(tmp_path, "cut", {"fid": 50.0}, row={"protocol": TRAIN}, seed=1)
    make_run(tmp_path, "cut", {"fid": 40.0}, row={"protocol": CLEAN}, seed=2)
    make_run(tmp_path, "cut", {"fid": 30.0}, row={"selected": "best-on-test"}, seed=3)
    return tmp_path


@pytest.mark.parametrize(
    ("protocols", "means"),
    [
        ("pytorch-fid", {60.0, 50.0, 30.0}),
        ("ref=testB", {60.0, 40.0, 30.0}),
        ("pytorch-fid ref=testB", {60.0, 30.0}),
        ("clean-fid,ref=trainB", {40.0, 50.0}),
        ("pytorch-fid/v1", {60.0, 50.0, 30.0}),
        ("selected=best", {30.0}),
        ("inception=c9ce7f36 ref=testB selected=last", {60.0, 40.0}),
    ],
)
def test_columns_are_chosen_by_words_of_their_protocol(
    runs: Path, protocols: str, means: set[float], capsys: Capture
) -> None:
    assert main(["table", "--runs", str(runs), "--format", "json", "--protocol", protocols]) == 0
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    assert {score["mean"] for score in table["scores"]} == means


@pytest.mark.parametrize("protocols", ["pytorch-fdi/v1", "fid", "clean-fid ref=trainB", "pytorch-fid,"])
def test_a_protocol_without_scores_is_refused_with_those_there_are(runs: Path, protocols: str, capsys: Capture) -> None:
    assert main(["table", "--runs", str(runs), "--protocol", protocols]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert f"Known: {CLEAN}, {FID}, {TRAIN}" in err
