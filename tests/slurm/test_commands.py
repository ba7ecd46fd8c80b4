"""`harness run --launcher slurm` and the verbs around it, as docs/clusters.md shows them, on a real SLURM."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.runs import RunFolder, all_runs
from tests.slurm.cluster import Cluster
from tests.test_docs import PAGES, ROOT, SHORT, commands_of

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

PAGE = ROOT / "docs" / "clusters.md"


@pytest.fixture(scope="module")
def workplace(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to give commands in, and a home with the profiles of the page."""
    place, home = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("home")
    (profiles,) = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), flags=re.M | re.S)
    (home / "unpaired-harness").mkdir()
    assert "cpus = 4" in profiles
    (home / "unpaired-harness/clusters.toml").write_text(profiles.replace("cpus = 4", "cpus = 1"))  # there are few
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(home))
        yield place


def harness(place: Path, *words: str) -> subprocess.Popen[str]:
    if words[0] == "run":
        words = (*words, *shlex.split(SHORT))
    command = [sys.executable, "-m", "harness", *words]
    return subprocess.Popen(
        command, cwd=place, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ
    )


def said(place: Path, *words: str) -> str:
    """What a command prints; it must succeed."""
    process = harness(place, *words)
    out, error = process.communicate(timeout=200)
    assert process.returncode == 0, out + error
    return out


def wait_for_jobs(place: Path) -> None:
    end = time.monotonic() + 240
    while subprocess.check_output(["squeue", "--noheader"], text=True).strip():
        assert time.monotonic() < end, said(place, "status")
        time.sleep(0.5)


def test_the_page(workplace: Path) -> None:
    """Every command of the page, in its order."""
    commands = [shlex.split(command)[1:] for command in commands_of(PAGE)]
    assert [words[0] for words in commands] == ["run", "run", "status", "logs", "cancel", "table"]
    arrays = [re.findall(r"slurm job \d+: (\d+) run", said(workplace, *words)) for words in commands[:2]]
    assert arrays == [["3", "3"], ["2"]], "two methods, two seeds and the reference rows; then one seed more"
    stages = {one["run"]: one for one in json.loads(said(workplace, "status", "--json"))}
    assert {one["launcher"] for one in stages.values() if one["stage"] in ("queued", "running")} == {"slurm"}
    for words in commands[2:5]:
        said(workplace, *words)
    wait_for_jobs(workplace)
    assert "enco" in said(workplace, *commands[5])
    runs = {run.name: run.state().stage for run in all_runs(workplace / "results/runs")}
    (cancelled,) = [name for name in runs if name.startswith("cut-toy-s2")]
    assert {stage for name, stage in runs.items() if name != cancelled} == {"finished"}
    words = [word for word in commands[1] if word not in ("--detach", "--profile", "night")]
    assert "slurm job" in said(workplace, *words) or runs[cancelled] == "finished"
    assert RunFolder(workplace / "results/runs" / cancelled).state().stage == "finished"


def test_every_line_for_slurm_is_on_the_page() -> None:
    """Those of other pages are not given anywhere else."""
    on_page = list(commands_of(PAGE))
    assert [line for page in PAGES for line in commands_of(page) if "slurm" in line and line not in on_page] == []


def test_front_killed_and_a_second_one(workplace: Path) -> None:
    """A front dies after it submitted; another, given the same line, follows the same jobs to their end."""
    words = ["run", "--methods", "fastcut", "--dataset", "toy", "--launcher", "slurm"]
    first = harness(workplace, *words, "--runs", "other")
    assert first.stdout is not None
    while "slurm job" not in (line := first.stdout.readline()):
        assert line, first.communicate()
    first.kill()
    first.communicate()
    out = said(workplace, *words, "--runs", "other")
    assert "slurm job" not in out
    runs = list(all_runs(workplace / "other"))
    assert {run.state().stage for run in runs} == {"finished"}
    assert {len(run.provenance()["sessions"]) for run in runs} == {1}


def test_mistakes(workplace: Path) -> None:
    words = ["run", "--methods", "enco", "--dataset", "toy", "--launcher", "slurm", "--runs", "none"]
    for more, answer in {"--profile nihgt": "Did you mean 'night'", "--profile no.toml": "cannot read no.toml"}.items():
        process = harness(workplace, *words, *more.split())
        _, error = process.communicate(timeout=100)
        assert process.returncode == 2
        assert answer in error
        assert error.count("\n") == 1
