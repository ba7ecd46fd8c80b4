"""``harness methods``: the methods, their costs, their options, how they differ from paper and official code, and
whether they keep the contract."""

from __future__ import annotations

import argparse

from harness.catalogue import Card, Option, card, show, targets
from harness.costs import SIZE, Cost, stored, summary
from harness.terminal import padded, wrapped

EPILOG = """Examples:
  harness methods
  harness methods show enco
  harness methods show my_package.my_module:MyMethod
  harness methods test my_package.my_module:MyMethod"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="all methods (the default)", epilog="Example:  harness methods list")
    one = actions.add_parser("show", help="one method in full", epilog="Example:  harness methods show enco")
    one.add_argument("name", metavar="NAME", help="a method, or package.module:Class")
    tests = actions.add_parser(
        "test", help="check the contract of methods", epilog="Example:  harness methods test enco cut"
    )
    tests.add_argument("names", nargs="+", metavar="NAME", help="a method, package.module:Class, or all")


def run(args: argparse.Namespace) -> int:
    if args.action == "test":
        return test(list(targets()) if args.names == ["all"] else args.names)
    print(method_text(card(args.name)) if args.action == "show" else list_text([card(name) for name in targets()]))
    return 0


def list_text(cards: list[Card]) -> str:
    head = ["name", "title", "year", "learns", "weights M", "step GFLOP", "translation GFLOP", "paper"]
    rows = [
        [c.name, c.title, str(c.year), "both ways" if c.two_sided else "A to B", *costs(stored().get(c.name)), c.paper]
        for c in cards
    ]
    notes = (
        f"weights: trained ones, in millions. GFLOP: convolutions and matrix products at {SIZE}x{SIZE}, 2 for a "
        "multiply-add; a step has the smallest batch that the method can be trained with.",
        "harness methods show NAME: options, and differences between paper and code",
    )
    return "\n".join([*padded([head, *rows]), "", *(wrapped(note) for note in notes)])


def costs(cost: Cost | None) -> list[str]:
    """Weights in millions, GFLOP of a step and of a translation; dashes where they were not counted."""
    if cost is None:
        return ["–"] * 3
    return [f"{cost.parameters / 1e6:.1f}", f"{cost.step_flop / 1e9:.0f}", f"{cost.translate_flop / 1e9:.0f}"]


def method_text(method: Card) -> str:
    sides = "two-sided: also learns B to A" if method.two_sided else "one-sided: learns A to B only"
    lines = [f"{method.name}: {method.title} ({method.paper})", sides, f"class {method.target}"]
    cost = stored().get(method.name)
    lines += [wrapped(f"at {SIZE}x{SIZE}: {summary(cost)}") if cost else "costs: not counted", ""]
    lines += [wrapped(paragraph, then="") + "\n" for paragraph in method.summary.split("\n\n") if paragraph]
    if method.equations:
        lines += ["Minimises:", "", *(wrapped(line, "  ", " " * 8) for line in method.equations.splitlines()), ""]
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


def test(names: list[str]) -> int:
    """Check the contract of methods, one line a check. Returns 1 if one of them breaks it."""
    for name in names:
        card(name)  # a name that is not known ends it before the first check
    from harness.contract import examine

    failed: list[str] = []
    skipped: list[str] = []
    for name in names:
        print(name, flush=True)
        try:
            for finding in examine(name):
                failed += [name] * (not finding.ok)
                print(f"  {'ok' if finding.ok else 'FAILED':6}  {finding.check:15}  {finding.found}", flush=True)
        except FileNotFoundError as error:
            skipped.append(name)
            print(f"  skipped: {error}", flush=True)
    kept = [name for name in names if name not in failed and name not in skipped]
    told = (("keep the contract", kept), ("break it", sorted(set(failed))), ("skipped", skipped))
    print("; ".join(f"{what}: {', '.join(which)}" for what, which in told if which))
    return 1 if failed else 0
