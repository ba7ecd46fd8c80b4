"""Reading TOML files that users write."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from harness.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; UserError where it cannot be read, with the place of a mistake."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # no TOML, or no UTF-8
        raise UserError(f"{path} is not TOML: {error}") from None
