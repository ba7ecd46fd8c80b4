"""``harness methods``: the methods, their options, and how they differ from paper and official code."""

from __future__ import annotations

import argparse

from harness.catalogue import Card, Option, card, show, targets
from harness.terminal import padded, wrapped

EPILOG = """Examples:
  harness methods
  harness methods show enco
  harness methods show my_package.my_module:MyMethod"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="all methods (the default)", epilog="Example:  harness methods list")
    one = actions.add_parser("show", help="one method in full", epilog="Example:  harness methods show enco")
    one.add_argument("name", metavar="NAME", help="a method, or package.module:Class")


def run(args: argparse.Namespace) -> int:
    print(method_text(card(args.name)) if args.action == "show" else list_text([card(name) for name in targets()]))
    return 0


def list_text(cards: list[Card]) -> str:
    rows = [[c.name, c.title, str(c.year), "two-sided" if c.two_sided else "one-sided", c.paper] for c in cards]
    lines = padded([["name", "title", "year", "learns", "paper"], *rows])
    return "\n".join([*lines, "", "harness methods show NAME: options, and differences between paper and code"])


def method_text(method: Card) -> str:
    sides = "two-sided: also learns B to A" if method.two_sided else "one-sided: learns A to B only"
    lines = [f"{method.name}: {method.title} ({method.paper})", sides, f"class {method.target}", ""]
    lines += [wrapped(paragraph, then="") + "\n" for paragraph in method.summary.split("\n\n") if paragraph]
    lines += ["Options (harness run --set OPTION=VALUE):", ""]
    lines += [line for option in method.options for line in option_lines(option)]
    if method.differences:
        lines += ["", "Where paper and official code differ:"]
    for topic, paper, code, here in method.differences:
        lines += ["", wrapped(topic, "  ", "  ")]
        for who, text in (("paper", paper), ("code", code), ("here", here)):
            lines.append(wrapped(text, f"    {who:6}", " " * 10))
    return "\n".join(lines)


def option_lines(option: Option) -> list[str]:
    """``name = default``, the choices or the kind, and the help below."""
    allowed = " | ".join(option.choices) if option.choices else option.kind
    return [f"  {option.name} = {show(option.default)}   ({allowed})", wrapped(option.help, " " * 6, " " * 6)]
