"""From grids as they were written to the runs they mean. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.catalogue import Value, card, targets
from harness.data.facts import Facts, facts_of
from harness.data.registry import REGISTRY, unknown_dataset
from harness.data.sizes import default_load_size
from harness.errors import UserError
from harness.exclusions import exclusions_of
from harness.frozen import with_weights_here
from harness.grid import Item, numbers, parse
from harness.planning import options_of
from harness.settings import BUDGETS, SETTINGS, setting
from harness.spec import RunSpec, resolve_options

MOST_RUNS = 1_000_000
DATASETS_EXAMPLE = "toy,horse2zebra[load_size=256]"

Settings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Run settings and ``--set`` texts of one origin: a file, a rule in it, or the flags of a command line."""

    settings: Settings = field(default_factory=dict)
    options: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a file says of some methods on some datasets only."""

    methods: Sequence[str] = ()
    """names; none: all"""
    datasets: Sequence[str] = ()
    layer: Layer = Layer()

    def holds(self, method: str, dataset: str) -> bool:
        return (not self.methods or method in self.methods) and (not self.datasets or dataset in self.datasets)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A product of methods, datasets and seeds.

    What is more specific wins: a rule over what a file says of all, brackets over both. And what was typed wins
    over a file: flags over the brackets of the file, brackets that were typed over everything.
    """

    methods: str
    dataset: str
    seeds: str = "0"
    exclude: Sequence[str] = ()
    file_exclude: Sequence[str] = ()
    file: Layer = Layer()
    rules: Sequence[Rule] = ()
    flags: Layer = Layer()
    methods_from: str = ""
    """the file that ``methods`` stands in; "" where it was typed"""
    dataset_from: str = ""
    file_methods: str = ""
    """the methods that its ``set`` was written for"""


@dataclass(frozen=True)
class Expanded:
    """The runs of a grid, and what is known of their datasets."""

    specs: list[RunSpec]
    """each once"""
    facts: dict[str, Facts]
    """by name of the dataset"""
    idle: list[str]
    """exclusions that were typed and matched nothing"""


def expand(grid: Grid) -> Expanded:
    """Every run that is meant, in the order written: by dataset, then method, then seed."""
    for method in (method for rule in grid.rules for method in rule.methods):
        card(method)
    found: dict[str, RunSpec] = {}
    facts: dict[str, Facts] = {}
    typed = exclusions_of(grid.exclude)
    exclusions = [*typed, *exclusions_of(grid.file_exclude)]
    for spec in specs_of(grid, facts):
        if not sum([exclusion.takes(spec) for exclusion in exclusions]):  # each is asked, so that it knows its use
            found.setdefault(spec.name, spec)
    for dataset in (dataset for rule in grid.rules for dataset in rule.datasets if grid.dataset_from):
        if dataset not in {*facts, *REGISTRY}:
            raise unknown_dataset(dataset)
    if not found:
        raise UserError("every run of the grid is excluded; nothing is left to do")
    return Expanded(list(found.values()), facts, [exclusion.text for exclusion in typed if not exclusion.used])


def specs_of(grid: Grid, facts: dict[str, Facts]) -> Iterator[RunSpec]:
    """The runs before exclusions; ``facts`` of the datasets are added."""
    methods = method_items(grid.methods, f"{grid.methods_from}: methods" if grid.methods_from else "--methods")
    seeds = seed_list(grid.seeds)
    what = f"{grid.dataset_from}: dataset" if grid.dataset_from else "--dataset"
    datasets = parse(grid.dataset, what, DATASETS_EXAMPLE)
    count = sum(item.count for item in methods) * sum(item.count for item in datasets) * len(seeds)
    if count > MOST_RUNS:
        raise UserError(
            f"the grid means {count:,} runs; expected at most {MOST_RUNS:,}. Is one of its ranges too long?"
        )
    for dataset in datasets:
        known = facts_of(dataset.name)
        facts.setdefault(known.name, known)
        layers = {item.name: layers_of(grid, item.name, known.name, methods) for item in methods}
        for of_dataset in dataset.combinations():
            settings = {name: setting(name, text, f"dataset {dataset.name}") for name, text in of_dataset.items()}
            for method in methods:
                for brackets in method.combinations():
                    first = first_spec(grid, known, settings, method.name, brackets, layers[method.name], seeds[0])
                    yield first
                    yield from (replace(first, seed=seed) for seed in seeds[1:])


