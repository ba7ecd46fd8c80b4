"""What is read from the source of a method equals what importing it gives."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from harness.catalogue import Option, card, load, targets
from harness.errors import UserError

METHOD = '''
from {config} import {base}


class Mine:
    """Does something.

    And says how.
    """

    title = "Mine"
    paper = "Me, 2026"
    year = 2026

    class Config({base}):
        gain: float = {default}
        """how much"""
'''


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Path]:
    """An importable package ``foreign`` with a Config of its own to inherit from."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "config.py").write_text('class Base:\n    width: int = 3\n    """how wide"""\n')
    sys.path.insert(0, str(tmp_path))
    yield folder
    sys.path.remove(str(tmp_path))
    sys.modules.pop("foreign", None)


def add_method(package: Path, module: str, config: str = ".config", base: str = "Base", default: str = "0.5") -> str:
    (package / f"{module}.py").write_text(METHOD.format(config=config, base=base, default=default))
    return f"foreign.{module}:Mine"


@pytest.mark.parametrize("name", targets())
def test_card_equals_the_imported_class(name: str) -> None:
    found, cls = card(name), load(name)
    assert (found.title, found.paper, found.year) == (cls.title, cls.paper, cls.year)
    assert (found.two_sided, found.differences) == (cls.two_sided, cls.differences)
    assert found.summary
    assert cls.__doc__ is not None
    assert found.summary.split() == cls.__doc__.split()


@pytest.mark.parametrize("name", targets())
def test_options_equal_the_fields_of_the_imported_config(name: str) -> None:
    config = load(name).Config
    hints = get_type_hints(config)
    options = card(name).options
    assert [option.name for option in options] == [field.name for field in fields(config)]
    assert {option.name: option.default for option in options} == {f.name: f.default for f in fields(config)}
    choices = {name: get_args(hint) if get_origin(hint) is Literal else () for name, hint in hints.items()}
    assert {option.name: option.choices for option in options} == choices
    kinds = {name: "str" if choices[name] else str(getattr(hint, "__name__", hint)) for name, hint in hints.items()}
    kinds = {name: "tuple[int, ...]" if get_origin(hints[name]) is tuple else kind for name, kind in kinds.items()}
    assert {option.name: option.kind for option in options} == kinds


@pytest.mark.parametrize("name", targets())
def test_every_option_is_explained_and_its_default_can_be_typed(name: str) -> None:
    from harness.catalogue import show

    for option in card(name).options:
        assert option.help, option.name
        assert option.parse(show(option.default)) == option.default


@pytest.mark.parametrize("name", targets())
def test_the_defaults_make_a_valid_config(name: str) -> None:
    config = load(name).Config
    assert config(**{option.name: option.default for option in card(name).options}) == config()


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("bool", "true", True),
        ("bool", "0", False),
        ("int", " 12 ", 12),
        ("float", "2e-4", 0.0002),
        ("float", "1", 1.0),
        ("tuple[int, ...]", "3,7,28", (3, 7, 28)),
        ("tuple[int, ...]", "(4,)", (4,)),
        ("str", "word", "word"),
    ],
)
def test_values_of_a_command_line(kind: str, text: str, value: object) -> None:
    found = Option("x", kind, (), 0, "").parse(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("bool", "yes", "true or false"),
        ("int", "1.5", "a whole number"),
        ("float", "much", "a number"),
        ("tuple[int, ...]", "3;7", "whole numbers separated by commas"),
    ],
)
def test_a_value_that_cannot_be_read(kind: str, text: str, expected: str) -> None:
    with pytest.raises(UserError, match=f"expected {expected}"):
        Option("x", kind, (), 0, "").parse(text)


def test_a_choice_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown value of sampling 'randm'. Did you mean 'random'"):
        card("enco").option("sampling").parse("randm")


def test_an_unknown_method_or_option_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown method 'enko'. Did you mean 'enco'"):
        card("enko")
    with pytest.raises(UserError, match=r"unknown option of enco 'num_patch'. Did you mean 'num_patches'"):
        card("enco").option("num_patch")


def test_a_method_of_another_package(package: Path) -> None:
    """Its Config may come by a relative or an absolute import."""
    for module, config in (("near", ".config"), ("far", "foreign.config")):
        found = card(add_method(package, module, config))
        assert (found.title, found.year, found.two_sided) == ("Mine", 2026, False)
        assert [(o.name, o.kind, o.default, o.help) for o in found.options] == [
            ("width", "int", 3, "how wide"),
            ("gain", "float", 0.5, "how much"),
        ]


def test_a_class_or_module_that_is_not_there(package: Path) -> None:
    with pytest.raises(UserError, match=r"no class Yours in a module foreign.near"):
        card(add_method(package, "near").replace("Mine", "Yours"))
    with pytest.raises(UserError, match=r"no class Mine in a module foreign.nowhere"):
        card("foreign.nowhere:Mine")


def test_a_base_that_cannot_be_found_is_named(package: Path) -> None:
    """Left out in silence, its options could not be set and would not be part of a run's identity."""
    with pytest.raises(UserError, match="cannot find Elsewhere, the base of Config"):
        card(add_method(package, "lost", base="Elsewhere"))


def test_a_default_that_is_not_a_plain_value_is_named(package: Path) -> None:
    with pytest.raises(UserError, match=r"foreign.sum, line 16: the default of gain is 1 / 3; expected a plain value"):
        card(add_method(package, "sum", default="1 / 3"))


def test_a_source_that_does_not_parse_is_named(package: Path) -> None:
    with pytest.raises(UserError, match=r"broken.py, line 16: "):
        card(add_method(package, "broken", default="1 +"))
