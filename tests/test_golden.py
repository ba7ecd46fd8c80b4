"""Our code repeats the figures of the official code, and the command that says so can say no."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from tests import check_golden
from tests.check_golden import Check

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
FILES = sorted(GOLDEN.rglob("*.json"))
"""those of methods and their parts, and in a folder of their own those of scores"""
SLOW = {"eval_inception_fid", "eval_real_folders", "real_fid"}
"""the Inception over folders of pictures, in float64; the quick tests of tests/evaluation take parts of them"""
KINDS = {
    "losses": "loss",
    "output_step0": "output",
    "grad_norms_step0": "gradient",
    "param_stats_after_3": "parameter",
}
"""parts of a training file, and the kind of figure that its check must have compared"""
KINDS_OF = {"eval_drn_d_22": {"feature"}, "eval_seg_metrics": {"feature"}}
"""the same of whole files"""

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def checks() -> dict[str, Check]:
    return check_golden.supported()


def param(path: Path) -> ParameterSet:
    return pytest.param(path, id=path.stem, marks=[pytest.mark.slow] if path.stem in SLOW else [])


@pytest.mark.parametrize("path", [param(path) for path in FILES])
def test_official_figures_are_repeated(path: Path, checks: dict[str, Check]) -> None:
    report = check_golden.check_file(path, checks)
    assert report is not None, "no module of tests/parity checks this kind"
    assert report.ok, check_golden.line(path, report)
    if not report.worst:
        pytest.skip("; ".join(report.left_out))
    data = json.loads(path.read_text())
    left_out = {kind for part, kind in KINDS.items() if part in data} - report.worst.keys()
    left_out |= KINDS_OF.get(path.stem, set()) - report.worst.keys()
    assert not left_out, f"nothing compared of {left_out}"


def test_the_longest_prefix_decides(checks: dict[str, Check]) -> None:
    chosen = check_golden.find("unit_ganloss", checks)
    assert chosen is not None
    assert chosen.__module__ == "tests.parity.units"
    other = check_golden.find("unitgan_default", checks)
    assert other is None or other.__module__ != "tests.parity.units"


@pytest.fixture
def corrupted(tmp_path: Path) -> Callable[[Edit], Path]:
    """The file of FastCUT after an edit."""

    def write(edit: Edit) -> Path:
        data = json.loads((GOLDEN / "fastcut.json").read_text())
        edit(data)
        path = tmp_path / "fastcut.json"
        path.write_text(json.dumps(data))
        return path

    return write


def one_loss(data: dict[str, Any]) -> None:
    data["losses"][1]["NCE"] *= 1 + 1e-8


def one_gradient(data: dict[str, Any]) -> None:
    data["grad_norms_step0"]["F"]["mlp_2.0.weight"] *= 1 + 1e-6


def one_parameter(data: dict[str, Any]) -> None:
    data["param_stats_after_3"]["D"]["model.3.weight"][2] *= 1 + 1e-7


def one_output(data: dict[str, Any]) -> None:
    data["output_step0"]["fake_B"]["values"][5] += 1e-7


def one_key(data: dict[str, Any]) -> None:
    data["keys"]["G"]["model.1.weight"][0] += 1


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (one_loss, "loss 1.0e-08 over 1e-09: NCE at step 1"),
        (one_gradient, "gradient 1.0e-06 over 1e-07: F.mlp_2.0.weight"),
        (one_parameter, "parameter 1.0e-07 over 1e-08: D.model.3.weight"),
        (one_output, "over 1e-09: fake_B["),
        (one_key, "shape of G.model.1.weight: [8, 3, 7, 7], golden [9, 3, 7, 7]"),
    ],
)
def test_one_wrong_figure_is_found_and_named(
    corrupted: Callable[[Edit], Path], edit: Edit, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_golden.main([str(corrupted(edit))]) == 1
    said = capsys.readouterr().out
    assert "OFF" in said
    assert named in said


def unknown_kind(data: dict[str, Any]) -> None:
    data["fixture"] = "stargan_default"


def test_an_unknown_kind_is_told_apart_from_a_wrong_figure(
    corrupted: Callable[[Edit], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = str(corrupted(unknown_kind))
    assert check_golden.main([unknown]) == 3
    assert "not supported yet" in capsys.readouterr().out
    assert check_golden.main([unknown, str(GOLDEN / "unit_patchnce.json")]) == 3


def test_a_wrong_figure_outweighs_an_unknown_kind(corrupted: Callable[[Edit], Path], tmp_path: Path) -> None:
    unknown = corrupted(unknown_kind).rename(tmp_path / "stargan.json")
    assert check_golden.main([str(unknown), str(corrupted(one_loss))]) == 1


def test_what_is_absent_is_named_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_TEST_DATA", str(tmp_path / "nowhere"))
    files = [str(GOLDEN / "evaluation" / f"{name}.json") for name in ("eval_real_folders", "real_fid")]
    assert check_golden.main(files) == 0
    said = capsys.readouterr().out
    assert said.count("left out: real pictures are absent (set HARNESS_TEST_DATA") == 2
    assert " ok " not in said
    assert check_golden.main([*files, str(tmp_path / "absent.json")]) == 2


def one_distance(data: dict[str, Any]) -> None:
    data["cases"][0]["frechet_exact_lowrank"] *= 1 + 1e-9


def one_kernel(data: dict[str, Any]) -> None:
    data["kid"]["subset_estimates"][1]["clean_fid"] *= 1 + 1e-9


def one_pixel(data: dict[str, Any]) -> None:
    data["cases"][2]["results"]["clean"]["val"][3] += 2e-3


def one_name(data: dict[str, Any]) -> None:
    data["test_order"][0]["real_B_content_under_A_name"]["a000"] = "b000"


@pytest.mark.parametrize(
    ("file", "edit", "named"),
    [
        ("eval_frechet", one_distance, "distance 1.0e-09 over 1e-10: full_rank_d8 frechet_exact_lowrank"),
        ("eval_kid_prc_is", one_kernel, "distance 1.0e-09 over 1e-10: KID of 5 subsets of 120, clean-fid"),
        ("eval_resize", one_pixel, "grey 2.0e-03 over 1e-03: noise_180x240 clean["),
        ("eval_image_io", one_name, "5 and 7 pictures, at most 5000: content"),
    ],
)
def test_one_wrong_figure_of_a_score_is_found_and_named(
    file: str, edit: Edit, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads((GOLDEN / "evaluation" / f"{file}.json").read_text())
    edit(data)
    path = tmp_path / f"{file}.json"
    path.write_text(json.dumps(data))
    assert check_golden.main([str(path)]) == 1
    assert named in capsys.readouterr().out


def test_usage_mistakes_exit_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_golden.main([str(tmp_path / "absent.json")]) == 2
    assert "absent.json" in capsys.readouterr().err
    assert check_golden.main([str(tmp_path)]) == 2  # a folder without files
    (tmp_path / "torn.json").write_text('{"fixture": ')
    assert check_golden.main([str(tmp_path)]) == 2
    assert "torn.json: not a golden file" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        check_golden.main([])
    assert stopped.value.code == 2


def test_the_command_runs_from_anywhere(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "check_golden.py"), str(GOLDEN / "unit_dag.json")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("unit_dag.json")
    assert " ok " in done.stdout
