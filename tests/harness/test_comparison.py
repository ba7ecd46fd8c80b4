"""Methods beside one of them: which test, over which seeds, and what is printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import scipy.stats

from harness.cli import main
from harness.collect import collect
from harness.comparison import Compared, compared
from harness.formats.comparison import HEADS
from harness.statistics import holm
from harness.table import tables
from tests.harness.made import make_run

Capture = pytest.CaptureFixture[str]
CUT = [60.0, 64.0, 61.0, 66.0, 63.0, 62.0]
ENCO = [50.0, 57.0, 52.0, 55.0, 55.0, 51.0]
FASTCUT = [65.0, 60.0, 66.0, 70.0, 61.0, 64.0]


def make(runs: Path, method: str, values: list[float], first: int = 0, metric: str = "fid") -> None:
    for seed, value in enumerate(values, first):
        make_run(runs, method, {metric: value}, seed=seed)


def lines(runs: Path, baseline: str = "cut") -> dict[str, Compared]:
    (table,) = tables(collect(runs))
    (found,) = (compared(table, baseline) or {}).values()
    return {line.label: line for line in found}


def test_common_seeds_are_compared_in_pairs(tmp_path: Path) -> None:
    make(tmp_path, "cut", CUT)
    make(tmp_path, "enco", ENCO)
    make(tmp_path, "fastcut", [*FASTCUT, 90.0])  # a seed that cut has not
    make_run(tmp_path, "identity", {"fid": 150.0})
    found = lines(tmp_path)
    assert list(found) == ["cut", "enco", "fastcut"]
    enco, fastcut = found["enco"], found["fastcut"]
    outcome = scipy.stats.ttest_rel(ENCO, CUT)
    assert (enco.test, enco.pairs, fastcut.n, fastcut.pairs) == ("paired t", 6, 7, 6)
    assert enco.difference == pytest.approx(-56 / 6)
    assert enco.difference_interval == pytest.approx(tuple(outcome.confidence_interval(0.95)))
    assert enco.p == pytest.approx(outcome.pvalue)
    low, high = enco.difference_bootstrap or (0, 0)
    assert enco.difference_interval[0] < low < enco.difference < high < enco.difference_interval[1]
    assert enco.p_wilcoxon == pytest.approx(scipy.stats.wilcoxon(ENCO, CUT, method="exact").pvalue)
    assert fastcut.p == pytest.approx(scipy.stats.ttest_rel(FASTCUT, CUT).pvalue)
    assert [enco.p_holm, fastcut.p_holm] == holm([enco.p or 0, fastcut.p or 0])
    assert (enco.improvement, found["cut"].p) == (1.0, None)


def test_fewer_pairs_give_no_ranks_and_one_pair_no_pairs(tmp_path: Path) -> None:
    make(tmp_path, "cut", CUT[:5])
    make(tmp_path, "enco", ENCO[:5])
    make(tmp_path, "fastcut", FASTCUT[:3], first=4)
    make(tmp_path, "gcgan", [70.0])
    found = lines(tmp_path)
    assert found["enco"].p_wilcoxon is None
    welch = found["fastcut"]
    outcome = scipy.stats.ttest_ind(FASTCUT[:3], CUT[:5], equal_var=False)
    assert (welch.test, welch.pairs, welch.effect) == ("Welch", 1, None)
    assert welch.p == pytest.approx(outcome.pvalue)
    assert welch.difference_interval == pytest.approx(tuple(outcome.confidence_interval(0.95)))
    single = found["gcgan"]
    assert (single.test, single.p, single.p_holm, single.interval) == ("", None, None, None)
    assert single.difference == pytest.approx(70 - 62.8)


def test_better_follows_the_direction_of_the_score(tmp_path: Path) -> None:
    make(tmp_path, "cut", [14.0, 14.2, 14.1], metric="psnr")
    make(tmp_path, "enco", [15.0, 15.2, 15.1], metric="psnr")
    assert lines(tmp_path)["enco"].improvement == 1.0
    assert lines(tmp_path, "enco")["cut"].improvement == 0.0


def test_scores_that_are_not_finite_are_not_tested(tmp_path: Path) -> None:
    make(tmp_path, "cut", [14.0, float("inf")], metric="psnr")
    make(tmp_path, "enco", [15.0, 15.2], metric="psnr")
    assert lines(tmp_path)["enco"].p is None


def test_text(tmp_path: Path, capsys: Capture) -> None:
    make(tmp_path, "cut", CUT)
    make(tmp_path, "enco", ENCO)
    assert main(["table", "--runs", str(tmp_path), "--compare", "cut"]) == 0
    text = capsys.readouterr().out
    grid = [re.split(r" {2,}", line) for line in text.splitlines()]
    assert grid[0] == ["toy AtoB 64x64, compared with cut"]
    assert grid[2] == ["fid ↓", *HEADS]
    assert grid[4] == ["cut", "6", "62.67", "60.40 to 64.93", *["–"] * 8]
    ours = ["6", "53.33", "50.47 to 56.20", "6", "-9.33", "-11.05 to -7.62", "<0.0001", "<0.0001", "0.031", "-5.72"]
    assert grid[5] == ["enco", *ours, "1.00"]


def test_markdown_and_json_hold_the_same(tmp_path: Path, capsys: Capture) -> None:
    make(tmp_path, "cut", CUT)
    make(tmp_path, "enco", ENCO)
    words = ["table", "--runs", str(tmp_path), "--compare", "cut", "--format"]
    assert main([*words, "markdown"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {13}
    assert rows[3].startswith("| enco | 6 | 53.33 | 50.47 to 56.20 | 6 | -9.33 | -11.05 to -7.62 |")
    assert main([*words, "json"]) == 0
    (column,) = json.loads(capsys.readouterr().out)["tables"][0]["columns"]
    assert column["metric"] == "fid"
    assert column["methods"][1]["difference"] == pytest.approx(-9.3333333)


def test_what_cannot_be_compared_is_refused(tmp_path: Path, capsys: Capture) -> None:
    make(tmp_path, "cut", CUT)
    words = ["table", "--runs", str(tmp_path), "--compare"]
    assert main([*words, "cute"]) == 2
    assert "unknown row to compare with 'cute'. Did you mean 'cut'?" in capsys.readouterr().err
    assert main([*words, "cut", "--format", "latex"]) == 2
    assert "choose --format text, markdown, json" in capsys.readouterr().err
