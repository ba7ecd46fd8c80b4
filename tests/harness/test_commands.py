"""The verbs that read: what they print, and how they answer mistakes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.catalogue import card, show, targets
from harness.cli import main
from harness.commands.table import FORMAT_NAMES
from harness.formats import FORMATS
from harness.job import Job, write_job
from harness.launchers.queue import Queue
from harness.lease import lease
from harness.runs import State, write_json
from tests.harness.made import make_run

Capture = pytest.CaptureFixture[str]
Ask = Callable[..., str]


@pytest.fixture
def ask(capsys: Capture) -> Ask:
    """Runs a command line that succeeds and returns what it printed."""

    def call(*words: object) -> str:
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return call


@pytest.fixture
def refuse(capsys: Capture) -> Ask:
    """Runs a command line that is a mistake and returns the one line of complaint."""

    def call(*words: object) -> str:
        assert main([str(word) for word in words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
        return err

    return call


@pytest.mark.parametrize("verb", ["table", "status", "show"])
def test_an_empty_folder_is_no_error_and_says_what_to_do_next(ask: Ask, tmp_path: Path, verb: str) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert "harness run --methods enco,cut --dataset toy" in ask(verb, "--runs", folder)


def test_table_of_one_dataset(ask: Ask, tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0})
    make_run(tmp_path, "cut", {"fid": 70.0}, dataset="facades")
    assert ask("table", "--runs", tmp_path).count("64x64\n") == 2
    text = ask("table", "--runs", tmp_path, "--dataset", "facades")
    assert text.startswith("facades AtoB 64x64")
    assert "toy" not in text
    assert ask("table", "--runs", tmp_path, "--dataset", "some/where/facades") == text


def test_table_of_some_metrics(ask: Ask, tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0, "psnr": 14.0})
    make_run(tmp_path, "cut", {"fid": 70.0}, dataset="facades")
    text = ask("table", "--runs", tmp_path, "--metrics", "psnr")
    assert "psnr" in text
    assert "fid" not in text
    assert "facades" not in text


def test_table_into_a_file(ask: Ask, refuse: Ask, tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0})
    file = tmp_path / "table.tex"
    words = ("table", "--runs", tmp_path, "--format", "latex", "--output")
    assert ask(*words, file) == f"wrote {file}\n"
    assert r"\toprule" in file.read_text(encoding="utf-8")
    assert "cannot write" in refuse(*words, tmp_path / "no" / "such" / "folder.tex")


def test_every_format_is_offered() -> None:
    assert tuple(FORMATS) == FORMAT_NAMES


def test_table_names_what_it_does_not_know(refuse: Ask, tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0}, dataset="facades")
    assert "'facade'. Did you mean 'facades'?" in refuse("table", "--runs", tmp_path, "--dataset", "facade")
    assert "'fidd'. Did you mean 'fid'?" in refuse("table", "--runs", tmp_path, "--metrics", "fidd")


def test_a_broken_run_is_named_and_left_out(capsys: Capture, tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0})
    broken = make_run(tmp_path, "enco", {"fid": 50.0})
    (broken.path / "spec.json").write_text("{")
    for verb in ("table", "status", "show"):
        assert main([verb, "--runs", str(tmp_path)]) == 0
        out, err = capsys.readouterr()
        assert "cut" in out
        assert "enco" not in out
        assert broken.name in err


def test_status(ask: Ask, tmp_path: Path) -> None:
    make_run(tmp_path, "cut", {"fid": 60.0})
    running = make_run(tmp_path, "enco", options={"sampling": "random"})
    running.set_state(State(stage="running", step=64, steps=256, seconds=100.0, losses={"G": 1.25}))
    failed = make_run(tmp_path, "fastcut")
    failed.set_state(State(stage="failed", step=3, steps=256, message="a loss was not finite at step 3"))
    with lease(running.path):
        text = ask("status", "--runs", tmp_path)
    lines = {line.split()[0]: line.split() for line in text.splitlines() if "-toy-" in line}
    assert text.startswith(f"3 runs in {tmp_path}: 1 running, 1 failed, 1 finished\n")
    assert lines[running.name][1:] == ["running", "64/256", "25%", "5m00s", "[sampling=random]", "G", "1.25"]
    assert "a loss was not finite at step 3" in " ".join(lines[failed.name])
    assert f"harness logs RUN --runs {tmp_path}" in text


def test_status_of_what_waits_and_what_was_taken_back(ask: Ask, tmp_path: Path) -> None:
    queue = Queue(tmp_path)
    waiting, cancelled = make_run(tmp_path, "cut", stage="failed"), make_run(tmp_path, "enco", stage="stopped")
    write_job(waiting.path, Job(launcher="local", id=waiting.name))
    write_job(cancelled.path, Job(launcher="local", id=cancelled.name, cancelled=True))
    queue.put(waiting.name, "cpu")
    text = ask("status", "--runs", tmp_path)
    assert text.startswith(f"2 runs in {tmp_path}: 1 queued, 1 cancelled\n")
    assert "runs wait, but none is worked on" in text
    assert "failed" not in text
    one = {one["run"]: one for one in json.loads(ask("status", "--runs", tmp_path, "--json"))}[waiting.name]
    assert (one["stage"], one["launcher"], one["job"]) == ("queued", "local", waiting.name)


def test_status_as_json(ask: Ask, tmp_path: Path) -> None:
    run = make_run(tmp_path, "enco", options={"ngf": "32"})
    run.set_state(State(stage="running", step=64, steps=256, seconds=100.0, losses={"G": 1.25}))
    with lease(run.path):
        (found,) = json.loads(ask("status", "--runs", tmp_path, "--json"))
    expected = {"run": run.name, "label": "enco[ngf=32]", "stage": "running", "percent": 25, "seconds_left": 300.0}
    assert {name: found[name] for name in expected} == expected
    assert found["losses"] == {"G": 1.25}
    assert json.loads(ask("status", "--runs", tmp_path / "nowhere", "--json")) == []


def test_show(ask: Ask, tmp_path: Path) -> None:
    run = make_run(tmp_path, "enco", {"fid": 60.5}, options={"num_patches": "64"}, hardware={"cpu": "Xeon"})
    (run.path / "samples").mkdir()
    (run.path / "samples" / "a.png").write_bytes(b"x" * 2000)
    text = ask("show", "--runs", tmp_path, "enco")
    sections = ["changed", "run", "options", "provenance", "scores", "weights_sha256", "files"]
    assert [line.split()[0] for line in text.splitlines() if line.startswith("  ") and line[2] != " "][1:] == sections
    assert text.index("num_patches  64   (default 256)") < text.index("  options")
    for part in ("hardware.cpu  Xeon", "fid 60.5", "weights_sha256  –", "1 file, 2.0 kB", "lambda_NCE"):
        assert part in text


def test_show_as_json(ask: Ask, tmp_path: Path) -> None:
    run = make_run(tmp_path, "enco", {"fid": 60.5}, options={"num_patches": "64"})
    make_run(tmp_path, "identity", {"fid": 90.0})
    write_json(run.path / "provenance.json", {"weights_sha256": "ab" * 32, "harness": "1"})
    found = json.loads(ask("show", "--runs", tmp_path, run.name, "--json"))
    assert found["weights_sha256"] == "ab" * 32
    assert found["spec"] == run.spec.to_json()
    assert found["changed"] == {"num_patches": "64", "load_size": "72", "size": "64", "steps": "256"}
    assert [(score["metric"], score["value"]) for score in found["scores"]] == [("fid", 60.5)]
    everything = json.loads(ask("show", "--runs", tmp_path, "--json"))
    assert [one["run"] for one in everything] == sorted(one["run"] for one in everything)
    assert {one["weights_sha256"] for one in everything} == {"ab" * 32, None}


def test_an_unknown_or_ambiguous_run(refuse: Ask, tmp_path: Path) -> None:
    for seed in range(2):
        make_run(tmp_path, "enco", seed=seed)
    for verb in ("show", "logs"):
        assert "no run 'munit'" in refuse(verb, "--runs", tmp_path, "munit")
        assert "matches 2 runs" in refuse(verb, "--runs", tmp_path, "enco")


def test_the_last_lines_of_a_log(ask: Ask, refuse: Ask, tmp_path: Path) -> None:
    run = make_run(tmp_path, "enco")
    run.log.write_text("".join(f"line {i}\n" for i in range(30)))
    assert ask("logs", "--runs", tmp_path, "enco").splitlines() == [f"line {i}" for i in range(10, 30)]
    assert ask("logs", "--runs", tmp_path, "enco", "-n", "2") == "line 28\nline 29\n"
    assert ask("logs", "--runs", tmp_path, "enco", "-n", "1", "-f") == "line 29\n"  # finished: nothing to wait for
    assert "expected 0 or more" in refuse("logs", "--runs", tmp_path, "enco", "-n", "-1")


def test_a_run_without_a_log(capsys: Capture, tmp_path: Path) -> None:
    make_run(tmp_path, "enco")
    assert main(["logs", "--runs", str(tmp_path), "enco"]) == 0
    assert "has no log yet" in capsys.readouterr().err


def test_a_log_is_followed_until_the_run_ends(ask: Ask, tmp_path: Path) -> None:
    run = make_run(tmp_path, "enco", stage="running")
    run.log.write_text("old\nbegin\n")

    begun = threading.Event()

    def work() -> None:
        with lease(run.path):
            begun.set()
            for text in ("middle\n", "end\n"):
                time.sleep(0.7)
                with run.log.open("a") as file:
                    file.write(text)

    worker = threading.Thread(target=work)
    worker.start()
    begun.wait()
    assert ask("logs", "--runs", tmp_path, "enco", "-f", "-n", "1") == "begin\nmiddle\nend\n"
    worker.join()


def test_methods_are_listed(ask: Ask) -> None:
    text = ask("methods")
    assert text == ask("methods", "list")
    for name in targets():
        assert f"\n{name} " in text
        assert card(name).paper in text


@pytest.mark.parametrize("name", targets())
def test_a_method_in_full(ask: Ask, name: str) -> None:
    text = ask("methods", "show", name)
    words = " ".join(text.split())
    for option in card(name).options:
        assert f"  {option.name} = {show(option.default)}   (" in text
        assert " ".join(option.help.split()) in words
    for difference in card(name).differences:
        for part in difference:
            assert " ".join(part.split()) in words
    assert not [line for line in text.splitlines() if len(line) > 100]


def test_an_unknown_method(refuse: Ask) -> None:
    assert "unknown method 'enko'. Did you mean 'enco'?" in refuse("methods", "show", "enko")


def test_datasets(ask: Ask, refuse: Ask) -> None:
    text = ask("datasets")
    assert text == ask("datasets", "list")
    assert "toy-cityscapes" in text
    assert "embedded" in ask("datasets", "show", "toy")
    assert "$HARNESS_DATA/horse2zebra" in ask("datasets", "show", "horse2zebra")
    assert "Did you mean 'horse2zebra'" in refuse("datasets", "show", "horse2zebras")
