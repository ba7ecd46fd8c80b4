"""Every method keeps the contract; a method that breaks it is caught by the check that says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.catalogue import targets
from harness.cli import main
from harness.contract import NARROW, Finding, examine, narrow
from harness.errors import UserError

WITH_VGG = """
import torch
from baselines.fsesim import FSeSim
from baselines.lsesim import LSeSim
from methods.vgg import shapes

GENERATOR = torch.Generator().manual_seed(0)
WEIGHTS = {name: 0.02 * torch.randn(shape, generator=GENERATOR) for name, shape in shapes().items()}


class DrawnFSeSim(FSeSim):
    '''FSeSim with weights of VGG16 that were drawn: the contract says nothing of what they see.'''

    def __init__(self, config, shape):
        super().__init__(config, shape, WEIGHTS)


class DrawnLSeSim(LSeSim):
    '''The same of LSeSim.'''

    def __init__(self, config, shape):
        super().__init__(config, shape, WEIGHTS)
"""
GOOD = """
import os
import random
import time

import numpy as np
import torch
from torch import nn

from methods.config import MethodConfig
from methods.interface import Method, detached, minimise


class Good(Method):
    '''A generator and a discriminator of least squares.'''

    title = "Good"
    paper = "nobody, nowhere"
    year = 2026
    Config = MethodConfig

    def __init__(self, config, shape):
        super().__init__(config, shape)
        self.G = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, padding=1), nn.Tanh())
        self.D = nn.Conv2d(3, 1, 4, 2, 1)
        for name in "GD":
            self.adam(name, self.get_submodule(name).parameters(), 2e-4, (0.5, 0.999))

    def step(self, batch):
        fake = self.G(batch.a)
        d = self.weigh(self.D(fake.detach()).square().mean() + (self.D(batch.b) - 1).square().mean())
        minimise(d, self.optimizers["D"])
        g = (self.D(fake) - 1).square().mean()
        minimise(g, self.optimizers["G"])
        return detached(G=g, D=d)

    def weigh(self, loss):
        return loss

    def translate(self, a):
        return self.G(a)


class Broken(Good):
    '''The same with a fault.'''

