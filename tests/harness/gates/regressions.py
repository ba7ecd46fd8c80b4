"""Regressions as a careless change would bring them in: copies of the packages in which one line is another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.real_data import ROOT


class Regression(NamedTuple):
    """One line of the source, and what becomes of it."""

    file: str
    line: str
    becomes: str


REGRESSIONS = {
    "a sign error in the loss": Regression("methods/enco.py", "content = c.lambda_NCE *", "content = -c.lambda_NCE *"),
    "a learning rate times 3": Regression(
        "methods/interface.py", 'group["initial_lr"] * factor', '3 * group["initial_lr"] * factor'
    ),
    "a discriminator that never updates": Regression(
        "methods/enco.py", 'minimise(d_total, self.optimizers["D"])', "d_total.backward()"
    ),
    "a blur kernel that is not normalised": Regression(
        "methods/layers.py",
        "(torch.outer(tap, tap) / 16).expand(channels, 1, 3, 3)",
        "torch.outer(tap, tap).expand(channels, 1, 3, 3)",
    ),
}
"""the four that a check must see with seeds that were not recorded"""
SUBTLE = {
    "a sign that the predictor can take back": Regression("methods/enco.py", "(2 - 2 * F.cos", "(2 + 2 * F.cos"),
    "no blur at all": Regression(
        "methods/layers.py", "tap = torch.tensor([1.0, 2.0, 1.0])", "tap = torch.tensor([0.0, 4.0, 0.0])"
    ),
}
"""changes that no statistic over a few seeds can see, but the first step of a recorded seed can"""


def check_with(regression: Regression | None, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """``harness check WORDS`` in a process of its own, by the code with one line changed."""
    copy = folder / "code"
    for package in ("harness", "methods", "baselines", "evaluation", "results/gates"):
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    if regression is not None:
        path = copy / regression.file
        source = path.read_text()
        assert source.count(regression.line) == 1, f"{regression.file} has no single {regression.line!r} any more"
        path.write_text(source.replace(regression.line, regression.becomes))
    return subprocess.run(
        [sys.executable, "-m", "harness", "check", *words, "--device", "cpu"],
        capture_output=True,
        text=True,
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)},
        check=False,
    )
