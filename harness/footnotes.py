"""What is said under a table: protocols, budget and seeds, marks, what is missing, machines. Imports no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from evaluation.protocol import METRICS
from harness.cost_columns import COSTS
from harness.frozen import looks_through
from harness.labels import all_options, varied_settings
from harness.published import Figure, table1
from harness.table import Column, Table, TableRow

BEST, FLOOR = "*", "!"
"""marks of plain text: the best mean of a column, and a mean that does not beat the identity row"""
DIGEST = 8
"""digits of a digest that are shown"""


def footnotes(table: Table, runs_option: str = "") -> list[str]:
    """Everything a reader needs to know of the figures; ``runs_option`` is added to the commands named."""
    methods = [row for row in table.rows if not row.is_reference]
    notes = protocols(table)
    notes += real_row(table)
    notes += costs(table)
    notes += budget(table, methods)
    if any(row.key.mark for row in methods):
        notes.append("Imported: weights from a file, trained elsewhere; nothing is known here of their training.")
    if table.common_options:
        shared = ", ".join(f"{name}={value}" for name, value in table.common_options)
        notes.append(f"All methods with {shared} (not their default).")
    notes += frozen_networks(methods)
    notes += meaning_of_marks(methods)
    notes += missing(table, runs_option)
    return notes + machines(table)


def protocols(table: Table) -> list[str]:
    """How scores were made: one note for all columns that were made together."""
    named: dict[str, list[str]] = {}
    for column, mark in zip(table.columns, table.marks, strict=True):
        if not column.is_cost:
            named.setdefault(protocol_in_full(column), []).append(column.title + (f" {mark}" if mark else ""))
    return [f"{', '.join(titles)}: {protocol}" for protocol, titles in named.items()]


def protocol_in_full(column: Column) -> str:
    chosen = "last checkpoint" if column.selected == "last" else f"checkpoint: {column.selected}"
    reference = f", reference pictures {column.reference[:DIGEST]}" if column.reference else ""
    return f"{column.protocol}; {chosen}; {column.n_fake} against {column.n_real} pictures{reference}"


def real_row(table: Table) -> list[str]:
    """Where the row ``real`` is not training pictures of B."""
    streets = [c.title for c in table.columns if c.metric in METRICS and METRICS[c.metric].network == "drn"]
    notes = []
    if streets:
        titles = ", ".join(dict.fromkeys(streets))
        notes.append(f"The row real is the test photos themselves in {titles}; elsewhere training pictures of B.")
    if any(" ref=train" in column.protocol for column in table.columns):
        notes.append("Against ref=train the row real is test pictures of B, so that none is compared with itself.")
    return notes


def costs(table: Table) -> list[str]:
    """How memory and seconds were measured: one note for the columns of one machine."""
    named: dict[str, list[str]] = {}
    for column, mark in zip(table.columns, table.marks, strict=True):
        if column.is_cost:
            named.setdefault(column.protocol, []).append(COSTS[column.metric].title + (f" {mark}" if mark else ""))
    return [f"{', '.join(names)}: {protocol}." for protocol, names in named.items()]


def budget(table: Table, methods: Sequence[TableRow]) -> list[str]:
    methods = [row for row in methods if not row.key.mark]
    settings = [row.key.settings for row in methods if row.key.settings]
    if not settings:
        return []
    varied = varied_settings(settings)
    same = [word for name, word in settings[0].words().items() if name not in varied]
    pieces = [f"{table.size}x{table.size} pixels", *same]
    seeds = {row.seeds for row in methods if row.seeds}
    pieces += (
        [f"seed{'s' if len(next(iter(seeds))) > 1 else ''} {ranges(next(iter(seeds)))}"] if len(seeds) == 1 else []
    )
    text = f"Budget: {', '.join(pieces)}."
    if varied:
        text += f" Rows differ in {' and '.join(varied)}, as their labels say; such runs are never averaged."
    if len(seeds) > 1:
        text += f" Seeds differ: {seeds_by_row(methods)}."
    notes = [text]
    if any(cell and cell.std is not None for row in methods for cell in row.cells):
        notes.append("Cells: mean ± standard deviation (n - 1) over n seeds; n = 1 has no spread.")
    return notes


def seeds_by_row(methods: Sequence[TableRow]) -> str:
    """``0-2 cut, enco; 0 fastcut``; where there are many rows, how many instead of which."""
    by_seeds: dict[tuple[int, ...], list[str]] = {}
    for row in methods:
        by_seeds.setdefault(row.seeds, []).append(row.label)
    return "; ".join(
        f"{ranges(seeds)} in {', '.join(labels) if len(labels) <= 4 else f'{len(labels)} rows'}"
        for seeds, labels in sorted(by_seeds.items())
    )


def frozen_networks(methods: Sequence[TableRow]) -> list[str]:
    """Whose VGG16 which rows were trained with: two trainings of one network give two results."""
    rows: dict[str, list[str]] = {}
    for row in methods:
        if whose := looks_through(all_options(row.key)):
            rows.setdefault(whose, []).append(row.label)
    return [f"{', '.join(labels)}: trained with {whose} VGG16." for whose, labels in rows.items()]


def meaning_of_marks(methods: Sequence[TableRow]) -> list[str]:
    cells = [cell for row in methods for cell in row.cells if cell]
    notes = []
    if any(cell.best for cell in cells):
        notes.append(f"{BEST} best mean of the column among the methods.")
    if any(cell.beats_identity is False for cell in cells):
        notes.append(f"{FLOOR} does not beat identity, the source pictures unchanged.")
    return notes


def missing(table: Table, runs_option: str) -> list[str]:
    notes = []
    scored = any(not column.is_cost for column in table.columns)
    absent = [row.key.method for row in table.rows if scored and row.is_reference and not any(row.cells)]
    if absent:
        notes.append(
            f"No scores yet of the reference row{'s' if len(absent) > 1 else ''} {' and '.join(absent)}: "
            f"every harness run on {table.dataset} at this size and in this direction makes them."
        )
    if table.unscored:
        notes.append(f"{table.unscored} of {table.runs} runs unfinished: harness status{runs_option}")
    return notes


def machines(table: Table) -> list[str]:
    """Where the runs were made, if not all on one machine and build."""
    if len(set(table.machines)) < 2:
        return []
    kinds: dict[tuple[str, str], Counter[str]] = {}
    for machine in table.machines:
        kinds.setdefault((machine.device, machine.torch), Counter())[machine.host] += 1
    pieces = []
    for (device, torch), hosts in sorted(kinds.items()):
        where = f"host {', '.join(sorted(hosts))}" if len(hosts) <= 3 else f"{len(hosts)} hosts"
        name = f"{device}, torch {torch or 'unknown'}, {where}" if device else "a machine that was not recorded"
        pieces.append(f"{sum(hosts.values())} on {name}")
    return [
        f"Runs were made on different machines: {'; '.join(pieces)}. "
        "The same seed repeats to the bit on one machine and build only."
    ]


def ranges(numbers: Iterable[int]) -> str:
    """(0, 1, 2, 5) -> ``0-2, 5``."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ", ".join(f"{span[0]}-{span[-1]}" if len(span) > 1 else str(span[0]) for span in spans)


def published_title(table: Table) -> str:
    """The head of the block of printed figures, or why there is none."""
    known = table1()
    setting = known.settings.get(table.dataset)
    if not table.published or setting is None:
        return f"{known.table} of {known.short} has no figures for these methods on {table.dataset} {table.direction}."
    a, b = setting.test_pictures
    return (
        f"Published ({known.table} of {known.short}; not measured here, not to be ranked with the figures above; "
        f"{setting.size}x{setting.size}, {a} against {b} test pictures):"
    )


def published_sources(figures: Sequence[Figure]) -> dict[str, int]:
    """The number by which each ``measured_by`` is shown, in the order of the figures."""
    numbers: dict[str, int] = {}
    for figure in figures:
        numbers.setdefault(figure.measured_by, len(numbers) + 1)
    return numbers
