"""Data that comes with the harness: figures of papers, gates. Imports no torch."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """A folder of such data: inside the installed package, or below ``results`` of the checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "_data" / name
    return installed if installed.is_dir() else here.parent / "results" / name
