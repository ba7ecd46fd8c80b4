"""Result tables in LaTeX, with the rules of the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.footnotes import BEST, footnotes, published_title
from harness.formats.cells import CellText, count, heads, published_grid, texts, unscored_line
from harness.published import table1
from harness.table import Table

SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    "∞": r"$\infty$",
    "–": "--",
}


def as_latex(tables: Sequence[Table], runs_option: str = "") -> str:
    return "% needs \\usepackage{booktabs}\n" + "\n\n".join(latex_of(table, runs_option) for table in tables) + "\n"


def latex_of(table: Table, runs_option: str) -> str:
    if not table.columns:
        return f"% {unscored_line(table, runs_option)}"
    rows = [
        [escape(row.label), count(row), *map(cell_of, cells)]
        for row, cells in zip(table.rows, texts(table), strict=True)
    ]
    references = sum(row.is_reference for row in table.rows)
    notes = [note.replace(f"{BEST} best", "Bold: best") for note in footnotes(table, runs_option)]
    head = ["method", "$n$", *map(escape, heads(table))]
    ours = environment(table.title, head, rows[:references], rows[references:], notes)
    if not table.published:
        return f"{ours}\n% {published_title(table)}"
    published, sources = published_grid(table.published)
    lines = [[escape(cell) for cell in row] for row in published]
    told = [*(f"({i}) {source}" for source, i in sources.items()), table1().note]
    return f"{ours}\n\n{environment(published_title(table).rstrip(':'), lines[0], [], lines[1:], told)}"


def cell_of(cell: CellText | None) -> str:
    if cell is None:
        return "--"
    text = " \\pm ".join(math_of(part) for part in (cell.mean, cell.std) if part)
    text = f"\\mathbf{{{text}}}" if cell.best else text
    return f"${text}{'^{!}' if cell.floor else ''}$" + (f" {cell.n}" if cell.n else "")


def math_of(number: str) -> str:
    return number.replace("∞", "\\infty").replace("nan", "\\mathrm{nan}")


def environment(
    caption: str,
    head: Sequence[str],
    apart: Sequence[Sequence[str]],
    rows: Sequence[Sequence[str]],
    notes: Sequence[str],
) -> str:
    """A table environment; ``apart`` are rows set above a rule of their own."""
    body = [line(row) for row in apart] + (["\\midrule"] if apart and rows else []) + [line(row) for row in rows]
    return "\n".join(
        [
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{escape(caption)}}}",
            f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
            "\\toprule",
            line(head),
            "\\midrule",
            *body,
            "\\bottomrule",
            "\\end{tabular}",
            "\\par\\medskip\\footnotesize\\raggedright",
            *(f"{escape(note)}\\par" for note in notes),
            "\\end{table}",
        ]
    )


def line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def escape(text: str) -> str:
    """Text in which nothing is taken for a command."""
    return re.sub("|".join(map(re.escape, SPECIAL)), lambda found: SPECIAL[found[0]], text)
