"""A TOML file says what a command line says; what is typed wins; recipes are such files."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from harness.cli import main
from harness.commands.run import DEFAULTS, NOT_IN_A_FILE, add_arguments
from harness.errors import UserError
from harness.expand import expand
from harness.gridfile import GridFile, grid_of, metrics_of, read_grid_file
from harness.recipes import find, recipes
from harness.spec import RunSpec
from harness.toml import read_toml


def read(path: Path, text: str) -> GridFile:
    path.write_text(text)
    return read_grid_file(path, add_arguments, NOT_IN_A_FILE)


def typed(*words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return vars(parser.parse_args(words))


def specs(file: GridFile | None, *words: str) -> list[RunSpec]:
    return expand(grid_of(file, typed(*words))).specs


def test_a_file_says_what_a_command_line_says(tmp_path: Path) -> None:
    words = ["--methods", "enco[sampling=dag|random],cut", "--dataset", "toy,horse2zebra", "--seeds", "0-2,5"]
    words += ["--set", "ngf=8", "--set", "cut.ndf=8", "--exclude", "cut[seed=5]", "--steps", "9", "--load-size", "280"]
    file = read(
        tmp_path / "grid.toml",
        """
        methods = ["enco[sampling=dag|random]", "cut"]
        dataset = ["toy", "horse2zebra"]
        seeds = ["0-2", 5]
        set = ["ngf=8", "cut.ndf=8"]
        exclude = "cut[seed=5]"
        steps = 9
        load-size = 280
        """,
    )
    assert specs(file) == specs(None, *words)
    assert len(specs(file)) == 2 * (2 * 4 + 3)


def test_flags_win(tmp_path: Path) -> None:
    text = 'methods = "enco[ngf=8|16]"\ndataset = "toy"\nseeds = "0-4"\nsteps = 9\nprecision = "bf16"\n'
    file = read(tmp_path / "grid.toml", text)
    found = specs(file, "--seeds", "0", "--epochs", "2", "--precision", "fp32", "--set", "ngf=4")
    assert [(s.seed, s.steps, s.epochs, s.precision, s.label) for s in found] == [(0, 0, 2, "fp32", "enco[ngf=4]")]
    assert [s.method for s in specs(file, "--methods", "cut", "--seeds", "1")] == ["cut"]


def test_rules_hold_for_some_only(tmp_path: Path) -> None:
    file = read(
        tmp_path / "grid.toml",
        """
        methods = "cut, enco"
        dataset = "toy, toy-cityscapes"
        epochs = 3
        [[where]]
        methods = "enco"
        set = "lr_G=1e-3"
        [[where]]
        methods = "enco"
        dataset = ["toy"]
        steps = 7
        """,
    )
    assert [(s.method, s.dataset, s.epochs, s.steps, s.changed_options()) for s in specs(file)] == [
        ("cut", "toy", 3, 0, {}),
        ("enco", "toy", 0, 7, {"lr_G": 1e-3}),
        ("cut", "toy-cityscapes", 3, 0, {}),
        ("enco", "toy-cityscapes", 3, 0, {"lr_G": 1e-3}),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("methods = cut\n", "grid.toml is not TOML: Invalid value (at line 1, column 11)"),
        ('methds = "cut"', "unknown key in grid.toml, 'methds'. Did you mean 'methods'"),
        ('runs = "there"', "unknown key in grid.toml, 'runs'"),
        ("steps = 'few'", "grid.toml: argument --steps: invalid int value: 'few'"),
        ("steps = true", "grid.toml: steps is True; expected text, a number, or a list of them"),
        ("tensorboard = 1", "grid.toml: tensorboard is 1; expected true or false"),
        ("precision = 'fp8'", "grid.toml: argument --precision: invalid choice: 'fp8'"),
        ("where = 3", "grid.toml: where is no table"),
        ("[[where]]\nseeds = 3", "unknown key in grid.toml below [[where]], 'seeds'"),
        ("methods = 'cut'\ndataset = 'toy'\n[[where]]\nmethods = 'cut[ngf=3]'", "expected names without brackets"),
        ("dataset = 'toy'", "grid.toml has no key methods"),
        ("methods = 'cut['\ndataset = 'toy'", "grid.toml: methods 'cut[': expected option=value"),
        ("methods = 'cut'\ndataset = 'toy['", "grid.toml: dataset 'toy[': expected option=value"),
        ("methods = 'cut'\ndataset = 'toy'\n[[where]]\nmethods = 'cutt'", "unknown method 'cutt'. Did you mean 'cut'"),
        ("methods = 'cut'\ndataset = 'toy'\n[[where]]\ndataset = 'toi'", "unknown dataset 'toi'. Did you mean 'toy'"),
    ],
)
def test_mistakes_in_a_file_exit_with_2_and_one_line(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "grid.toml").write_text(text)
    assert main(["run", str(tmp_path / "grid.toml"), "--dry-run"]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error


def test_scores_belong_to_datasets(tmp_path: Path) -> None:
    text = "metrics = 'kid'\n[[where]]\ndataset = 'cityscapes'\nmetrics = ['fid', 'miou']\n"
    file = read(tmp_path / "grid.toml", text)
    assert metrics_of(file, {}, "cityscapes") == "fid,miou"
    assert metrics_of(file, {}, "toy") == "kid"
    assert metrics_of(file, typed("--metrics", "swd"), "cityscapes") == "swd"
    assert metrics_of(None, {}, "toy") is None
    with pytest.raises(UserError, match="expected a rule for whole datasets"):
        read(tmp_path / "grid.toml", f"{text}methods = 'cut'")


def test_files_and_recipes_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for word, said in {"table2": "unknown recipe .table2.", "no/such.toml": "there is no file no/such.toml"}.items():
        with pytest.raises(UserError, match=said):
            find(word)
    assert main(["run", "--methods", "cut", "--dry-run"]) == 2
    assert "--dataset is not given; expected a recipe or e.g. harness run" in capsys.readouterr().err


def test_no_flag_has_a_default_in_the_parser() -> None:
    """Else it would win over a file although nobody typed it."""
    assert set(typed()) == {"runs"}
    assert set(NOT_IN_A_FILE) - {"runs"} <= set(DEFAULTS)


def test_every_recipe_has_a_line_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    out = capsys.readouterr().out
    assert {"table1", "table1-toy", "enco-ablations"} <= set(recipes())
    for name, path in recipes().items():
        assert f"  {name} " in out
        assert read_toml(path)["summary"] in out


def recipe(name: str, *words: str) -> list[RunSpec]:
    return specs(read_grid_file(find(name), add_arguments, NOT_IN_A_FILE), *words)


def test_table1() -> None:
    """All nine rows on three datasets, each with its own budget, also where only one method is asked for."""
    found = recipe("table1")
    assert len({s.method for s in found}) == 9
    assert len(found) == 9 * 3 * 3
    assert {(s.dataset, s.direction, s.size, s.batch_size) for s in found} == {
        ("cityscapes", "BtoA", 256, 1),
        ("cat2dog", "AtoB", 256, 1),
        ("horse2zebra", "AtoB", 256, 1),
    }
    assert {(s.steps, s.epochs) for s in found if s.method != "munit"} == {(0, 0)}
    assert {s.steps for s in found if s.method == "munit"} == {1_000_000}
    shorter = {(s.method, s.dataset) for s in found if {"n_epochs", "n_epochs_decay"} & s.changed_options().keys()}
    assert shorter == {("dclgan", "cat2dog"), ("enco", "cat2dog")}
    assert recipe("table1", "--methods", "enco", "--dataset", "cat2dog") == [
        s for s in found if (s.method, s.dataset) == ("enco", "cat2dog")
    ]


@pytest.mark.parametrize("name", ["table1-toy", "enco-ablations"])
def test_recipes_can_be_built(name: str) -> None:
    import torch

    from harness.catalogue import load
    from harness.planning import representatives
    from harness.training import build

    found = recipe(name, "--seeds", "0", "--dataset", "toy", "--set", "ngf=8", "--set", "ndf=8")
    assert len({s.method for s in found}) == (9 if name == "table1-toy" else 1)
    for spec in found:
        load(spec.method).Config(**spec.options)
    for spec in representatives(found):
        if spec.method != "fsesim":  # looks through VGG16, whose weights not every machine has
            build(spec, torch.device("cpu"))
