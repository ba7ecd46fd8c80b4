"""docs/methods.md says what the code says, and what it says of networks is read rightly."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.catalogue import Card, Source, card, show, targets
from harness.methods_page import PAGE, idea_of, page, prose
from harness.parts import Part, parts

SOURCE = '''
"""A method of two lines."""

from methods.interface import Method
from methods.discriminators import discriminator
from methods.pool import ImagePool


class Base(Method):
    """One generator. Two terms. Nothing else."""

    equations = """
        G: L_GAN
            + more   (eq. 2)
    """


class Own(Base):
    title = "Own"

    def __init__(self, config, shape):
        self.D_A, self.D_B = (discriminator(config) for _ in "AB")
        self.pool = ImagePool(1, shape) if config.pooled else None
        self.width = 3
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    (tmp_path / "own_method.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield card("own_method:Own")
    card.cache_clear()
    Source.of.cache_clear()
    sys.modules.pop("own_method", None)


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m harness.methods_page > docs/methods.md"


def test_every_method_is_there_in_full() -> None:
    text = page()
    built_in = [card(name) for name, target in targets().items() if target.startswith(("methods.", "baselines."))]
    sections = text.split("\n## ")[1:]
    assert len(sections) == len(built_in)
    for method, part in zip(built_in, sections, strict=True):
        assert part.startswith(method.title)
        for option in method.options:
            assert f"| `{option.name}` | {show(option.default) or 'none'} |" in part
        for difference in method.differences:
            assert f"| {prose(difference[0])} |" in part.replace(r"\|", "|")
        assert "Official code" in part
        assert method.equations
        assert f"**Objective.**\n\n```text\n{method.equations}\n```" in part
        assert "**Networks.**\n\n- `" in part
        assert "**Published scores.**\n\n" in part


def test_equations_and_scores_of_enco() -> None:
    part = next(part for part in page().split("\n## ") if part.startswith("EnCo\n"))
    assert "\nL_identity = mean |G(b) − b|   (eq. 6)\n" in part
    assert "| horse2zebra | AtoB | FID | 38.7 |" in part


def test_equations_of_a_base_class_keep_their_indentation(own: Card) -> None:
    assert own.equations == "G: L_GAN\n    + more   (eq. 2)"


def test_the_networks(own: Card) -> None:
    first, second = parts(own)
    assert (first.names, first.kinds) == (("D_A", "D_B"), ("PatchGAN", "PixelGAN"))
    assert second == Part(("pool",), ("ImagePool",), "Past translations that the discriminator is shown again.")


def test_the_idea_in_two_sentences(own: Card) -> None:
    assert idea_of(card("own_method:Base")) == ("A method of two lines. One generator.", "Two terms. Nothing else.")
    assert idea_of(card("baselines.cut:FastCUT")) == (
        "Content kept by contrasting patches of the picture and of its translation. "
        "CUT without the identity term, with a heavier contrastive term and flip equivariance.",
        "",
    )


def test_signs_of_markdown_are_escaped() -> None:
    assert prose("row*width of ``a*b`` < :func:`turn`") == r"row\*width of `a*b` &lt; `turn`"
