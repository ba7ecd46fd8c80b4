"""Cluster profiles: what SLURM has to be told on one cluster, kept in a TOML file under a name. Imports no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.errors import UserError, unknown
from harness.launchers import Resources
from harness.toml import read_toml

DEFAULT = "default"
MINUTES = 240
"""time limit where nobody gives one; submitit's own default of 5 would cut every run into crumbs"""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How jobs are submitted on one cluster. Every field may be left out: then the cluster decides."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    """features that a node must have"""
    gres: str = ""
    """generic resources, e.g. ``gpu:a100:1``"""
    cpus: int | None = None
    gpus: int | None = None
    mem_gb: float | None = None
    minutes: int = MINUTES
    """time limit of one start; a job that reaches it is requeued and continues from its checkpoint"""
    throttle: int | None = None
    """jobs of one array that run at once, at most"""
    python: str = ""
    """command that starts Python on a node; "" for the one that submits"""
    setup: tuple[str, ...] = ()
    """shell lines before it: modules, environment"""
    sbatch: Mapping[str, str | int | bool] = field(default_factory=dict)
    """further options of sbatch by their long name; ``true`` for one without a value"""

    def resources(self, asked: Resources) -> Resources:
        """What a job gets: what was asked for, and the profile where nothing was."""

        def first(name: str) -> Any:
            value = getattr(asked, name)
            return getattr(self, name) if value is None else value

        return Resources(**{one.name: first(one.name) for one in fields(Resources)})


def clusters_file() -> Path:
    """Where profiles are looked up by name."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "unpaired-harness" / "clusters.toml"


def read_profile(name: str = "") -> Profile:
    """A profile: a table of the clusters file by name, or the only content of a file that ends in ``.toml``.

    Without a name it is ``default`` of the clusters file, and a profile without settings where there is none.
    Raises UserError for what is not there, a key that is not known, or a value of the wrong kind.
    """
    if name.endswith(".toml"):
        return profile_of(read_toml(Path(name).expanduser()), name)
    path = clusters_file()
    if not path.exists():
        if name:
            raise UserError(f"profile {name!r}: there is no {path}. Write it (docs/clusters.md), or name a .toml file")
        return Profile()
    tables = {key: value for key, value in read_toml(path).items() if isinstance(value, dict)}
    if name and name not in tables:
        raise unknown("profile", name, tables, str(path))
    return profile_of(tables.get(name or DEFAULT, {}), f"[{name or DEFAULT}] in {path}")


def profile_of(values: Mapping[str, Any], where: str) -> Profile:
    """The profile that a TOML table describes; UserError naming ``where`` for what it cannot mean."""
    kinds: dict[str, tuple[type | tuple[type, ...], str]] = {
        "cpus": (int, "a whole number"),
        "gpus": (int, "a whole number"),
        "mem_gb": ((int, float), "a number"),
        "minutes": (int, "a whole number"),
        "throttle": (int, "a whole number"),
        "setup": (list, "a list of shell lines"),
        "sbatch": (dict, "a table of options"),
    }
    known = [one.name for one in fields(Profile)]
    for key, value in values.items():
        if key not in known:
            raise unknown(
                f"key of {where}:", key, known, "docs/clusters.md; other options of sbatch go into sbatch = {}"
            )
        kind, told = kinds.get(key, (str, "text"))
        if not isinstance(value, kind) or isinstance(value, bool):
            raise UserError(f"{where}: {key} = {value!r}; expected {told}")
        if isinstance(value, (int, float)) and value < (0 if key == "gpus" else 1e-3):
            raise UserError(f"{where}: {key} = {value!r}; expected {told} above 0")
    if not all(isinstance(line, str) for line in values.get("setup", [])):
        raise UserError(f"{where}: setup = {values['setup']!r}; expected a list of shell lines")
    if bad := [key for key, value in values.get("sbatch", {}).items() if not isinstance(value, (str, int, bool))]:
        raise UserError(f"{where}: sbatch.{bad[0]}: expected text, a whole number, or true")
    found: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return Profile(**found)
