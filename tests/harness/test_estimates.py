"""Time is said from runs of this machine only, scaled where they are akin; disk from weights and pictures."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from harness.costs import stored
from harness.data.facts import facts_of
from harness.estimates import Speed, Speeds, cache_bytes, run_bytes, size_text
from harness.expand import Grid, expand
from harness.index import read_runs
from harness.spec import RunSpec
from tests.harness.made import make_run

HERE = {"host": socket.gethostname(), "device": "cpu"}


def speeds(runs: Path) -> Speeds:
    return Speeds(read_runs(runs).values())


def spec(methods: str, dataset: str = "toy", **others: Any) -> RunSpec:
    (found,) = expand(Grid(methods=methods, dataset=dataset, **others)).specs
    return found


def test_runs_like_it_and_runs_akin(tmp_path: Path) -> None:
    """A made run of 256 steps took 12.5 seconds at 64x64."""
    make_run(tmp_path, "cut", hardware=HERE)
    known = speeds(tmp_path)
    step = 12.5 / 256
    assert known.of(spec("cut", seeds="7")) == Speed(pytest.approx(step), "measured")
    assert known.of(spec("cut[size=128]")) == Speed(pytest.approx(step * 4), "scaled")
    assert known.of(spec("cut[batch_size=3]")) == Speed(pytest.approx(step * 3), "scaled")
    assert known.of(spec("cut[nce_T=0.1]")) == Speed(pytest.approx(step), "scaled")
    ratio = stored()["enco"].step_flop / stored()["cut"].step_flop
    assert known.of(spec("enco", "horse2zebra")) == Speed(pytest.approx(step * 16 * ratio), "scaled")
    assert known.devices == {"cpu"}


def test_nothing_is_said_where_nothing_is_akin(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", hardware=HERE)
    make_run(tmp_path, "enco", hardware={"host": "another machine"}, options={"ngf": "8"})
    make_run(tmp_path, "munit", steps=0, hardware=HERE)
    make_run(tmp_path, "cyclegan", hardware=HERE, imported="ab" * 32)
    make_run(tmp_path, "identity", hardware=HERE)
    known = speeds(tmp_path)
    for other in ("enco[ngf=8]", "cut[ngf=16]", "cut[precision=bf16]"):
        assert known.of(spec(other)) is None
    assert Speeds([]).of(spec("cut")) is None


def test_disk_is_two_checkpoints_and_the_translations() -> None:
    """A checkpoint of CUT holds 176 MB: 14.7 M weights, each with the two moments of Adam."""
    toy = facts_of("toy")
    assert run_bytes(spec("cut"), toy) == pytest.approx(2 * 12 * 14_703_300 + 64 * 64 * 64 * 1.8)
    assert run_bytes(spec("cut[ngf=32]"), toy) == pytest.approx(2 * 12 * 14_703_300 / 4 + 64 * 64 * 64 * 1.8)
    cityscapes = facts_of("cityscapes")
    reference = RunSpec(method="identity", dataset="cityscapes", direction="BtoA")
    assert run_bytes(reference, cityscapes) == 500 * 256 * 256 * 1.8


def test_decoded_pictures_are_counted_once_for_all_runs() -> None:
    found = expand(Grid(methods="cut,enco", dataset="toy[load_size=64|72]", seeds="0-4"))
    train, test = 512, 128
    expected = 3 * (train * 64**2 + test * 64**2) + 3 * (train * (64**2 + 72**2) + test * 64**2)
    assert cache_bytes(found.specs, found.facts) == expected


def test_sizes_as_text() -> None:
    assert [size_text(n) for n in (12, 12_345, 738e6, 1.176e9, 2.5e12)] == [
        "12 B",
        "12.3 kB",
        "738 MB",
        "1.18 GB",
        "2.5 TB",
    ]
