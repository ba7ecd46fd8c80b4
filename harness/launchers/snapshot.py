"""The code as it was when jobs were submitted: a copy of the sources that Python can run. Imports no torch."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.catalogue import target_of
from harness.errors import UserError
from harness.provenance import CODE, git_state
from harness.runs import write_json

PACKAGES = ("harness", "methods", "baselines", "evaluation")


def take(folder: Path, methods: Iterable[str]) -> Path:
    """Copy the sources of the harness, and of ``methods`` from elsewhere, below ``folder``; returns the copy.

    ``python COPY work RUN`` is then ``harness work RUN`` with this code, whatever happens to the original. Named for
    its content, so that submitting twice copies once. What is installed beside it (torch, methods that are packages
    of the environment) is not copied.
    """
    sources = {name: source_of(name) for name in PACKAGES}
    tops = {target_of(method).partition(":")[0].partition(".")[0] for method in methods}
    sources |= {name: path for name in sorted(tops - sources.keys()) if not is_installed(path := source_of(name))}
    digest = digest_of(sources)
    copy = folder / f"code-{digest[:12]}"
    if copy.exists():
        return copy
    beside = folder / f".code-{secrets.token_hex(4)}"
    try:
        for path in sources.values():
            copy_to(path, beside / path.name)
        shutil.copyfile(sources["harness"] / "__main__.py", beside / "__main__.py")
        write_json(beside / CODE, {**git_state(sources["harness"].parent), "sha256": digest})
        beside.rename(copy)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        if not copy.exists():  # else another front was faster
            raise UserError(f"cannot copy the code to {folder}: {error.strerror}") from None
    return copy


def source_of(name: str) -> Path:
    """The folder of a package, or the file of a module."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).resolve()
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise UserError(f"the source of {name!r} cannot be found, so no job can be given a copy of it")
    return Path(spec.origin).resolve()


def is_installed(path: Path) -> bool:
    """Whether a source belongs to a Python environment."""
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts)


def files_of(source: Path) -> Iterator[Path]:
    """Every file of a package in a fixed order, or the one file of a module."""
    if source.is_file():
        yield source
        return
    for root, folders, files in os.walk(source):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        yield from (Path(root) / name for name in sorted(files) if not name.startswith("."))


def digest_of(sources: dict[str, Path]) -> str:
    """SHA-256 over names and contents."""
    total = hashlib.sha256()
    for name, source in sorted(sources.items()):
        for path in files_of(source):
            total.update(f"{name}/{path.relative_to(source)}\0".encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def copy_to(source: Path, target: Path) -> None:
    for path in files_of(source):
        file = target / path.relative_to(source) if path != source else target
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, file)
