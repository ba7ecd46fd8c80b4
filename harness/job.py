"""How a run is to be worked on: ``job.json`` in its folder. Nothing in it changes what is trained. Imports no torch.

The front writes it, whatever starts ``harness work FOLDER`` reads it; so the command of a job is the same line
everywhere, and nothing but the path of a run folder has to reach it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from harness.runs import read_json, write_json

FILE = "job.json"
Reference = Literal["testB", "real_B", "trainB"]
CHOICES: tuple[Reference, ...] = ("testB", "real_B", "trainB")
"""of the pictures that translations are compared with, see `harness.references`"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What was asked for beside the configuration of the run, and who was asked to run it."""

    metrics: tuple[str, ...] = ("fid",)
    """scores beside the content error"""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N"""
    reference: Reference = "testB"
    """what translations are compared with"""
    drn: str = ""
    """file of DRN-D-22 weights; "": `$HARNESS_DRN`, else a network trained on the same dataset"""
    drn_size: str = ""
    """WIDTHxHEIGHT at which that network sees pictures; "": the default of the dataset"""
    tensorboard: bool = False
    """whether TensorBoard event files are written too"""
    launcher: str = ""
    """what the run was handed to (``local``, ``slurm``); "" where the front started it itself"""
    id: str = ""
    """what that launcher calls it"""
    cancelled: bool = False
    """whether it was taken back by `harness cancel`"""


def read_job(folder: Path) -> Job:
    """The job of a run folder; the defaults where there is none, fields of other versions left aside."""
    values: Mapping[str, Any] = read_json(folder / FILE) or {}
    known = {field.name for field in fields(Job)}
    found: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Job(**{name: value for name, value in found.items() if name in known})


def write_job(folder: Path, job: Job) -> None:
    """Keep ``job`` in a run folder, in place of the one before."""
    write_json(folder / FILE, asdict(job))
