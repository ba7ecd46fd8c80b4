"""Every format shows the same figures, well formed."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from harness.collect import collect
from harness.formats import FORMATS
from harness.formats.latex import escape as latex_escape
from harness.formats.markdown import escape as markdown_escape
from harness.table import tables
from tests.harness.made import make_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A toy study (two methods, an ablation, one seed missing a score) and one run of horse2zebra."""
    make_run(tmp_path, "identity", {"fid": 155.1, "psnr": 14.4})
    make_run(tmp_path, "real", {"fid": 35.2})
    for seed, fid in enumerate((80.0, 83.0)):
        make_run(tmp_path, "enco", {"fid": fid, "psnr": 15.0} if seed else {"fid": fid}, seed=seed)
        make_run(tmp_path, "cut", {"fid": fid + 4, "psnr": 14.0 + seed / 10}, seed=seed)
    make_run(tmp_path, "enco", {"fid": 180.0, "psnr": 13.0}, options={"num_patches": "64"})
    make_run(tmp_path, "enco", {"fid": 41.2}, dataset="horse2zebra", size=256, load_size=286)
    return tmp_path


def rendered(runs: Path, form: str, dataset: str | None = None) -> str:
    return FORMATS[form](tables(collect(runs, dataset)), "")


def test_text_looks_like_this(runs: Path) -> None:
    rule = "─" * 60
    assert rendered(runs, "text", "toy").splitlines()[:10] == [
        "toy AtoB 64x64",
        "",
        "                      n  fid ↓          psnr (dB) ↑",
        rule,
        "identity                 155.1          14.40",
        "real                      35.2              –",
        rule,
        "cut                   2   85.5 ± 2.1    14.05 ± 0.07 !",
        "enco                  2   81.5 ± 2.1 *  15.00        (n=1) *",
        "enco[num_patches=64]  1  180.0       !  13.00        !",
    ]


def test_text_fits_a_hundred_columns(runs: Path) -> None:
    long = [line for line in rendered(runs, "text").splitlines() if len(line) > 100]
    assert not long


def test_one_seed_is_given_no_spread(runs: Path) -> None:
    (line,) = [line for line in rendered(runs, "text", "horse2zebra").splitlines() if line.startswith("enco")]
    assert line.split() == ["enco", "1", "41.20"]


def test_published_figures_stand_apart(runs: Path) -> None:
    text = rendered(runs, "text", "horse2zebra")
    before, _, after = text.partition("Published (Table 1 of Cai et al., AAAI 2024")
    assert "38.7" not in before
    assert "41.20" not in after
    assert "not measured here" in after
    assert re.search(r"^  EnCo +38\.7 \(\d\) +2\.83 \(\d\) +0\.14 \(\d\)$", after, re.MULTILINE)
    assert "CUT" not in after  # no run of it here


def test_a_dataset_without_published_figures_says_so(runs: Path) -> None:
    assert "Table 1 of Cai et al., AAAI 2024 has no figures" in rendered(runs, "text", "toy")


def test_runs_without_scores(tmp_path: Path) -> None:
    make_run(tmp_path, "cut")
    for form in ("text", "markdown", "latex"):
        assert "toy AtoB 64x64: 1 run, none with scores yet: harness status" in rendered(tmp_path, form)


def test_markdown_is_a_table(runs: Path) -> None:
    text = rendered(runs, "markdown", "toy")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in rows} == {5}
    assert rows[1] == "| --- | ---: | ---: | ---: |"
    assert r"| enco[num\_patches=64] | 1 | 180.0 ! | 13.00 ! |" in rows
    assert "| enco | 2 | **81.5 ± 2.1** | **15.00** (n=1) |" in rows
    assert "| *identity* |  | 155.1 | 14.40 |" in rows


def test_latex_is_well_formed(runs: Path) -> None:
    text = rendered(runs, "latex")
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 3  # toy, horse2zebra, published
    for block in re.findall(r"\\begin\{tabular\}\{(\w+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL):
        columns, body = block
        assert body.splitlines()[0] == r"\toprule"
        assert body.rstrip().endswith(r"\bottomrule")
        rows = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert {len(re.findall(r"(?<!\\)&", line)) for line in rows} == {len(columns) - 1}
    unescaped = re.sub(r"\\[{}$_&%#]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    assert unescaped.count("$") % 2 == 0
    assert "_" not in unescaped
    assert r"enco[num\_patches=64] & 1 & $180.0^{!}$ & $13.00^{!}$ \\" in text
    assert r"enco & 2 & $\mathbf{81.5 \pm 2.1}$ & $\mathbf{15.00}$ (n=1) \\" in text
    assert text.isascii()


def test_latex_escapes_what_is_special() -> None:
    assert latex_escape(r"a_b & 50% #1 {x} \y ~z ^ $") == (
        r"a\_b \& 50\% \#1 \{x\} \textbackslash{}y \textasciitilde{}z \textasciicircum{} \$"
    )


def test_markdown_escapes_what_is_special() -> None:
    assert markdown_escape(r"a|b*c_d<e\f") == r"a\|b\*c\_d\<e\\f"


def test_csv_holds_every_measured_score_and_nothing_else(runs: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(rendered(runs, "csv"))))
    found = {(row["dataset"], row["label"], row["metric"]): row for row in rows}
    assert len(found) == len(rows) == 10
    enco = found["toy", "enco", "fid"]
    assert float(enco["mean"]) == 81.5
    assert float(enco["std"]) == pytest.approx(2.1213203435596424)
    assert (enco["n"], enco["values"], enco["kind"]) == ("2", "0:80.0 1:83.0", "method")
    assert found["toy", "enco", "psnr"]["std"] == ""
    assert found["toy", "identity", "fid"]["kind"] == "reference"
    assert not [row for row in rows if row["mean"] == "38.7"]


def test_json_keeps_measured_and_published_apart(runs: Path) -> None:
    found = {table["dataset"]: table for table in json.loads(rendered(runs, "json"))["tables"]}
    (score,) = found["horse2zebra"]["scores"]
    assert (score["method"], score["mean"], score["std"], score["n"]) == ("enco", 41.2, None, 1)
    assert score["protocol"].startswith("pytorch-fid/v1")
    published = {figure["metric"]: figure["value"] for figure in found["horse2zebra"]["published"]}
    assert published == {"fid": 38.7, "memory": 2.83, "sec-per-iter": 0.14}
    assert found["toy"]["published"] == []


def test_infinite_and_undefined_scores_are_shown(tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": float("nan"), "psnr": float("inf")})
    assert "nan" in rendered(tmp_path, "text")
    assert "∞" in rendered(tmp_path, "text")
    assert r"$\infty$" in rendered(tmp_path, "latex")
    values = {s["metric"]: s["mean"] for s in json.loads(rendered(tmp_path, "json"))["tables"][0]["scores"]}
    assert values == {"fid": "nan", "psnr": "inf"}
