"""Cluster profiles: read from TOML, and every mistake in them said in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.launchers import Resources
from harness.launchers.profile import Profile, clusters_file, read_profile

CLUSTERS = """
[default]
partition = "gpu"
gpus = 1
throttle = 8
setup = ["module load cuda", "source env/bin/activate"]

[debug]
partition = "debug"
minutes = 10
mem_gb = 4.5
sbatch = { reservation = "school", exclusive = true, nice = 100 }
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where ``clusters.toml`` lies."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    clusters_file().parent.mkdir()
    clusters_file().write_text(CLUSTERS)
    return tmp_path


def refused(text: str, folder: Path) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_profile(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_by_name_and_by_file(home: Path) -> None:
    assert read_profile() == read_profile("default")
    assert read_profile().setup == ("module load cuda", "source env/bin/activate")
    debug = read_profile("debug")
    assert debug == Profile(
        partition="debug",
        minutes=10,
        mem_gb=4.5,
        sbatch={"reservation": "school", "exclusive": True, "nice": 100},
    )
    file = home / "own.toml"
    file.write_text('partition = "debug"\nminutes = 10\nmem_gb = 4.5\n[sbatch]\nreservation = "school"\n')
    assert read_profile(str(file)).sbatch == {"reservation": "school"}


def test_what_was_asked_for_comes_before_the_profile(home: Path) -> None:
    profile = read_profile("debug")
    assert profile.resources(Resources()) == Resources(minutes=10, mem_gb=4.5)
    assert profile.resources(Resources(cpus=2, minutes=60)) == Resources(cpus=2, minutes=60, mem_gb=4.5)
    assert read_profile().resources(Resources(gpus=0)).gpus == 0


def test_without_a_file_the_cluster_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert read_profile() == Profile()
    with pytest.raises(UserError, match=r"there is no .*clusters\.toml"):
        read_profile("debug")


def test_mistakes(home: Path) -> None:
    with pytest.raises(UserError, match=r"unknown profile 'debugg'\. Did you mean 'debug'"):
        read_profile("debugg")
    assert "Did you mean 'partition'" in refused('partiton = "gpu"', home)
    assert "minutes = '4h'; expected a whole number" in refused('minutes = "4h"', home)
    assert "gpus = True; expected a whole number" in refused("gpus = true", home)
    assert "minutes = 0; expected a whole number above 0" in refused("minutes = 0", home)
    assert "expected a list of shell lines" in refused("setup = [1]", home)
    assert "sbatch.reservation" in refused("sbatch = { reservation = [1] }", home)
    assert "is not TOML" in refused("partition = gpu", home)
    with pytest.raises(UserError, match="cannot read"):
        read_profile(str(home / "none.toml"))
