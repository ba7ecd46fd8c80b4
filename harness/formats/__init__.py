"""The formats a table can be printed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.formats.data import as_csv, as_json
from harness.formats.latex import as_latex
from harness.formats.markdown import as_markdown
from harness.formats.text import as_text
from harness.table import Table

FORMATS: dict[str, Callable[[Sequence[Table], str], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "latex": as_latex,
    "csv": as_csv,
    "json": as_json,
}
"""each takes the tables and what to add to the commands that notes name (``--runs DIR``), and ends with a newline"""