Origin = tuple[Settings, Mapping[str, str]]
"""run settings and options of one origin, as one method on one dataset gets them"""


def layers_of(grid: Grid, method: str, dataset: str, items: Sequence[Item]) -> tuple[list[Origin], Origin]:
    """What the file says, the last wins, and what the flags say."""
    names = list(dict.fromkeys(item.name for item in items))
    written = (
        [*names, *(item.name for item in method_items(grid.file_methods, "methods"))] if grid.file_methods else names
    )
    in_file = [
        (rule.layer.settings, options_of(method, rule.methods or written, rule.layer.options))
        for rule in grid.rules
        if rule.holds(method, dataset)
    ]
    first = grid.file.settings, options_of(method, written, grid.file.options)
    return [first, *in_file], (grid.flags.settings, options_of(method, names, grid.flags.options))


def first_spec(
    grid: Grid,
    known: Facts,
    of_dataset: Settings,
    method: str,
    brackets: Mapping[str, str],
    layers: tuple[list[Origin], Origin],
    seed: int,
) -> RunSpec:
    """The run of one method, with one choice from each of its axes, on one dataset."""
    own = {name: text for name, text in brackets.items() if name not in SETTINGS or name in card(method).by_name}
    of_method = {name: setting(name, text, method) for name, text in brackets.items() if name not in own}
    in_file, flags = layers
    order = [*in_file]
    order += [(of_dataset, {})] if grid.dataset_from else []
    order += [(of_method, own)] if grid.methods_from else []
    order.append(flags)
    order += [] if grid.dataset_from else [(of_dataset, {})]
    order += [] if grid.methods_from else [(of_method, own)]
    texts = {name: text for _, options in order for name, text in options.items()}
    options = with_weights_here(resolve_options(method, texts), texts)
    return spec_of(known, method, options, merged([settings for settings, _ in order]), seed)


def merged(layers: Iterable[Settings]) -> dict[str, Any]:
    """Settings over settings, the last wins; a budget replaces the other kind of budget, too."""
    found: dict[str, Any] = {}
    for layer in layers:
        if any(name in layer for name in BUDGETS):
            found = {name: value for name, value in found.items() if name not in BUDGETS}
        found |= layer
    return found


def spec_of(known: Facts, method: str, options: Mapping[str, Value], settings: Settings, seed: int) -> RunSpec:
    """One run; without a batch size a method gets the smallest it can be trained with, 1 for all but a few."""
    least = card(method).min_batch_size
    size = settings.get("size", known.size)
    values = {
        "direction": known.direction,
        "size": size,
        "load_size": default_load_size(size),
        "batch_size": least,
        **settings,
    }
    if values["batch_size"] < least:
        raise UserError(f"batch size {values['batch_size']}: {method} needs at least {least}")
    return RunSpec(method=method, options=options, dataset=known.name, data=known.data, seed=seed, **values)


def method_items(text: str, what: str) -> list[Item]:
    """The methods with their axes; ``all`` stands for every registered one."""
    items = []
    for item in parse(text, what):
        names = list(targets()) if item.name == "all" else [item.name]
        items += [Item(name, item.axes) for name in names]
    for item in items:
        check_options(item)
    return items


def check_options(item: Item) -> None:
    """UserError for a method or an option that does not exist, also where it is never reached."""
    known = card(item.name)
    for option in item.alternatives():
        if option not in SETTINGS:
            known.option(option)


def seed_list(text: str) -> list[int]:
    """``0-2,5`` -> [0, 1, 2, 5]."""
    seeds: list[int] = []
    for part in text.split(","):
        counted = numbers(part)
        if counted is None:
            raise UserError(f"--seeds {text}: expected whole numbers and ranges that count up, e.g. 0-2,5")
        seeds += counted
    return list(dict.fromkeys(seeds))