"""
FAULTS: dict[str, tuple[str, set[str]]] = {
    "none": ("pass", set()),
    "refuses every size": (
        """def __init__(self, config, shape):
        raise ValueError("no size will do")""",
        {"builds"},
    ),
    "refuses large pictures": (
        """def __init__(self, config, shape):
        super().__init__(config, shape)
        if shape.width > 128:
            raise ValueError("too large")""",
        {"builds"},
    ),
    "a step that fails": ("def weigh(self, loss): return loss / self.unknown", {"steps"}),
    "a network forgotten in the step": (
        """def step(self, batch):
        fake = self.G(batch.a)
        g = (self.D(fake) - 1).square().mean()
        minimise(g, self.optimizers["G"])
        return detached(G=g)""",
        {"updates"},
    ),
    "a network forgotten in the optimisers": (
        """def __init__(self, config, shape):
        super().__init__(config, shape)
        self.H = nn.Linear(2, 2)""",
        {"updates"},
    ),
    "a frozen network that changes": (
        """def __init__(self, config, shape):
        super().__init__(config, shape)
        self.H = nn.Linear(2, 2).requires_grad_(False)

    def weigh(self, loss):
        self.H.bias.add_(1)
        return loss""",
        {"updates"},
    ),
    "a buffer that changes and is not saved": (
        """def __init__(self, config, shape):
        super().__init__(config, shape)
        self.register_buffer("count", torch.zeros(()), persistent=False)

    def weigh(self, loss):
        self.count += 1
        return loss""",
        {"updates", "resume"},
    ),
    "a network made in the first step": (
        """def weigh(self, loss):
        if not hasattr(self, "H"):
            self.H = nn.Linear(1, 1)
            self.adam("H", self.H.parameters(), 1e-3, (0.5, 0.999))
        return loss + self.H(loss.detach()[None]).sum()""",
        {"updates", "resume", "host reads"},
    ),
    "state in a plain attribute": (
        """def weigh(self, loss):
        self.mean = 0.9 * getattr(self, "mean", 0.0) + 0.1 * loss.detach()
        return loss * self.mean""",
        {"resume"},
    ),
    "numbers of NumPy": ("def weigh(self, loss): return loss * np.random.rand()", {"host randomness", "resume"}),
    "numbers of Python": ("def weigh(self, loss): return loss * random.random()", {"host randomness", "resume"}),
    "numbers of the clock": (
        "def weigh(self, loss): return loss * (1 + time.perf_counter_ns() % 99991)",
        {"same seed", "resume"},
    ),
    "numbers of the process": ("def weigh(self, loss): return loss * (1 + os.getpid() % 7)", {"kills"}),
    "a number read": ("def weigh(self, loss): return loss / loss.item()", {"host reads"}),
    "a branch on a number": ("def weigh(self, loss): return loss if loss > 1 else 2 * loss", {"host reads"}),
    "a shape that depends on numbers": (
        """def step(self, batch):
        losses = super().step(batch)
        return losses | detached(bright=batch.a[batch.a > 0].mean())""",
        {"host reads"},
    ),
    "a loss that is no number": (
        "def weigh(self, loss): return loss * float('nan')",
        {"losses", "translate", "batch sizes"},
    ),
    "a loss with its graph": (
        """def step(self, batch):
        return super().step(batch) | {"G": self.G(batch.a).mean()}""",
        {"losses"},
    ),
    "a loss for each picture": (
        """def step(self, batch):
        return super().step(batch) | {"G": batch.a.mean((1, 2, 3))}""",
        {"losses"},
    ),
    "a translation of another size": ("def translate(self, a): return self.G(a)[..., 1:]", {"translate"}),
    "a translation out of range": ("def translate(self, a): return 1000 * self.G(a)", {"translate"}),
    "a translation that changes the method": (
        """def translate(self, a):
        self.D.bias.add_(1)
        return self.G(a)""",
        {"translate"},
    ),
    "no way back": ("two_sided = True", {"translate back"}),
    "one picture only": (
        """def step(self, batch):
        batch.a.reshape(1, 3, *batch.a.shape[2:])
        return super().step(batch)""",
        {"batch sizes"},
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for module in tmp_path.glob("*.py"):
        sys.modules.pop(module.stem, None)


def add_broken(folder: Path, fault: str) -> str:
    """Write a method with one of `FAULTS`; returns its name."""
    module = "broken_" + "".join(filter(str.isalnum, fault))
    (folder / f"{module}.py").write_text(f"{GOOD}    {FAULTS[fault][0]}\n")
    return f"{module}:Broken"


def failures(findings: list[Finding]) -> str:
    return "\n".join(f"{finding.check}: {finding.found}" for finding in findings if not finding.ok)


FIRST = {"enco", "cut", "cyclegan", "munit", "gcgan", "dclgan", "fsesim", "monce", "qsattn"}
"""the methods of Table 1; their relatives are tested with the slow tests"""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FIRST else [pytest.mark.slow]) for name in targets()]
)
def test_every_method_keeps_the_contract(name: str) -> None:
    try:
        findings = list(examine(name))
    except FileNotFoundError as error:
        pytest.skip(f"{name}: {error}")
    assert not failures(findings)


@pytest.mark.parametrize("name", ["DrawnFSeSim", pytest.param("DrawnLSeSim", marks=pytest.mark.slow)])
def test_methods_with_a_frozen_network_keep_the_contract(name: str, folder: Path) -> None:
    (folder / "drawn_vgg.py").write_text(WITH_VGG)
    assert not failures(list(examine(f"drawn_vgg:{name}")))


SLOW_FAULTS = {"numbers of the process"}
"""those that only the kills find, after every other check"""


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=[pytest.mark.slow] if fault in SLOW_FAULTS else []) for fault in FAULTS]
)
def test_a_fault_is_caught_by_the_check_that_names_it(fault: str, folder: Path) -> None:
    findings = list(examine(add_broken(folder, fault)))
    assert {finding.check for finding in findings if not finding.ok} == FAULTS[fault][1], failures(findings)


@pytest.mark.slow
def test_the_command_prints_a_line_a_check_and_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, broken = add_broken(folder, "none"), add_broken(folder, "a number read")
    assert main(["methods", "test", good]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"keep the contract: {good}"
    assert main(["methods", "test", good, broken]) == 1
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if "FAILED" in line)
    assert line.startswith("  FAILED  host reads       HostRead: a number is read back from the device")
    assert line.endswith(f"({broken.partition(':')[0]}.py, line 47)")
    assert lines[-1] == f"keep the contract: {good}; break it: {broken}"


def test_a_method_without_its_files_is_skipped_by_name(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(folder))
    monkeypatch.setenv("TORCH_HOME", str(folder))
    monkeypatch.delenv("HARNESS_VGG16", raising=False)
    assert main(["methods", "test", "baselines.fsesim:FSeSim"]) == 0
    _, reason, last = capsys.readouterr().out.splitlines()
    assert reason.startswith("  skipped: torchvision's weights of VGG16 are not on this machine")
    assert last == "skipped: baselines.fsesim:FSeSim"


def test_a_name_that_is_no_method_ends_it_before_the_first_check(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["methods", "test", "cut", "enko"]) == 2
    assert capsys.readouterr().out == ""
    (folder / "no_method.py").write_text('class Thing:\n    """No method."""\n')
    with pytest.raises(UserError, match=r"not a class derived from methods\.interface\.Method"):
        list(examine("no_method:Thing"))


def test_only_options_that_a_method_has_are_narrowed() -> None:
    assert narrow("cut") == {"ngf": 8, "ndf": 8, "netF_nc": 16, "num_patches": 16}
    assert narrow("discogan") == {"width": NARROW["width"]}
