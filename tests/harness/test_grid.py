"""The language of grids: what it means, and that a mistake is answered with its place."""

from __future__ import annotations

import pytest

from harness.errors import UserError
from harness.grid import numbers, parse


def combinations(text: str) -> list[tuple[str, dict[str, str]]]:
    return [(item.name, settings) for item in parse(text, "--methods") for settings in item.combinations()]


def test_names_alone() -> None:
    assert combinations("enco, cut") == [("enco", {}), ("cut", {})]
    assert combinations("my_package.my_module:MyMethod") == [("my_package.my_module:MyMethod", {})]


def test_alternatives_make_a_product() -> None:
    assert combinations("enco[sampling=dag|random, num_patches=64|256],cut") == [
        ("enco", {"sampling": "dag", "num_patches": "64"}),
        ("enco", {"sampling": "dag", "num_patches": "256"}),
        ("enco", {"sampling": "random", "num_patches": "64"}),
        ("enco", {"sampling": "random", "num_patches": "256"}),
        ("cut", {}),
    ]


def test_zip_takes_values_in_pairs_beside_a_product() -> None:
    assert combinations("enco[zip(lr_G=1e-4|2e-4, lr_D=3e-4|4e-4), ngf=16|32]") == [
        ("enco", {"lr_G": "1e-4", "lr_D": "3e-4", "ngf": "16"}),
        ("enco", {"lr_G": "1e-4", "lr_D": "3e-4", "ngf": "32"}),
        ("enco", {"lr_G": "2e-4", "lr_D": "4e-4", "ngf": "16"}),
        ("enco", {"lr_G": "2e-4", "lr_D": "4e-4", "ngf": "32"}),
    ]


def test_values_that_hold_commas() -> None:
    assert combinations("enco[nce_layers=(7,24)|(3,28), ngf=8]") == [
        ("enco", {"nce_layers": "(7,24)", "ngf": "8"}),
        ("enco", {"nce_layers": "(3,28)", "ngf": "8"}),
    ]
    assert combinations('"a, b[c]"[size=64]') == [("a, b[c]", {"size": "64"})]


def test_ranges_count_up() -> None:
    assert [one["num_patches"] for _, one in combinations("enco[num_patches=64-256:64|512]")] == [
        "64",
        "128",
        "192",
        "256",
        "512",
    ]
    assert combinations("enco[lr_G=1e-4]") == [("enco", {"lr_G": "1e-4"})], "no range"
    assert numbers("0-2") == [0, 1, 2]
    assert numbers("7") == [7]
    assert [numbers(text) for text in ("2-0", "0-4:0", "-1", "x", "0-999999999")] == [None] * 5


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        ("", "expected a name", "at the end"),
        ("enco,,cut", "expected a name", "before ',cut' (character 6)"),
        ("enco[sampling=dag|random", "expected ',' or ']'", "at the end (character 25)"),
        ("enco[sampling]", "expected '='", "before ']' (character 14)"),
        ("enco[nce_layers=7,24]", "a value that holds commas in parentheses: (7,24)", "before '24]' (character 19)"),
        ("enco[ngf=8|]", "expected a value", "before ']'"),
        ("enco[]", "expected option=value", "before ']'"),
        ("enco]", "expected a comma or the end", "before ']'"),
        ("enco[ngf=8, ngf=16]", "ngf of enco is given twice", "at the end"),
        ("enco[n=4-2]", "expected a range that counts up, e.g. 64-256:64,", "before '4-2]' (character 8)"),
        ("enco[zip(a=1|2, b=1|2|3)]", "zip needs lists of one length, found 2 of a, 3 of b", "before 'zip("),
        ("enco[zip(a=1|2]", "expected ',' or ')'", "before ']'"),
    ],
)
def test_mistakes_are_said_with_their_place_and_an_example(text: str, problem: str, place: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text, "--methods")
    said = str(caught.value)
    assert said.startswith(f"--methods {text!r}: ")
    assert problem in said
    assert place in said
    assert said.endswith("e.g. enco[sampling=dag|random, num_patches=64|256],cut")
    assert "\n" not in said
