"""``harness eval`` of two folders: what it prints, and what it says of input that cannot be scored."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from harness.cli import main
from tests.conftest import ROOT
from tests.evaluation.pictures import folder_of
from tests.parity.inception_recipe import recipe_state, write_weights

Capture = pytest.CaptureFixture[str]
Refuse = Callable[..., str]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache; no weights that the user may have."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("HARNESS_INCEPTION", raising=False)


@pytest.fixture
def refuse(capsys: Capture) -> Refuse:
    """Call ``harness eval``; it must fail as a mistake of the user's, in one line, which is returned."""

    def call(*words: object) -> str:
        assert main(["eval", *map(str, words), "--device", "cpu"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1, err
        return err

    return call


def test_scores_of_two_folders(tmp_path: Path, capsys: Capture) -> None:
    fake, real = folder_of(tmp_path / "fake", 3, 40, 60), folder_of(tmp_path / "real", 3, 40, 60)
    words = ["eval", str(fake), str(real), "--metrics", "fd-random,psnr", "--device", "cpu"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["fd-random", "psnr"]
    assert lines[0].endswith("fd-random/v1[seed=0]   3 against 3 pictures")
    assert main([*words, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert [(score["metric"], score["n_fake"], score["spread"]) for score in scores] == [
        ("fd-random", 3, None),
        ("psnr", 3, None),
    ]


def test_the_exit_code_of_the_process(tmp_path: Path) -> None:
    folder_of(tmp_path / "fake", 1)
    folder_of(tmp_path / "real", 3)
    command = [sys.executable, "-m", "harness", "eval", str(tmp_path / "fake"), str(tmp_path / "real")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"harness eval: {tmp_path}/fake: holds 1 picture; fid needs at least 2 on each side\n"


def test_no_pictures_or_no_folder(tmp_path: Path, refuse: Refuse) -> None:
    real = folder_of(tmp_path / "real", 3)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no picture")
    for metric in ("fid", "kid", "swd", "psnr"):
        assert "empty: holds no picture; expected files ending in" in refuse(
            tmp_path / "empty", real, "--metrics", metric
        )
        assert "none: no such folder" in refuse(real, tmp_path / "none", "--metrics", metric)


@pytest.mark.parametrize("content", [b"", b"no picture", None], ids=["empty", "text", "cut"])
def test_one_broken_picture_is_named(tmp_path: Path, refuse: Refuse, content: bytes | None) -> None:
    fake, real = folder_of(tmp_path / "fake", 3), folder_of(tmp_path / "real", 3)
    bad = fake / "001.png"
    bad.write_bytes(bad.read_bytes()[:200] if content is None else content)
    for metric in ("fd-random", "swd", "ssim"):
        message = refuse(fake, real, "--metrics", metric)
        assert f"{bad}: broken picture" in message
        assert "replace it or take it away" in message


def test_counterparts_of_another_size_or_number(tmp_path: Path, refuse: Refuse) -> None:
    fake = folder_of(tmp_path / "fake", 3, 64, 64)
    assert "000.png" in refuse(fake, folder_of(tmp_path / "wide", 3, 64, 80), "--metrics", "psnr")
    assert "002.png" in refuse(fake, folder_of(tmp_path / "fewer", 2), "--metrics", "ssim")


def test_pictures_that_are_too_small(tmp_path: Path, refuse: Refuse) -> None:
    fake = folder_of(tmp_path / "fake", 3, 64, 12)
    assert "000.png: a side of 12 pixels; SWD needs at least 16x16" in refuse(fake, fake, "--metrics", "swd")


def test_weights_of_another_network_and_of_another_training(
    tmp_path: Path, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = folder_of(tmp_path / "fake", 3)
    other = tmp_path / "other.pth"
    monkeypatch.setenv("HARNESS_INCEPTION", str(other))
    assert "other.pth" in refuse(fake, fake)
    torch.save({"conv1.weight": torch.zeros(3, 3)}, other)
    assert "other.pth: weights of another network" in refuse(fake, fake)
    other.write_bytes(np.random.RandomState(0).bytes(1000))
    assert "other.pth: cannot be read as weights of the FID Inception" in refuse(fake, fake)
    write_weights(recipe_state(2024), other)
    assert "other.pth: wrong digest" in refuse(fake, fake)


def test_names_and_devices_that_are_not_there(tmp_path: Path, refuse: Refuse) -> None:
    fake = folder_of(tmp_path / "fake", 3)
    assert "unknown metric 'fdi'. Did you mean 'fid'" in refuse(fake, fake, "--metrics", "fdi")
    assert "unknown metric ''" in refuse(fake, fake, "--metrics", "")


def test_kid_is_told_with_its_spread() -> None:
    from evaluation.protocol import Score
    from harness.commands.eval import line_of

    score = Score("kid", 12.5, "clean-kid/v1", "lower", 10, 12, None, "0" * 64, spread=0.75)
    assert line_of(score) == "kid                12.5 (subsets ± 0.75)   clean-kid/v1   10 against 12 pictures"


def test_a_picture_of_one_colour_is_a_picture(tmp_path: Path, capsys: Capture) -> None:
    for side in ("fake", "real"):
        (tmp_path / side).mkdir()
        for i in range(3):
            Image.new("RGB", (20, 20), (i, 0, 0)).save(tmp_path / side / f"{i}.png")
    words = ["eval", str(tmp_path / "fake"), str(tmp_path / "real"), "--metrics", "fd-random,swd,ssim"]
    assert main([*words, "--device", "cpu"]) == 0
    values = [float(line.split()[1]) for line in capsys.readouterr().out.splitlines()]
    assert values == pytest.approx([0, 0, 1], abs=1e-9)
