"""What is read from a run: windows of its losses, statistics of its pictures, its first step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.gates.figures import Observation, observe, statistics_of, windows
from tests.harness.gates.made_gates import make_trained


def named(observed: list[Observation], kind: str) -> dict[str, float]:
    return {one.name: one.value for one in observed if one.kind == kind}


def test_windows_double() -> None:
    assert windows(64) == [(1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 64)]
    assert windows(3) == [(1, 1), (2, 3)]
    assert windows(0) == []
    assert windows(1000)[0] == (1, 15)
    assert windows(1000)[-1] == (501, 1000)


def test_losses_are_averaged_over_windows(tmp_path: Path) -> None:
    found = named(observe(make_trained(tmp_path, 0, 50.0, loss=2.0)), "loss")
    assert found["G 1-1"] == pytest.approx(2 * (1 - 1 / 128))
    assert found["G 3-4"] == pytest.approx(2 * (1 - 3.5 / 128))
    assert found["G 33-64"] == pytest.approx(2 * (1 - 48.5 / 128))
    assert len(found) == 14


def test_the_first_step_is_kept_with_the_release_of_torch(tmp_path: Path) -> None:
    run = make_trained(tmp_path, 3, 50.0)
    (first, _) = [one for one in observe(run) if one.kind == "start"]
    assert first.name == "G at step 1, seed 3"
    assert dict(first.how) == {"torch": "2.14", "device": "cpu"}


def test_a_run_that_keeps_few_rows_has_no_first_step(tmp_path: Path) -> None:
    run = make_trained(tmp_path, 0, 50.0)
    lines = (run.path / "losses.jsonl").read_text().splitlines()
    (run.path / "losses.jsonl").write_text("\n".join(lines[4::5]) + "\n")
    observed = observe(run)
    assert not named(observed, "start")
    assert "G 5-7" in named(observed, "loss") or "G 4-7" in named(observed, "loss")


def test_statistics_of_pictures(tmp_path: Path) -> None:
    """A black and white halves picture: mean 127.5, deviation 127.5, one step of 255 in each row of 3 differences."""
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[:, 2:] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(np.full((4, 4, 3), 100, np.uint8)).save(tmp_path / "b.png")
    one, both = statistics_of([tmp_path / "a.png"]), statistics_of([tmp_path / "a.png", tmp_path / "b.png"])
    assert one == {"brightness": 127.5, "contrast": 127.5, "detail": 42.5}
    assert both["brightness"] == (127.5 + 100) / 2


def test_scores_say_by_which_protocol(tmp_path: Path) -> None:
    observed = observe(make_trained(tmp_path, 0, 50.0))
    fid = next(one for one in observed if one.name == "fid")
    assert fid.better == "lower"
    assert fid.how["n_real"] == 64
    assert str(fid.how["protocol"]).startswith("pytorch-fid/v1")
    assert next(one for one in observed if one.name == "ssim").better == "higher"
