"""The language of grids: ``enco[sampling=dag|random, num_patches=64|256],cut``. Knows no method and no dataset.

items    name or name[axes], separated by commas
axes     option=values or zip(option=values, ...), separated by commas; their product is meant
values   one, or several separated by ``|``; 64-256:64 counts up; (7,24) and "a, b" keep their commas
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

from harness.errors import UserError

EXAMPLE = "enco[sampling=dag|random, num_patches=64|256],cut"
LONGEST_RANGE = 100_000
"""numbers that one range may hold: more are a slip of the finger"""
_NAME = re.compile(r'"[^"]*"|[^,\[\]"]+')
_OPTION = re.compile(r"[A-Za-z_]\w*")
_VALUE = re.compile(r'"[^"]*"|\([^()]*\)|[^,|\[\]()"]+')
_RANGE = re.compile(r"(\d+)-(\d+)(?::(\d+))?")

Choice = tuple[tuple[str, str], ...]
"""settings that are taken together: one option and its value, or one of each in a zip"""


@dataclass(frozen=True)
class Item:
    """A name and the axes in its brackets."""

    name: str
    axes: tuple[tuple[Choice, ...], ...] = ()

    @property
    def count(self) -> int:
        """How many combinations there are."""
        return prod(len(axis) for axis in self.axes)

    def combinations(self) -> Iterator[dict[str, str]]:
        """The product of the axes, the last one fastest; one empty combination without axes."""
        for choices in product(*self.axes):
            yield {option: value for choice in choices for option, value in choice}

    def alternatives(self) -> dict[str, tuple[str, ...]]:
        """For each option the values it takes."""
        return {option: tuple(dict(choice)[option] for choice in axis) for axis in self.axes for option, _ in axis[0]}


def parse(text: str, what: str, example: str = EXAMPLE) -> list[Item]:
    """The items of ``text``; UserError with the place where it is not as expected.

    Args:
        text: what was typed.
        what: where it was typed, e.g. ``--methods``.
        example: shown in the error.
    """
    return Parser(text, what, example).items()


def numbers(text: str) -> list[int] | None:
    """``0-2`` -> [0, 1, 2]; ``64-256:64`` -> [64, 128, 192, 256]; ``5`` -> [5]; None for what is no range."""
    found = _RANGE.fullmatch(text.strip())
    if not found:
        return [int(text)] if text.strip().isdigit() else None
    first, last, step = int(found[1]), int(found[2]), int(found[3] or 1)
    if step < 1 or last < first or (last - first) // step >= LONGEST_RANGE:
        return None
    return list(range(first, last + 1, step))


class Parser:
    """Reads a text from left to right."""

    def __init__(self, text: str, what: str, example: str) -> None:
        self.text, self.what, self.example = text, what, example
        self.at = 0

    def items(self) -> list[Item]:
        found = [self.item()]
        while self.taken(","):
            found.append(self.item())
        if self.next():
            raise self.error("expected a comma or the end")
        return found

    def item(self) -> Item:
        name = unquoted(self.match(_NAME, "expected a name"))
        axes: list[tuple[Choice, ...]] = []
        if self.taken("["):
            axes.append(self.axis())
            while self.taken(","):
                axes.append(self.axis())
            if not self.taken("]"):
                raise self.error("expected ',' or ']'")
        options = [option for axis in axes for option, _ in axis[0]]
        twice = next((option for option in options if options.count(option) > 1), None)
        if twice:
            raise self.error(f"{twice} of {name} is given twice")
        return Item(name, tuple(axes))

    def axis(self) -> tuple[Choice, ...]:
        start = self.at
        option = self.match(_OPTION, "expected option=value, a value that holds commas in parentheses: (7,24)")
        if option == "zip" and self.taken("("):
            return self.zipped(start)
        return tuple(((option, value),) for value in self.values())

    def zipped(self, start: int) -> tuple[Choice, ...]:
        lists: dict[str, list[str]] = {}
        while True:
            option = self.match(_OPTION, "expected option=value")
            if option in lists:
                raise self.error(f"{option} is given twice")
            lists[option] = self.values()
            if not self.taken(","):
                break
        if not self.taken(")"):
            raise self.error("expected ',' or ')'")
        lengths = {option: len(values) for option, values in lists.items()}
        if len(set(lengths.values())) > 1:
            self.at = start
            raise self.error(
                f"zip needs lists of one length, found {', '.join(f'{n} of {o}' for o, n in lengths.items())}"
            )
        return tuple(tuple(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True))

    def values(self) -> list[str]:
        if not self.taken("="):
            raise self.error("expected '='")
        found = self.value()
        while self.taken("|"):
            found += self.value()
        return found

    def value(self) -> list[str]:
        start = self.at
        text = self.match(_VALUE, "expected a value")
        if not _RANGE.fullmatch(text):
            return [unquoted(text)]
        counted = numbers(text)
        if counted is None:
            self.at = start
            raise self.error("expected a range that counts up, e.g. 64-256:64,")
        return [str(number) for number in counted]

    def next(self) -> str:
        """The character that comes next, spaces passed over; "" at the end."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def taken(self, character: str) -> bool:
        """Whether ``character`` came next; it is passed over then."""
        if self.next() != character:
            return False
        self.at += 1
        return True

    def match(self, pattern: re.Pattern[str], problem: str) -> str:
        self.next()
        found = pattern.match(self.text, self.at)
        if not found or not found[0].strip():
            raise self.error(problem)
        self.at = found.end()
        return found[0].strip()

    def error(self, problem: str) -> UserError:
        rest = self.text[self.at :].strip()
        shown = f"before {rest[:20]!r}" if rest else "at the end"
        return UserError(f"{self.what} {self.text!r}: {problem} {shown} (character {self.at + 1}); e.g. {self.example}")


def unquoted(text: str) -> str:
    return text[1:-1] if text.startswith('"') else text
