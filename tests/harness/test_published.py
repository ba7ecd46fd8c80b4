"""The printed figures as data: complete, sourced, and found after installation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from harness.published import read_table, table1
from harness.shipped import shipped

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = {
    ("cityscapes", "miou"),
    ("cityscapes", "pixacc"),
    ("cityscapes", "classacc"),
    ("cityscapes", "fid"),
    ("cat2dog", "fid"),
    ("horse2zebra", "fid"),
    ("horse2zebra", "memory"),
    ("horse2zebra", "sec-per-iter"),
}


def test_table_1_has_nine_methods_and_eight_columns() -> None:
    figures = table1().figures
    methods = Counter(figure.method for figure in figures)
    assert len(methods) == 9
    assert set(methods.values()) == {8}
    assert {(figure.dataset, figure.metric) for figure in figures} == COLUMNS


def test_every_figure_says_where_it_comes_from() -> None:
    for figure in table1().figures:
        assert "AAAI 2024" in figure.paper
        assert figure.table == "Table 1"
        assert figure.measured_by
        assert figure.protocol
        assert figure.value > 0


def test_the_times_of_dclgan_are_not_taken_for_measurements_of_the_paper() -> None:
    times = [f for f in table1().figures if f.metric == "sec-per-iter" and f.method in ("cyclegan", "munit", "cut")]
    assert len(times) == 3
    assert all("DCLGAN" in figure.measured_by and "P100" in figure.measured_by for figure in times)


def test_what_the_caption_claims_holds() -> None:
    """The paper says of its table: EnCo has the best FID on every dataset, and a fast training speed."""
    lowest: dict[tuple[str, str], tuple[float, str]] = {}
    for figure in table1().figures:
        if figure.metric in ("fid", "sec-per-iter"):
            key = (figure.dataset, figure.metric)
            lowest[key] = min(lowest.get(key, (float("inf"), "")), (figure.value, figure.method))
    assert {method for _, method in lowest.values()} == {"enco"}
    assert len(lowest) == 4


def test_directions_and_units() -> None:
    higher = {figure.metric for figure in table1().figures if figure.higher_is_better}
    units = {figure.metric: figure.unit for figure in table1().figures}
    assert higher == {"miou", "pixacc", "classacc"}
    assert units == {"miou": "%", "pixacc": "%", "classacc": "%", "fid": "", "memory": "GB", "sec-per-iter": "s"}


def test_figures_are_shown_with_the_decimals_printed() -> None:
    texts = {(f.method, f.metric): f.text for f in table1().figures}
    assert texts["dclgan", "pixacc"] == "77.0"
    assert texts["cyclegan", "sec-per-iter"] == "0.40"


def test_only_the_direction_of_the_paper_is_selected() -> None:
    assert len(table1().select("cityscapes", "BtoA", {"enco", "cut", "identity"})) == 8
    assert table1().select("cityscapes", "AtoB", {"enco", "cut"}) == ()
    assert table1().select("toy", "AtoB", {"enco"}) == ()


def test_another_schema_is_refused(tmp_path: Path) -> None:
    values = json.loads((shipped("published") / "table1.json").read_text())
    (tmp_path / "t.json").write_text(json.dumps(values | {"schema": 2}))
    with pytest.raises(ValueError, match="schema 2"):
        read_table(tmp_path / "t.json")


@pytest.mark.parametrize(
    ("name", "count"),
    [("published", "len(table1().figures)"), ("gates", "len(read_gate(find_gate('toy-fast')).cases)")],
)
def test_data_are_found_where_the_wheel_puts_them(name: str, count: str, tmp_path: Path) -> None:
    """As an installed package: no checkout around it, the data inside."""
    wheel_puts = f'"results/{name}" = "harness/_data/{name}"'
    assert wheel_puts in (ROOT / "pyproject.toml").read_text()
    shutil.copytree(ROOT / "harness", tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__", "_data"))
    shutil.copytree(ROOT / "results" / name, tmp_path / "harness" / "_data" / name)
    code = (
        "from harness.shipped import shipped; from harness.published import table1; "
        f"from harness.gates.gate import find_gate, read_gate; print(shipped({name!r}), {count})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.stdout.split() == [str(tmp_path / "harness" / "_data" / name), {"published": "72", "gates": "1"}[name]]
