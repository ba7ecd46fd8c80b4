"""The page docs/methods.md: every built-in method as its code describes it. Imports no torch.

python -m harness.methods_page > docs/methods.md
python -m harness.methods_page --check            exit code 1 if the page is not what the code says
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import costs
from harness.catalogue import Card, Option, Source, card, show, targets
from harness.parts import parts
from harness.published import Figure, table1

PAGE = Path(__file__).resolve().parents[1] / "docs" / "methods.md"
INTRODUCTION = """# Methods

Generated from the code by `python -m harness.methods_page > docs/methods.md`; a test checks that it is current.
`harness methods show NAME` prints the same of one method, installed ones from other packages included. Options are
set with `harness run --set METHOD.OPTION=VALUE`. Official code is cited as repository, file or symbol.

*Objective*: what each network minimises, at the default options. a, b are pictures of the two domains, G(a) a
translation, |x| the mean absolute value; L_GAN is the adversarial term of a generator. Numbers in brackets are
equations of the paper, with what differs from them as printed. Those of EnCo were compared with its text; those of
CUT, FastCUT, CycleGAN, MUNIT and DualGAN were not; the others have none, since their papers were not at hand.
"""
ROLE = re.compile(r":\w+:(?=`)")
CODE = re.compile(r"(`[^`]*`)")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`])")


def page() -> str:
    """The page as Markdown text."""
    cards = [card(name) for name, target in targets().items() if target.startswith(("methods.", "baselines."))]
    sections = ["\n".join(section(one)) for one in cards]
    return "\n".join([INTRODUCTION, *overview(cards), "", "\n\n".join(sections)]) + "\n"


def overview(cards: Sequence[Card]) -> list[str]:
    rows = []
    for one in cards:
        cost = costs.stored().get(one.name)
        measured = (
            [f"{cost.parameters / 1e6:.1f}", f"{cost.step_flop / 1e9:,.0f}", f"{cost.translate_flop / 1e9:,.0f}"]
            if cost
            else ["–"] * 3
        )
        sides = "both directions" if one.two_sided else "A to B"
        rows.append([f"[`{one.name}`](#{anchor(heading(one))})", one.title, one.paper, sides, *measured])
    head = ["name", "method", "paper", "learns", "parameters (M)", "GFLOP a step", "GFLOP a translation"]
    return table([head, *rows])


def section(method: Card) -> Iterator[str]:
    """One method."""
    idea, rest = idea_of(method)
    yield from [f"## {heading(method)}", "", *(f"{text}  " for text in papers(method)), ""]
    yield from [f"**Idea.** {idea}", ""]
    if rest:
        yield from [rest, ""]
    yield from ["**Objective.**", "", "```text", method.equations, "```", ""]
    yield from ["**Networks.**", "", *networks(method), ""]
    cost = costs.stored().get(method.name)
    if cost:
        yield from [f"**Cost at 256x256.** {costs.summary(cost)}.", ""]
    yield from ["**Options.**", "", *table([["option", "default", "values", "meaning"], *map(option, method.options)])]
    if method.differences:
        head = ["topic", "paper", "official code", "here"]
        rows = [[prose(text) for text in difference] for difference in method.differences]
        yield from ["", "**Where paper and official code differ.**", "", *table([head, *rows])]
    yield from ["", "**Published scores.**", "", *published(method)]


def heading(method: Card) -> str:
    return method.title if method.title.lower() == method.name else f"{method.title} ({method.name})"


def anchor(title: str) -> str:
    """The link target that Markdown gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def papers(method: Card) -> list[str]:
    """Papers and official code, as the description of the module cites them."""
    _, _, cited = module_text(method).partition("\n\n")
    return [prose(line) for line in cited.partition("\n\n")[0].splitlines()] or [prose(method.paper)]


def module_text(method: Card) -> str:
    source = Source.of(method.target.partition(":")[0])
    return (ast.get_docstring(source.tree) if source else None) or ""


def idea_of(method: Card) -> tuple[str, str]:
    """Two sentences, what its module says first and what its class says first, and the others of the class."""
    title = " ".join(module_text(method).partition("\n\n")[0].split())
    first = title.partition(": ")[2] or title
    sentences = SENTENCE.split(" ".join(method.summary.split()))
    return prose(f"{first[:1].upper()}{first[1:]} {sentences[0]}"), prose(" ".join(sentences[1:]))


def networks(method: Card) -> list[str]:
    return [
        f"- {', '.join(f'`{name}`' for name in part.names)} ({' or '.join(part.kinds)}): {prose(part.summary)}"
        for part in parts(method)
    ]


def option(one: Option) -> list[str]:
    values = ", ".join(one.choices) if one.choices else one.kind
    return [f"`{one.name}`", show(one.default) or "none", values, prose(one.help)]


def published(method: Card) -> list[str]:
    known = table1()
    figures = [figure for figure in known.figures if figure.method == method.name]
    if not figures:
        return [f"None in {known.table} of {known.short}."]
    head = ["dataset", "direction", "score", "value", "measured by"]
    rows = [score(figure, known.settings[figure.dataset].direction) for figure in figures]
    return [f"{known.table} of {known.short}:", "", *table([head, *rows])]


def score(figure: Figure, direction: str) -> list[str]:
    value = f"{figure.text} {figure.unit}".strip()
    return [figure.dataset, direction, figure.column, value, prose(figure.measured_by)]


def prose(text: str) -> str:
    """A description as Markdown: code marked, signs that Markdown would read escaped."""
    text = ROLE.sub("", " ".join(text.split()).replace("``", "`"))
    pieces = CODE.split(text)
    return "".join(piece if i % 2 else piece.replace("*", r"\*").replace("<", "&lt;") for i, piece in enumerate(pieces))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as a Markdown table, the first its head."""
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    return [lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m harness.methods_page", description="The page docs/methods.md.")
    parser.add_argument("--check", action="store_true", help="compare with the page that is there")
    if not parser.parse_args().check:
        sys.stdout.write(page())
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/methods.md is not current: python -m harness.methods_page > docs/methods.md", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
