"""Which methods exist and what can be set on them, read from their source without importing it.

Importing a method imports torch, which takes seconds; lists, help and planning read the class attributes and
the fields of ``Config`` (all plain literals) from the syntax tree instead.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.metadata import entry_points
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UserError, unknown

if TYPE_CHECKING:
    from methods.interface import Method

Value = bool | int | float | str | tuple[int, ...]
"""what an option of a method can hold"""
GROUP = "harness.methods"


@dataclass(frozen=True)
class Option:
    """One field of a method's Config."""

    name: str
    kind: str
    """``bool``, ``int``, ``float``, ``str`` or ``tuple[int, ...]``"""
    choices: tuple[str, ...]
    """the only values allowed, where the annotation is a Literal"""
    default: Value
    help: str

    def parse(self, text: str) -> Value:
        """The value that ``text`` of a command line means; UserError if it means none."""
        text = text.strip()
        if self.choices and text not in self.choices:
            raise unknown(f"value of {self.name}", text, self.choices)
        if self.choices or self.kind == "str":
            return text
        expected = {"bool": "true or false", "int": "a whole number", "float": "a number"}.get(
            self.kind, "whole numbers separated by commas"
        )
        try:
            if self.kind == "bool":
                return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
            if self.kind == "int":
                return int(text)
            if self.kind == "float":
                return float(text)
            return tuple(int(word) for word in text.strip("()").split(",") if word.strip())
        except (KeyError, ValueError):
            raise UserError(f"{self.name}={text}: expected {expected} (default {show(self.default)})") from None


@dataclass(frozen=True)
class Card:
    """What is known of a method without importing it."""

    name: str
    target: str
    """``module:Class``"""
    title: str
    paper: str
    year: int
    two_sided: bool
    min_batch_size: int
    summary: str
    """the class docstring"""
    equations: str
    """what each network minimises, a line each"""
    differences: tuple[tuple[str, str, str, str], ...]
    options: tuple[Option, ...]

    @cached_property
    def by_name(self) -> dict[str, Option]:
        return {option.name: option for option in self.options}

    @cached_property
    def defaults(self) -> dict[str, Value]:
        """The default of each option."""
        return {option.name: option.default for option in self.options}

    def option(self, name: str) -> Option:
        if name not in self.by_name:
            raise unknown(f"option of {self.name}", name, self.by_name, f"harness methods show {self.name}")
        return self.by_name[name]


@cache
def targets() -> dict[str, str]:
    """Names of the registered methods and where they are: ``{"enco": "methods.enco:EnCo", ...}``."""
    return {point.name: point.value for point in sorted(entry_points(group=GROUP), key=lambda p: p.name)}


def target_of(name: str) -> str:
    """``module:Class`` of a registered name, or of ``package.module:Class`` itself."""
    if ":" in name:
        return name
    if name not in targets():
        raise unknown("method", name, targets(), "or package.module:Class; harness methods lists them")
    return targets()[name]


def load(name: str) -> type[Method]:
    """Import the class of a method."""
    module_name, _, class_name = target_of(name).partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except ModuleNotFoundError as error:
        raise UserError(f"method {name!r}: cannot import {module_name} ({error})") from None
    except AttributeError:
        raise UserError(f"method {name!r}: {module_name} has no class {class_name}") from None
    return found


@lru_cache(maxsize=256)
def card(name: str) -> Card:
    """The card of a method, from its source."""
    target = target_of(name)
    module_name, _, class_name = target.partition(":")
    source = Source.of(module_name)
    node = source.find(class_name) if source else None
    if source is None or node is None:
        raise UserError(f"method {name!r}: no class {class_name} in a module {module_name}")
    attributes = class_attributes(source, node)
    return Card(
        name=name,
        target=target,
        title=str(attributes.get("title", class_name)),
        paper=str(attributes.get("paper", "")),
        year=int(attributes.get("year", 0)),
        two_sided=bool(attributes.get("two_sided", False)),
        min_batch_size=int(attributes.get("min_batch_size", 1)),
        summary=ast.get_docstring(node) or "",
        equations=cleandoc(attributes.get("equations", "")),
        differences=tuple(attributes.get("differences", ())),
        options=tuple(config_options(source, node).values()),
    )


