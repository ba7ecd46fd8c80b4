"""A lease has one holder, whoever races for it, dies, freezes or lives on another machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.lease import Holder, LeaseLost, create, holder_of, lease, newest
from harness.machine import process, this_machine

HOLD = """
import sys, time
from pathlib import Path
from harness.lease import lease
with lease(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
RACE = """
import sys
from pathlib import Path
from harness.errors import UserError
from harness.lease import lease
sys.stdin.read()
try:
    with lease(Path(sys.argv[1])) as held:
        print("won", flush=True)
        open(sys.argv[2]).read()  # until all are through
        held.check()
except UserError as error:
    print(error)
"""
ELSEWHERE = Holder(token="t", pid=1, machine="another boot pid:[1]", host="node7", job="42")


def python(code: str, *words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def holding(folder: Path) -> subprocess.Popen[str]:
    """A process that holds the lease of ``folder`` until its input is closed."""
    process = python(HOLD, folder)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    assert holder_of(tmp_path) is None
    with lease(tmp_path, job="17") as held:
        held.check()
        found = holder_of(tmp_path)
        assert found is not None
        assert (found.pid, found.host, found.job) == (os.getpid(), socket.gethostname(), "17")
        with (
            pytest.raises(UserError, match=rf"is being run by process {os.getpid()} on .* \(job 17\); wait"),
            lease(tmp_path),
        ):
            pass
        held.check()
    assert holder_of(tmp_path) is None
    with lease(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == ["lease-2.json"]


def test_a_living_process_keeps_it_and_a_killed_one_loses_it_at_once(tmp_path: Path) -> None:
    other = holding(tmp_path)
    with pytest.raises(UserError, match=f"process {other.pid} "), lease(tmp_path):
        pass
    other.kill()  # and is not waited for: a process that nobody asked about stays as a zombie
    while process(other.pid)[0] != "Z":
        time.sleep(0.01)
    assert holder_of(tmp_path) is None
    with lease(tmp_path):
        pass
    other.communicate()


def test_a_number_that_another_process_got_later_is_not_its_holder(tmp_path: Path) -> None:
    state, started = process(os.getpid())
    assert state in "RS"
    again = Holder(token="t", pid=os.getpid(), started=str(int(started) - 1), machine=this_machine())
    assert again.standing == "gone"
    assert replace(again, started=started).standing == "alive"


@pytest.mark.parametrize("before", ["nobody", "a dead process"])
def test_of_many_who_race_one_wins(tmp_path: Path, before: str) -> None:
    folder, over = tmp_path / "run", tmp_path / "over"
    folder.mkdir()
    os.mkfifo(over)
    if before == "a dead process":
        dead = holding(folder)
        dead.kill()
        dead.communicate()
    racers = [python(RACE, folder, over) for _ in range(8)]
    for racer in racers:
        assert racer.stdin
        racer.stdin.close()
    said = [racer.stdout.readline() for racer in racers if racer.stdout]
    assert sorted(said)[-1] == "won\n"
    assert all("is being run by process" in line for line in sorted(said)[:-1])
    over.open("w").close()
    assert [racer.wait(timeout=60) for racer in racers] == [0] * 8
    for racer in racers:
        assert racer.stdout
        racer.stdout.close()


def test_of_another_machine_the_heartbeat_is_watched(tmp_path: Path) -> None:
    path = tmp_path / "lease-4.json"
    create(path, ELSEWHERE)
    os.utime(path, (1, 1))  # clocks that differ by decades: nobody compares them before a takeover
    over = threading.Event()

    def beat() -> None:
        beats = 0
        while not over.wait(0.05):
            beats += 1
            path.write_bytes(replace(ELSEWHERE, beats=beats).text())

    heart = threading.Thread(target=beat)
    heart.start()
    with pytest.raises(UserError, match=r"process 1 on node7 \(job 42\)"), lease(tmp_path, patience=60):
        pass
    assert holder_of(tmp_path) is not None
    over.set()
    heart.join()
    with lease(tmp_path, patience=0.5) as held:
        assert held.path.name == "lease-5.json"
        assert not path.exists()


def test_a_reader_believes_a_fresh_heartbeat_of_another_machine(tmp_path: Path) -> None:
    path = tmp_path / "lease-1.json"
    create(path, ELSEWHERE)
    assert holder_of(tmp_path) == ELSEWHERE
    os.utime(path, (time.time() - 3600,) * 2)
    assert holder_of(tmp_path) is None
    path.write_bytes(replace(ELSEWHERE, host=socket.gethostname()).text())  # this host, before it was booted again
    assert holder_of(tmp_path) is None


def test_a_holder_that_froze_finds_out_before_it_writes(tmp_path: Path) -> None:
    other = holding(tmp_path)
    other.send_signal(signal.SIGSTOP)
    while process(other.pid)[0] != "T":
        time.sleep(0.01)
    with lease(tmp_path, patience=0.5) as mine:
        other.send_signal(signal.SIGCONT)
        other.communicate()  # wakes up, beats, gives its lease back
        mine.check()
        assert [path.name for path in tmp_path.iterdir()] == ["lease-2.json"]


def test_a_lost_lease_is_said(tmp_path: Path) -> None:
    with lease(tmp_path) as held:
        held.path.unlink()
        create(tmp_path / "lease-2.json", ELSEWHERE)
        with pytest.raises(LeaseLost, match=r"taken over by process 1 on node7 \(job 42\)"):
            held.check()
        with pytest.raises(FileNotFoundError):
            held.write(held.holder)
    assert newest(tmp_path) == (2, ELSEWHERE)


def test_a_file_that_is_not_written_yet_is_watched(tmp_path: Path) -> None:
    """Where links are refused the file is made empty and then written; whoever made it may die in between."""
    (tmp_path / "lease-1.json").write_bytes(b"")
    threading.Timer(0.5, create, (tmp_path / "lease-2.json", ELSEWHERE)).start()
    with pytest.raises(UserError, match=r"process \? on another host"), lease(tmp_path, patience=60):
        pass
    (tmp_path / "lease-2.json").write_bytes(b"")
    with lease(tmp_path, patience=0.5) as held:
        assert held.path.name == "lease-3.json"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write to"), lease(tmp_path / "nowhere"):
        pass
