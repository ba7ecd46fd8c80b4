"""``harness datasets``: what is known by name and where to get it."""

from __future__ import annotations

import argparse

from harness.data.folders import SPLITS
from harness.data.registry import REGISTRY, Entry, unknown_dataset
from harness.terminal import padded, wrapped

EPILOG = """Examples:
  harness datasets
  harness datasets show horse2zebra

Any folder with trainA, trainB, testA and testB can be given to `harness run --dataset` by its path. Datasets that
are not embedded are looked for in $HARNESS_DATA/NAME and ./datasets/NAME."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="all datasets (the default)", epilog="Example:  harness datasets list")
    one = actions.add_parser("show", help="one dataset", epilog="Example:  harness datasets show horse2zebra")
    one.add_argument("name", metavar="NAME", help="a dataset known by name")


def run(args: argparse.Namespace) -> int:
    if args.action == "show":
        if args.name not in REGISTRY:
            raise unknown_dataset(args.name)
        print(entry_text(REGISTRY[args.name]))
    else:
        print(list_text(list(REGISTRY.values())))
    return 0


def list_text(entries: list[Entry]) -> str:
    rows = [
        [e.name, "embedded" if e.embedded else "", "/".join(map(str, e.counts)), str(e.size), e.summary]
        for e in entries
    ]
    lines = padded([["name", "", "/".join(SPLITS), "size", "shows"], *rows])
    more = "Embedded datasets need no download. harness datasets show NAME: licence, and where to get the others."
    return "\n".join([*lines, "", more])


def entry_text(entry: Entry) -> str:
    counts = ", ".join(f"{split} {count}" for split, count in zip(SPLITS, entry.counts, strict=True))
    get = "embedded: drawn when it is first used, no download" if entry.embedded else entry.get
    facts = {
        "pictures": counts,
        "size": f"{entry.size}x{entry.size} by default",
        "direction": f"{entry.direction} by default",
        "counterparts": "known for every test picture" if entry.paired else "not known",
        "licence": entry.licence,
        "get it": get,
    }
    if not entry.embedded:
        facts["looked for"] = f"in $HARNESS_DATA/{entry.name} and ./datasets/{entry.name}"
    lines = [wrapped(text, f"  {name + ':':14}", " " * 16) for name, text in facts.items()]
    return "\n".join([f"{entry.name}: {entry.summary}", *lines])
