"""Which VGG16 a run takes: the one asked for; else torchvision's; else, where only that is here, Oxford's."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.footnotes import footnotes
from harness.frozen import with_weights_here
from harness.planning import open_for, plan
from harness.table import tables
from methods.vgg_files import hub_file, weights_file
from tests.harness.made import make_run


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("HARNESS_VGG16", raising=False)


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_the_order() -> None:
    options = {"vgg": "torchvision", "lr": 1e-4}
    assert with_weights_here(options, {}) == options, "nothing is here: the default, whose absence is then said"
    put(weights_file("oxford"))
    assert with_weights_here(options, {}) == {"vgg": "oxford", "lr": 1e-4}
    assert with_weights_here(options, {"vgg": "torchvision"}) == options, "what the user sets stands"
    assert with_weights_here({"lr": 1e-4}, {}) == {"lr": 1e-4}, "a method without VGG16"
    put(hub_file())
    assert with_weights_here(options, {}) == options


def test_a_plan_and_its_table_say_so(tmp_path: Path) -> None:
    from harness.collect import collect

    put(weights_file("oxford"))
    dataset, data = open_for("toy", None)
    labels = [spec.label for spec in plan(["fsesim", "munit"], dataset, data, [0], [], 64, None, steps=2)]
    assert labels == ["fsesim[vgg=oxford]", "munit"]
    for method, options in (("fsesim", {"vgg": "oxford"}), ("lsesim", {}), ("munit", {}), ("cut", {})):
        make_run(tmp_path / "runs", method, {"fid": 100.0}, options=options)
    (table,) = tables(collect(tmp_path / "runs"))
    notes = footnotes(table)
    assert "fsesim[vgg=oxford]: trained with Oxford's VGG16." in notes
    assert "lsesim: trained with torchvision's VGG16." in notes
    assert not any("munit" in note for note in notes if "VGG16" in note)
