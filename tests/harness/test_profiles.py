"""Measurements on disk, and the columns they become: one pair for each machine and protocol."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.collect import collect
from harness.footnotes import footnotes
from harness.formats import FORMATS
from harness.profiles import Measurement, Plan, Session, Spread, read_profiles, session_for
from harness.spec import RunSpec, resolve_options
from harness.table import Table, tables
from tests.harness.made import make_run

MACHINE = {"device": "Fast Processor", "threads": "2", "torch": "2.9.0", "host": "nova"}
GPU = {"device": "Large GPU", "driver": "550.1", "cuda": "12.8", "torch": "2.9.0", "host": "nova"}


def plan(*methods: str, machine: dict[str, str] = MACHINE, size: int = 64, **other: Any) -> Plan:
    precision = "bf16" if other.get("arithmetic") == "bf16" else "fp32"
    specs = {}
    for method in methods:
        name, _, option = method.partition(" ")
        given = dict([option.split("=")]) if option else {}
        options = resolve_options(name, given)
        spec = RunSpec(method=name, options=options, dataset="-", size=size, load_size=size, precision=precision)
        specs[spec.label] = spec
    fields: dict[str, Any] = {"arithmetic": "fp32", "warm_up": 1, "steps": 3, "repeats": 1} | other
    return Plan(machine=machine, device="cpu", specs=specs, code={}, harness="0", git={}, **fields)


def measurement(label: str, seconds: float, repeat: int = 0, **other: Any) -> Measurement:
    memory = {"resident": int(2e9), "allocated": None, "reserved": None, "process": None}
    fields: dict[str, Any] = {
        "turns": 1,
        "step_seconds": [seconds] * 3,
        "translate_seconds": [seconds / 10],
        "memory": memory,
        "shared": None,
        "parameters": 1000,
        "step_flop": int(50e9),
        "translate_flop": int(5e9),
        "saved_bytes": int(1e9),
        "peak": 100e9,
        "seconds": 10.0,
    }
    return Measurement(label=label, repeat=repeat, **fields | other)


def stored(runs: Path, asked: Plan, number: int = 0, **seconds: float) -> Session:
    """A call on disk; ``number`` orders calls of one second."""
    session = session_for(runs, asked)
    for label, value in seconds.items():
        session.add(measurement(label, value))
    return Session(
        session.path.rename(session.path.with_name(f"2026-{number}.jsonl")), session.plan, session.measurements
    )


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    make_run(tmp_path, "cut", {"fid": 60.0}, seed=0)
    make_run(tmp_path, "cut", {"fid": 62.0}, seed=1)
    make_run(tmp_path, "enco", {"fid": 50.0})
    return tmp_path


def only_table(runs: Path, metrics: list[str] | None = None) -> Table:
    (table,) = tables(collect(runs), metrics)
    return table


def column(table: Table, head: str) -> dict[str, float | None]:
    """A column by the labels of the methods."""
    from harness.formats.cells import heads

    i = heads(table).index(head)
    return {row.label: cell.mean if (cell := row.cells[i]) else None for row in table.rows if not row.is_reference}


def test_quartiles_and_median() -> None:
    """Of 1, 2, 4, 8, 16: quartiles 2 and 8."""
    assert Spread.of([16, 1, 8, 2, 4]) == Spread(median=4, mean=6.2, iqr=6, min=1)
    assert Spread.of([3.0]) == Spread(median=3, mean=3, iqr=0, min=3)
    assert Spread.of([1, 2]).median == 1.5


def test_costs_stand_beside_the_scores(runs: Path) -> None:
    stored(runs, plan("cut", "enco"), cut=1.25, enco=0.5)
    table = only_table(runs)
    assert column(table, "sec/iter ↓") == {"cut": 1.25, "enco": 0.5}
    assert column(table, "Mem (GB) ↓") == {"cut": 2.0, "enco": 2.0}
    (note,) = [note for note in footnotes(table) if note.startswith("Mem, sec/iter: profile/v1 on Fast Processor")]
    for told in (
        "2 threads",
        "torch 2.9.0",
        "host nova",
        "64x64, batch 1, fp32",
        "3 training steps in one fresh process",
    ):
        assert told in note
    assert table.rows[-1].seeds == (0,)  # costs have no seeds
    assert not [note for note in footnotes(table) if "(n=" in note]


def test_every_format_has_them(runs: Path) -> None:
    stored(runs, plan("cut", "enco"), cut=1.25, enco=0.5)
    found = tables(collect(runs))
    (enco,) = [line for line in FORMATS["text"](found, "").splitlines() if line.startswith("enco ")]
    assert enco.split() == ["enco", "1", "50.00", "*", "2.000", "*", "0.500", "*"]
    assert "| enco | 1 | **50.00** | **2.000** | **0.500** |" in FORMATS["markdown"](found, "")
    assert r"enco & 1 & $\mathbf{50.00}$ & $\mathbf{2.000}$ & $\mathbf{0.500}$ \\" in FORMATS["latex"](found, "")
    rows = {(r["label"], r["metric"]): r for r in csv.DictReader(io.StringIO(FORMATS["csv"](found, "")))}
    assert (rows["cut", "sec-per-iter"]["mean"], rows["cut", "sec-per-iter"]["n"]) == ("1.25", "0")
    scores = json.loads(FORMATS["json"](found, ""))["tables"][0]["scores"]
    assert {s["label"]: s["mean"] for s in scores if s["metric"] == "memory"} == {"cut": 2.0, "enco": 2.0}


def test_machines_and_protocols_never_share_a_column(runs: Path) -> None:
    """The faster of each machine is best there; nothing is ranked across."""
    stored(runs, plan("cut", "enco"), 0, cut=1.0, enco=2.0)
    stored(runs, plan("cut", machine=GPU), 1, cut=0.5)
    stored(runs, plan("enco", steps=200), 2, enco=0.25)
    table = only_table(runs)
    by_row = {row.label: [(c.mean, c.best) if c else None for c in row.cells[1:]] for row in table.rows[2:]}
    seconds = {label: cells[1::2] for label, cells in by_row.items()}
    assert seconds == {"cut": [(1.0, True), None, (0.5, False)], "enco": [(2.0, False), (0.25, False), None]}
    assert table.marks == ("", "a", "a", "b", "b", "c", "c")
    notes = [note for note in footnotes(table) if note.startswith("Mem ")]
    assert [note.partition(":")[0] for note in notes] == ["Mem a, sec/iter a", "Mem b, sec/iter b", "Mem c, sec/iter c"]
    assert "most that tensors held on the GPU" in notes[2]


def test_options_and_precision_must_be_those_of_the_row(runs: Path) -> None:
    make_run(runs, "cut", {"fid": 70.0}, options={"ngf": "8"})
    make_run(runs, "cut", {"fid": 70.0}, precision="bf16")
    stored(runs, plan("cut", "cut ngf=8"), 0, **{"cut": 1.0, "cut[ngf=8]": 0.1})
    found = column(only_table(runs), "sec/iter ↓")
    assert found == {"cut (fp32)": 1.0, "cut (bf16)": None, "cut[ngf=8] (fp32)": 0.1, "enco (fp32)": None}
    stored(runs, plan("cut", arithmetic="bf16"), 1, cut=0.6)
    table = only_table(runs)
    assert [round(c.mean, 1) for row in table.rows if row.label == "cut (bf16)" for c in row.cells[1:] if c] == [2, 0.6]


def test_whose_vgg16_it_is_costs_nothing(tmp_path: Path) -> None:
    make_run(tmp_path, "fsesim", {"fid": 60.0}, options={"vgg": "oxford"})
    stored(tmp_path, plan("fsesim"), fsesim=2.0)
    assert column(only_table(tmp_path), "sec/iter ↓") == {"fsesim[vgg=oxford]": 2.0}


def test_the_head_says_another_size_unless_there_is_the_own(runs: Path) -> None:
    stored(runs, plan("cut", size=256), 0, cut=4.0)
    assert column(only_table(runs), "sec/iter (256x256) ↓") == {"cut": 4.0, "enco": None}
    stored(runs, plan("cut", "enco"), 1, cut=1.0, enco=0.5)
    assert column(only_table(runs), "sec/iter ↓") == {"cut": 1.0, "enco": 0.5}
    assert len(only_table(runs).columns) == 3


def test_a_method_that_is_not_installed_any_more_keeps_its_costs(runs: Path) -> None:
    """The names of both are those they were stored with."""
    make_run(runs, "cut", {"fid": 61.0}, options={"ngf": "16"}, row={"method": "gone[ngf=16]"})
    stored(runs, plan("cut"), 0, cut=1.0)
    for path in (*runs.glob("cut-*/spec.json"), *runs.glob("cut-*/metrics.jsonl"), *runs.glob("profiles/*.jsonl")):
        path.write_text(path.read_text().replace('"cut"', '"gone"'))
    found = column(only_table(runs), "sec/iter ↓")
    assert found["gone"] == 1.0
    assert found["gone[ngf=16]"] is None


def test_others_on_the_gpu_are_said(runs: Path) -> None:
    session = session_for(runs, plan("cut", machine=GPU))
    session.add(measurement("cut", 1.0, shared=True))
    assert any("other processes used the GPU" in note for note in footnotes(only_table(runs)))


def test_published_costs_stay_in_their_block(tmp_path: Path) -> None:
    make_run(tmp_path, "enco", {"fid": 41.2}, dataset="horse2zebra", size=256, load_size=286)
    stored(tmp_path, plan("enco", size=256), enco=3.5)
    before, _, after = FORMATS["text"](tables(collect(tmp_path)), "").partition("Published (Table 1")
    assert "3.500" in before
    assert "0.14" not in before
    assert "0.14" in after
    assert "3.500" not in after


def test_metrics_choose_them(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(runs, plan("cut", "enco"), cut=1.25, enco=0.5)
    assert [c.metric for c in only_table(runs, ["fid"]).columns] == ["fid"]
    assert [c.metric for c in only_table(runs, ["fid", "sec-per-iter"]).columns] == ["fid", "sec-per-iter"]
    assert main(["table", "--metrics", "sec-per-iter", "--runs", str(runs)]) == 0
    out = capsys.readouterr().out
    assert [line.split() for line in out.splitlines() if line.startswith("cut")] == [["cut", "1.250"]]
    assert "No scores yet" not in out


def test_the_newest_call_stands_and_an_interrupted_one_goes_on(tmp_path: Path) -> None:
    asked = plan("cut", "enco", repeats=2)
    first = stored(tmp_path, asked, 0, cut=1.0)
    again = session_for(tmp_path, asked)
    assert again.path == first.path
    assert again.missing() == [("enco", 0), ("cut", 1), ("enco", 1)]
    for label, repeat in again.missing():
        again.add(measurement(label, 2.0, repeat))
    assert session_for(tmp_path, asked).path != first.path  # nothing was missing: measured anew
    newest = session_for(tmp_path, asked)
    newest.add(measurement("cut", 5.0))
    profiles = {profile.label: profile for profile in read_profiles(tmp_path)[0]}
    assert profiles["cut"].sec_per_iter.median == 5.0
    assert profiles["enco"].sec_per_iter.median == 2.0
    assert len(profiles["enco"].measurements) == 2


def test_another_plan_is_another_call(tmp_path: Path) -> None:
    first = stored(tmp_path, plan("cut"), 0)
    assert session_for(tmp_path, plan("cut", "enco")).path != first.path
    assert session_for(tmp_path, plan("cut", machine=GPU)).path != first.path
    assert session_for(tmp_path, plan("cut")).path == first.path


def test_a_torn_line_and_a_file_of_another_version_do_not_hide_the_others(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = stored(runs, plan("cut"), 0, cut=1.25)
    with session.path.open("a") as file:
        file.write('{"label": "cut", "rep')
    (runs / "profiles" / "2027.jsonl").write_text('{"schema": 99}\n')
    assert main(["table", "--runs", str(runs)]) == 0
    out, err = capsys.readouterr()
    assert "1.250" in out
    assert "left out profiles/2027.jsonl" in err
    assert "schema 99" in err


def test_share_memory_and_times_are_of_all_processes(tmp_path: Path) -> None:
    """50 GFLOP in 1, 2 and 4 s on a machine of 100 GFLOP/s: shares 0.5, 0.25, 0.125."""
    asked = plan("cut", repeats=3, machine=GPU)
    session = session_for(tmp_path, asked)
    for repeat, seconds in enumerate((1.0, 2.0, 4.0)):
        memory = {"resident": 1, "allocated": 10 + repeat, "reserved": 20, "process": None}
        session.add(measurement("cut", seconds, repeat, memory=memory))
    (profile,) = session.profiles()
    assert (profile.sec_per_iter.median, profile.share, profile.memory) == (2.0, 0.25, 12)
    assert (profile.most("reserved"), profile.most("process")) == (20, None)
