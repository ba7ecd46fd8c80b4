"""A TOML file says what a command line says: its keys are the names of the flags. Recipes are such files.

summary = "..."                     a line for lists
methods = "enco[sampling=dag|random],munit"
dataset = ["toy", "horse2zebra"]
seeds = "0-2"
[[where]]                           any number of rules, for some methods or datasets only
methods = "munit"
steps = 1000000
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from harness.errors import UserError, unknown
from harness.expand import Grid, Layer, Rule
from harness.grid import parse
from harness.settings import SETTINGS
from harness.toml import read_toml

RULE_KEYS = ("methods", "dataset", "set", "metrics", *SETTINGS)
"""flags that a rule may hold; metrics belong to whole datasets, so that every row of a table has them"""
Values = dict[str, Any]


@dataclass(frozen=True)
class GridFile:
    """The flags a file stands for, as the parser of the command line reads them."""

    name: str
    values: Values
    rules: tuple[Values, ...]


class KeyParser(argparse.ArgumentParser):
    """Knows the flags of a command by name and answers with a UserError."""

    def __init__(self, where: str) -> None:
        super().__init__(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
        self.where = where
        self.flags: dict[str, argparse.Action] = {}
        self.repeated: set[str] = set()

    def add_argument(self, *words: Any, **how: Any) -> argparse.Action:
        action = super().add_argument(*words, **how)
        if action.option_strings:
            self.flags[action.dest] = action
            self.repeated |= {action.dest} if how.get("action") == "append" else set()
        return action

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.where}: {message}")

    def values(self, table: Mapping[str, Any]) -> Values:
        """The keys of a table as the command line would read them; UserError for one it would refuse."""
        words = [word for key, value in table.items() for word in self.words(key, value)]
        return {dest: value for dest, value in vars(self.parse_args(words)).items() if dest in map(plain, table)}

    def words(self, key: str, value: Any) -> list[str]:
        action = self.flags[plain(key)]
        flag = action.option_strings[-1]
        if action.nargs == 0:
            if not isinstance(value, bool):
                raise UserError(f"{self.where}: {key} is {value!r}; expected true or false")
            return [flag] * value
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in values):
            raise UserError(f"{self.where}: {key} is {value!r}; expected text, a number, or a list of them")
        texts = [str(one) for one in values]
        return [f"{flag}={text}" for text in texts] if action.dest in self.repeated else [f"{flag}={','.join(texts)}"]


def plain(key: str) -> str:
    return key.replace("-", "_")


def read_grid_file(
    path: Path, add_arguments: Callable[[argparse.ArgumentParser], object], not_here: Sequence[str]
) -> GridFile:
    """A file of a grid.

    Args:
        path: the file.
        add_arguments: adds the flags of the command that the keys are.
        not_here: flags that make no sense in a file.

    Raises:
        UserError: no TOML, an unknown key (the nearest names are shown), a value that the flag would refuse.
    """
    table = read_toml(path)
    parser = KeyParser(path.name)
    add_arguments(parser)
    keys = parser.flags.keys() - set(not_here)
    rules = table.pop("where", [])
    check_keys(table, [*keys, "summary", "where"], path.name)
    table.pop("summary", None)
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise UserError(f"{path.name}: where is no table; expected a line [[where]] and the keys of the rule below it")
    for rule in rules:
        check_keys(rule, RULE_KEYS, f"{path.name} below [[where]]")
        if "metrics" in rule and "methods" in rule:
            raise UserError(
                f"{path.name} below [[where]]: metrics for some methods; expected a rule for whole datasets"
            )
    return GridFile(path.name, parser.values(table), tuple(parser.values(rule) for rule in rules))


def check_keys(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if plain(key) not in known:
            raise unknown(f"key in {where},", key, known)


def grid_of(file: GridFile | None, typed: Values) -> Grid:
    """The grid of a command line alone, or of a file with what was typed over it; UserError where methods or
    dataset are given nowhere."""
    name = file.name if file else ""
    written: Values = file.values if file else {}
    both = {**written, **typed}
    for key in ("methods", "dataset"):
        if key not in both:
            where = f"{name} has no key {key}" if file else f"--{key} is not given"
            raise UserError(f"{where}; expected a recipe or e.g. harness run --methods enco,cut --dataset toy")
    return Grid(
        methods=both["methods"],
        dataset=both["dataset"],
        seeds=both.get("seeds", "0"),
        exclude=typed.get("exclude", ()),
        file_exclude=written.get("exclude", ()),
        file=layer_of(written),
        rules=[rule_of(rule, name) for rule in file.rules] if file else (),
        flags=layer_of(typed),
        methods_from="" if "methods" in typed else name,
        dataset_from="" if "dataset" in typed else name,
        file_methods=written.get("methods", ""),
    )


def metrics_of(file: GridFile | None, typed: Values, dataset: str) -> str | None:
    """The scores asked for on a dataset; None where nothing is said."""
    if file is None or "metrics" in typed:
        return typed.get("metrics")
    rules = [(rule_of(values, file.name), values) for values in file.rules if "metrics" in values]
    asked = [values["metrics"] for rule, values in rules if rule.holds("", dataset)]
    return [file.values.get("metrics"), *asked][-1]


def layer_of(values: Values) -> Layer:
    return Layer(settings={key: values[key] for key in SETTINGS if key in values}, options=values.get("set", ()))


def rule_of(values: Values, file: str) -> Rule:
    def names(key: str) -> list[str]:
        items = parse(values[key], f"{file}: {key} below [[where]]", "cut,enco") if key in values else []
        if any(item.axes for item in items):
            raise UserError(f"{file}: {key} below [[where]] is {values[key]!r}; expected names without brackets")
        return [item.name for item in items]

    return Rule(methods=names("methods"), datasets=names("dataset"), layer=layer_of(values))