def show(value: Value) -> str:
    """A value as it would be typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class Source:
    """The syntax tree of one module."""

    name: str
    package: str
    """what relative imports start from"""
    tree: ast.Module

    @staticmethod
    @cache
    def of(module: str) -> Source | None:
        """Parse a module that can be found on the path; None if it cannot."""
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            return None
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            return None
        try:
            return Source(spec.name, spec.parent or "", ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
        except SyntaxError as error:
            raise UserError(f"{spec.origin}, line {error.lineno}: {error.msg}") from None

    def find(self, name: str) -> ast.ClassDef | None:
        return next((n for n in self.tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)

    def imported(self, name: str) -> tuple[Source, str] | None:
        """Where ``name`` comes from, if a ``from module import name`` brings it."""
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        relative = "." * node.level + (node.module or "")
                        source = Source.of(importlib.util.resolve_name(relative, self.package))
                        return (source, alias.name) if source else None
        return None

    def resolve(self, node: ast.expr) -> tuple[Source, ast.ClassDef] | None:
        """The class that a base-class expression ``Name`` or ``Name.Config`` means."""
        if isinstance(node, ast.Attribute):
            outer = self.resolve(node.value)
            return nested_config(*outer) if outer and node.attr == "Config" else None
        if not isinstance(node, ast.Name):
            return None
        here = self.find(node.id)
        if here:
            return self, here
        found = self.imported(node.id)
        there = found[0].find(found[1]) if found else None
        return (found[0], there) if found and there else None

    def alias(self, name: str) -> tuple[Source, ast.expr] | None:
        """The expression a module-level ``name = ...`` stands for, here or where it is imported from."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                return self, node.value
        found = self.imported(name)
        return found[0].alias(found[1]) if found else None


def nested_config(source: Source, node: ast.ClassDef) -> tuple[Source, ast.ClassDef] | None:
    """The class ``Config`` inside a method, or the one it inherits."""
    for child in node.body:
        if isinstance(child, ast.ClassDef) and child.name == "Config":
            return source, child
    for base in node.bases:
        found = source.resolve(base)
        config = nested_config(*found) if found else None
        if config:
            return config
    return None


def class_attributes(source: Source, node: ast.ClassDef) -> dict[str, Any]:
    """Literal class attributes, base classes first."""
    values: dict[str, Any] = {}
    for base in reversed(node.bases):
        found = source.resolve(base)
        if found:
            values |= class_attributes(*found)
    for child in node.body:
        target = child.targets[0] if isinstance(child, ast.Assign) else getattr(child, "target", None)
        value = getattr(child, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.expr):
            try:
                values[target.id] = ast.literal_eval(value)
            except ValueError:
                continue
    return values


def config_options(source: Source, node: ast.ClassDef) -> dict[str, Option]:
    """The fields of a method's Config, inherited ones first."""
    found = nested_config(source, node)
    return dataclass_fields(*found) if found else {}


def dataclass_fields(source: Source, node: ast.ClassDef) -> dict[str, Option]:
    options: dict[str, Option] = {}
    for base in reversed(node.bases):
        found = source.resolve(base)
        if found is None:
            raise UserError(
                f"{source.name}: cannot find {ast.unparse(base)}, the base of {node.name}; "
                "expected a class of this module or one that `from module import Class` brings"
            )
        options |= dataclass_fields(*found)
    body = node.body
    for child, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name) and child.value is not None:
            kind, choices = annotation(source, child.annotation)
            default = literal_default(source, child.target.id, child.value)
            options[child.target.id] = Option(child.target.id, kind, choices, default, doc_of(following))
    return options


def literal_default(source: Source, name: str, node: ast.expr) -> Value:
    """The default of an option; UserError unless it is written as a plain value."""
    try:
        value: Value = ast.literal_eval(node)
    except ValueError:
        raise UserError(
            f"{source.name}, line {node.lineno}: the default of {name} is {ast.unparse(node)}; expected a plain value"
        ) from None
    return value


def doc_of(node: ast.stmt | None) -> str:
    """The text of a string that stands alone."""
    text = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else ""
    return text if isinstance(text, str) else ""


def annotation(source: Source, node: ast.expr) -> tuple[str, tuple[str, ...]]:
    """The kind and the choices of a field from its annotation."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal":
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return "str", tuple(str(ast.literal_eval(item)) for item in items)
    if isinstance(node, ast.Name):
        found = source.alias(node.id)
        if found:
            return annotation(*found)
    return ast.unparse(node), ()
