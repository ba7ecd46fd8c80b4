"""`harness profile` from the command line to the table, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.commands.profile import can_be_built
from harness.spec import RunSpec, resolve_options
from tests.harness.made import make_run

NARROW = {"ngf": "8", "ndf": "8", "num_patches": "16", "netF_nc": "16"}
SET = [word for name, value in ({"width": "8"} | NARROW).items() for word in ("--set", f"{name}={value}")]
WORDS = [
    "profile",
    "--methods",
    "cut,discogan",
    "--size",
    "32",
    "--steps",
    "1",
    "--repeats",
    "1",
    "--device",
    "cpu",
    *SET,
]


def measure_and_stop(runs: Path) -> str:
    """Start the command, stop it as Ctrl-C does in its second measurement; what it said."""
    command = [sys.executable, "-m", "harness", *WORDS, "--runs", str(runs)]
    front = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    said = ""
    assert front.stderr is not None
    for line in front.stderr:
        said += line
        if line.startswith("[2/2]"):
            os.killpg(front.pid, signal.SIGINT)
    assert front.wait() == 130, said
    return said


def test_from_the_command_to_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = measure_and_stop(tmp_path)
    assert "1 of 2 measurements are kept" in said
    assert "Traceback" not in said
    assert main([*WORDS, "--json", "--runs", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert "2 measurements in " in err
    assert ", 1 made before" in err
    cut, discogan = json.loads(out)
    check_profile(cut, turns=1)
    check_profile(discogan, turns=3)
    assert len(list((tmp_path / "profiles").glob("*.jsonl"))) == 1

    assert main(["profile", "--runs", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    assert "32x32, batch 1, fp32; " in listed
    assert "discogan[width=8] 3 steps" in listed

    make_run(tmp_path, "cut", {"fid": 60.0}, options=NARROW, size=32, load_size=36)
    make_run(tmp_path, "discogan", {"fid": 61.0}, options={"width": "8"}, size=32, load_size=36)
    assert main(["table", "--format", "json", "--runs", str(tmp_path)]) == 0
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    found = {(score["method"], score["metric"]): score["mean"] for score in table["scores"]}
    for profile in (cut, discogan):
        method = profile["spec"]["method"]
        assert found[method, "sec-per-iter"] == profile["sec_per_iter"]["median"]
        assert found[method, "memory"] == profile["memory_bytes"] / 1e9


def check_profile(profile: dict[str, Any], turns: int) -> None:
    """What was measured must be what was asked for, and possible."""
    (one,) = profile["measurements"]
    assert (one["turns"], len(one["step_seconds"]), profile["processes"]) == (turns, 1, 1)
    assert profile["sec_per_iter"]["median"] == one["step_seconds"][0] > 0
    assert profile["memory_bytes"] == profile["memory"]["resident"] > 100e6  # torch is loaded
    assert profile["memory"]["allocated"] is None  # no GPU
    assert 0 < profile["saved_bytes"] < profile["memory_bytes"]
    assert 0 < profile["share_of_peak"] < 1
    assert profile["images_per_second"] == pytest.approx(1 / one["translate_seconds"][0])
    assert profile["step_flop"] > 3 * profile["translate_flop"] > 0
    assert {"device", "threads", "torch", "host"} <= profile["machine"].keys()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--methods", "enko"], "unknown method 'enko'. Did you mean 'enco'"),
        (["--methods", "cut", "--steps", "0"], "--steps 0: expected at least 1"),
        (["--methods", "cut", "--warm-up", "0"], "--warm-up 0: expected at least 1"),
        (["--methods", "cut", "--size", "34"], "expected a multiple of 4"),
        (["--methods", "cut", "--set", "ngff=8"], "unknown option of cut 'ngff'"),
        (["--methods", "cut", "--set", "nce_layers=99", "--size", "32"], "cut[nce_layers=99] at 32 pixels: "),
        (["--methods", "cut", "--device", "tpu"], "device 'tpu' is not available"),
        (["--methods", "cut", "--device", "cpu", "--precision", "tf32"], "only GPUs have it"),
        (["--methods", "distancegan", "--batch-size", "1"], "distancegan needs at least 2"),
        (["--methods", "cut[size=64]"], "unknown option of cut 'size'"),
    ],
    ids=lambda value: " ".join(value[2:]) if isinstance(value, list) else "",
)
def test_mistakes_are_said_before_anything_is_measured(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", *words, "--runs", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_nothing_measured_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profile", "--runs", str(tmp_path)]) == 0
    assert "nothing measured" in capsys.readouterr().out


BROKEN = """
from methods.interface import Batch, Losses
from baselines.cut import CUT


class Broken(CUT):
    \"\"\"A method that fails in its first step.\"\"\"

    def step(self, batch: Batch) -> Losses:
        raise RuntimeError("out of ideas")
"""


def test_a_method_that_fails_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken_method.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    words = ["profile", "--methods", "broken_method:Broken", "--size", "32", "--device", "cpu", "--set", "ngf=8"]
    assert main([*words, "--runs", str(tmp_path / "runs")]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err.splitlines()[-1] == "  failed: RuntimeError: out of ideas"  # not tried a second time


def test_of_all_methods_those_that_cannot_be_built_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    spec = RunSpec(
        method="cut", options=resolve_options("cut", {"nce_layers": "99"}), dataset="-", size=32, load_size=32
    )
    assert not can_be_built(spec, lenient=True)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("left out cut[nce_layers=99] at 32 pixels: ")
