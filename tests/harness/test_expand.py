"""From a grid to its runs: who wins, what each dataset keeps of its own, what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from harness.errors import UserError
from harness.expand import Grid, Layer, Rule, expand
from harness.spec import RunSpec


def specs(methods: str, dataset: str = "toy", **others: Any) -> list[RunSpec]:
    return expand(Grid(methods=methods, dataset=dataset, **others)).specs


def test_the_example_of_the_issue() -> None:
    found = specs("enco[sampling=dag|random, num_patches=64|256],cut", "toy,horse2zebra", seeds="0-4")
    assert len(found) == (4 + 1) * 2 * 5
    assert len({spec.name for spec in found}) == len(found)
    assert [spec.seed for spec in found[:6]] == [0, 1, 2, 3, 4, 0]
    assert {(s.dataset, s.size, s.load_size) for s in found} == {("toy", 64, 72), ("horse2zebra", 256, 286)}
    assert [s.label for s in found[::5]][:5] == [
        "enco[num_patches=64]",
        "enco",
        "enco[num_patches=64,sampling=random]",
        "enco[sampling=random]",
        "cut",
    ]


def test_each_dataset_keeps_its_direction_and_its_own_brackets() -> None:
    found = specs("cut", "toy,cityscapes[load_size=256],toy-cityscapes[size=32|64, direction=AtoB]")
    assert [(s.dataset, s.direction, s.size, s.load_size) for s in found] == [
        ("toy", "AtoB", 64, 72),
        ("cityscapes", "BtoA", 256, 256),
        ("toy-cityscapes", "AtoB", 32, 36),
        ("toy-cityscapes", "AtoB", 64, 72),
    ]


def test_run_settings_in_brackets() -> None:
    found = specs("munit[steps=100|200],cut[batch_size=4, precision=bf16]", flags=Layer(settings={"epochs": 3}))
    assert [(s.method, s.steps, s.epochs, s.batch_size, s.precision) for s in found] == [
        ("munit", 100, 0, 1, "fp32"),
        ("munit", 200, 0, 1, "fp32"),
        ("cut", 0, 3, 4, "bf16"),
    ]
    (spec,) = specs("discogan[direction=A_to_B]")
    assert (spec.direction, spec.options["direction"]) == ("AtoB", "A_to_B"), "the option of the method is meant"


def test_same_configuration_twice_is_one_run() -> None:
    assert len(specs("enco,enco[sampling=dag|random],enco[num_patches=256]")) == 2


def test_what_is_typed_wins_over_a_file_and_brackets_over_the_rest() -> None:
    file = Layer(settings={"steps": 5, "size": 32}, options=["ngf=8", "ndf=8"])
    rules = [Rule(methods=["cut"], datasets=["toy"], layer=Layer(settings={"epochs": 7}, options=["ngf=16"]))]
    both = "cut[ndf=12],enco"

    def found(**others: Any) -> list[tuple[Any, ...]]:
        grid: dict[str, Any] = {"file": file, "rules": rules, "methods_from": "a.toml", "dataset_from": "a.toml"}
        return [
            (s.method, s.steps, s.epochs, s.size, s.options["ngf"], s.options["ndf"])
            for s in specs(both, **grid | others)
        ]

    assert found() == [("cut", 0, 7, 32, 16, 12), ("enco", 5, 0, 32, 8, 8)]
    flags = Layer(settings={"steps": 2}, options=["ngf=4", "ndf=4"])
    assert found(flags=flags) == [("cut", 2, 0, 32, 4, 4), ("enco", 2, 0, 32, 4, 4)]
    assert found(flags=flags, methods_from="") == [("cut", 2, 0, 32, 4, 12), ("enco", 2, 0, 32, 4, 4)]


def test_a_file_may_set_options_of_methods_that_were_not_asked_for() -> None:
    file = Layer(options=["cut.lr=1e-3", "nce_T=0.1"])
    (spec,) = specs("cyclegan", file=file, file_methods="cut,cyclegan")
    assert spec.changed_options() == {}
    with pytest.raises(UserError, match="not among the methods"):
        specs("cyclegan", flags=file)


def test_exclusions() -> None:
    grid = "enco[sampling=dag|random, num_patches=64|256],cut"
    left = specs(grid, "toy,toy-cityscapes", seeds="0-1", exclude=["enco[sampling=random, num_patches=256]"])
    assert len(left) == (3 + 1) * 2 * 2
    assert not [s for s in left if s.options.get("sampling") == "random" and s.options["num_patches"] == 256]
    left = specs(
        grid, "toy,toy-cityscapes", seeds="0-1", exclude=["cut[dataset=toy, seed=1]", "all[num_patches=64-255]"]
    )
    assert {(s.method, s.dataset, s.seed) for s in left if s.method == "cut"} == {
        ("cut", "toy", 0),
        ("cut", "toy-cityscapes", 0),
        ("cut", "toy-cityscapes", 1),
    }
    assert {s.options["num_patches"] for s in left} == {256}
    left = specs("cut[zip(ngf=8|16, ndf=8|16)],cut[ngf=8, ndf=16]", exclude=["cut[zip(ngf=8|16, ndf=8|16)]"])
    assert [s.label for s in left] == ["cut[ngf=8,ndf=16]"]


def test_exclusions_that_are_mistakes() -> None:
    assert expand(Grid(methods="cut", dataset="toy", exclude=["enco"])).idle == ["enco"]
    for exclude, said in {
        "enko": "Did you mean 'enco'",
        "cut[sampling=dag]": "unknown option of cut 'sampling'",
        "cut[ngf=x]": "a whole number",
        "all": "nothing is left",
    }.items():
        with pytest.raises(UserError, match=said):
            specs("cut", exclude=[exclude])


@pytest.mark.parametrize(
    ("methods", "dataset", "seeds", "said"),
    [
        ("enko", "toy", "0", "unknown method 'enko'. Did you mean 'enco'"),
        ("enco[num_patch=3]", "toy", "0", "unknown option of enco 'num_patch'. Did you mean 'num_patches'"),
        ("enco[num_patches=many]", "toy", "0", "num_patches=many: expected a whole number"),
        ("enco[sampling=dog]", "toy", "0", "Did you mean 'dag'"),
        ("cut[steps=few]", "toy", "0", "steps=few of cut: expected a whole number"),
        ("cut", "toi", "0", "Did you mean 'toy'"),
        ("cut", "toy[load=3]", "0", "unknown setting of dataset toy 'load'"),
        ("cut", "toy[direction=both]", "0", "unknown value of direction"),
        ("cut", "nothing/here", "0", "no folder nothing/here"),
        ("cut", "toy", "4-2", "count up, e.g. 0-2,5"),
        ("cut[num_patches=2-20001]", "toy", "0-99", "the grid means 2,000,000 runs"),
        ("distancegan[batch_size=1]", "toy", "0", "distancegan needs at least 2"),
    ],
)
def test_mistakes(methods: str, dataset: str, seeds: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        specs(methods, dataset, seeds=seeds)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_datasets_that_are_not_here_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    for split, n in {"trainA": 5, "trainB": 7, "testA": 2, "testB": 3}.items():
        (tmp_path / "mine, too" / split).mkdir(parents=True)
        for i in range(n):
            Image.new("RGB", (8, 8)).save(tmp_path / "mine, too" / split / f"{i}.png")
    found = expand(Grid(methods="cut[batch_size=2]", dataset=f'cityscapes,toy,"{tmp_path}/mine, too"'))
    assert [facts.name for facts in found.facts.values() if facts.missing] == ["cityscapes"]
    assert "https://www.cityscapes-dataset.com" in found.facts["cityscapes"].missing
    facts = found.facts["mine, too"]
    assert (facts.counts, facts.steps_per_epoch(2)) == ((5, 7, 2, 3), 3)
    assert (facts.test_pictures("AtoB"), facts.test_pictures("BtoA")) == (2, 3)
    assert found.specs[2].data == str(tmp_path / "mine, too")
