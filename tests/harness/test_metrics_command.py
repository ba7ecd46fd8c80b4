"""``harness metrics`` says of every score what it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from evaluation import METRICS
from harness.cli import main
from tests.conftest import ROOT


def test_every_metric_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics"]) == 0
    text = capsys.readouterr().out
    for metric, block in zip(METRICS.values(), text.split("\n\n"), strict=True):
        words = " ".join(block.split())
        assert words.startswith(metric.name)
        for piece in (
            metric.definition,
            f"{metric.direction} is better",
            f"protocol {metric.protocol}; {metric.source}",
        ):
            assert piece in words
        assert ("weights of" in words) == bool(metric.network)
        assert ("counterpart of each picture" in words) == metric.counterparts
    assert max(map(len, text.splitlines())) <= 100


def test_ranges_and_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics"]) == 0
    blocks = {block.split()[0]: block for block in capsys.readouterr().out.split("\n\n")}
    assert "↓ lower is better; 0 to ∞; needs 2 pictures a side and weights of the FID Inception" in blocks["fid"]
    assert "↑ higher is better; 0 to ∞ (dB); needs the known counterpart" in blocks["psnr"]
    assert "-1 to 1" in blocks["ssim"]
    assert "-∞ to ∞ (x 1000)" in blocks["kid"]
    assert "not LPIPS" in blocks["perceptual-inception"]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics", "--json"]) == 0
    found = {metric["name"]: metric for metric in json.loads(capsys.readouterr().out)}
    assert list(found) == list(METRICS)
    assert found["fid"]["range"] == [0, None]
    assert found["ssim"] == found["ssim"] | {"direction": "higher", "range": [-1, 1], "protocol": "ssim-rgb/v1"}
    for metric in found.values():
        assert metric.keys() >= {"definition", "direction", "range", "unit", "protocol", "source"}


def test_listing_imports_nothing_heavy() -> None:
    script = (
        "import sys; from harness.cli import main; main(['metrics']);"
        "print(*{m for m in ('torch', 'numpy', 'PIL', 'scipy', 'pandas') if m in sys.modules}, file=sys.stderr)"
    )
    out = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stderr.strip() == ""
