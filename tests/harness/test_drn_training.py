"""``harness drn train``: killed and stopped it ends with the same weights; runs and lists find what it made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from evaluation.drn import expected_shapes
from harness.cli import main
from harness.data.folders import open_dataset
from harness.drn import find_network, kept_networks, networks_folder
from harness.drn_training import recipe_for
from harness.errors import UserError
from tests.harness.streets import make_streets

STEPS = 4


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("HARNESS_DRN", raising=False)


def train(streets: Path, *words: str) -> list[str]:
    """A short training on the streets."""
    fixed = ["--dataset", str(streets), "--direction", "BtoA", "--size", "32x32", "--steps", str(STEPS), "--device"]
    return ["drn", "train", *fixed, "cpu", "--batch-size", "2", *words]


@pytest.mark.slow
def test_killed_and_stopped_it_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    streets = make_streets(tmp_path / "streets")
    digests = []
    for cache in ("whole", "pieces"):
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / cache))
        if cache == "pieces":
            assert ended(streets, 1, signal.SIGKILL) == -signal.SIGKILL
            assert ended(streets, 2, signal.SIGINT) == 130
            capfd.readouterr()
        assert main(train(streets)) == 0
        out = capfd.readouterr().out
        assert ("continues at step" in out) == (cache == "pieces")
        assert "real test photos: mAP (mIoU)" in out
        (network,) = kept_networks()
        digests.append(network.digest)
        assert not list(networks_folder().glob("training-*")), "nothing is left but weights and their description"
    assert digests[0] == digests[1]
    state = torch.load(network.path, weights_only=True)
    assert {key: tuple(value.shape) for key, value in state.items()} == expected_shapes(), "the official layout"
    assert main(train(streets)) == 0
    assert "step" not in capfd.readouterr().out.split("tensors")[0], "trained already: nothing is done"
    assert main(["weights"]) == 0
    assert f"{network.digest[:16]}  {network.path}" in capfd.readouterr().out
    check_finding(streets, network.path)


def ended(streets: Path, checkpoints: int, number: signal.Signals) -> int:
    """Start the training in a process, signal it once there are so many checkpoints; returns its exit code."""
    process = subprocess.Popen([sys.executable, "-m", "harness", *train(streets)], env=os.environ.copy())
    until = time.monotonic() + 120
    while len(list(networks_folder().glob("training-*/checkpoints/step-*.pt"))) < checkpoints:
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(number)
    return process.wait(timeout=120)


def check_finding(streets: Path, weights: Path) -> None:
    """Runs on the same photos find the network at every size; on other photos, or if it was changed, they do not."""
    dataset = open_dataset(str(streets), "BtoA")
    assert find_network(dataset, "", (64, 64)) == weights
    assert find_network(dataset, "other.pth", (64, 64)) == Path("other.pth")
    other = open_dataset(str(make_streets(streets.with_name("other"), train=2)), "BtoA")
    with pytest.raises(UserError, match="no weights of DRN-D-22"):
        find_network(other, "", (64, 64))
    state = torch.load(weights, weights_only=True)
    state["seg.bias"] += 1
    torch.save(state, weights)
    with pytest.raises(UserError, match="wrong digest, its tensors are"):
        find_network(dataset, "", (64, 64))


def test_budgets() -> None:
    """Small sets have a budget for a processor, large ones the published one; what is asked for wins."""
    small, large = (recipe_for(count, (256, 128), 0, 0, 0, 0.01, 0) for count in (200, 2975))
    assert (small.steps, small.batch_size) == (450, 2)
    assert (large.steps, large.batch_size, large.crop) == (250 * (2975 // 32), 32, 112)
    assert recipe_for(200, (256, 128), 0, 3, 10, 0.01, 0).steps == 60
    assert recipe_for(2975, (2048, 1024), 7, 0, 0, 0.01, 0).crop == 896
    rates = [large.rate(step) for step in (0, 99 * 92, 100 * 92, 200 * 92)]
    assert rates == pytest.approx([0.01, 0.01, 0.001, 0.0001])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", "100x64"], "100x64: expected multiples of 8"),
        (["--epochs", "2"], "both --epochs 2 and --steps 4 were given"),
        (["--lr", "0"], "learning rate 0.0"),
        (["--direction", "AtoB"], "is no translation of Cityscapes-like label maps into photos"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    assert main(train(make_streets(tmp_path / "streets"), *words)) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert error.count("\n") == 0


def test_photos_and_maps_that_do_not_fit_are_said_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    streets = make_streets(tmp_path / "streets")
    broken = streets / "trainA" / "3_A.png"
    content = broken.read_bytes()
    broken.write_bytes(content[:60])
    assert main(train(streets)) == 2
    assert "3_A.png" in capsys.readouterr().err
    broken.write_bytes(content)
    (streets / "trainB" / "3_B.png").unlink()
    assert main(train(streets)) == 2
    assert "3_A.png has no label map of its name" in capsys.readouterr().err
