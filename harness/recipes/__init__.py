"""The studies that come with the harness, as TOML files beside this one. Imports no torch."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UserError, unknown
from harness.toml import read_toml


def recipes() -> dict[str, Path]:
    """Every recipe by name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.toml"))}


def summaries() -> list[str]:
    """A line for each recipe."""
    return [f"  {name:16} {read_toml(path).get('summary', '')}" for name, path in recipes().items()]


def find(text: str) -> Path:
    """The file of a recipe, or the TOML file with this path; UserError where there is neither."""
    if text in recipes():
        return recipes()[text]
    path = Path(text)
    if path.is_file():
        return path
    if "/" in text or path.suffix:
        raise UserError(f"there is no file {text}; expected a TOML file of grids or a recipe: {', '.join(recipes())}")
    raise unknown("recipe", text, recipes(), "or the path of a TOML file")
