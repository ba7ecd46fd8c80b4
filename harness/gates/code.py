"""Which code runs are made by: a digest of the sources that can change their figures. Imports no torch."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.catalogue import target_of

PACKAGES = ("harness", "methods", "baselines", "evaluation")


def code_sha256(methods: Iterable[str]) -> str:
    """SHA-256 over the Python files of the harness, and of the packages that ``methods`` from elsewhere are in."""
    tops = {target_of(method).partition(":")[0].partition(".")[0] for method in methods}
    digest = hashlib.sha256()
    for top in (*PACKAGES, *sorted(tops - set(PACKAGES))):
        for name, path in sources(top):
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def sources(top: str) -> Iterator[tuple[str, Path]]:
    """The Python files of a package or module, and their names in it."""
    found = importlib.util.find_spec(top)
    if found is None or found.origin is None:
        return
    folder = Path(found.origin).parent
    for path in sorted(folder.rglob("*.py")) if found.submodule_search_locations else [Path(found.origin)]:
        yield f"{top}/{path.relative_to(folder).as_posix()}", path
