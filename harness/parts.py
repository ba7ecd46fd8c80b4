"""The networks of a method, read from the source of its constructors. Imports no torch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from harness.catalogue import Card, Source


@dataclass(frozen=True)
class Part:
    """What a method keeps under some names: a network, heads, an image pool."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    """its class, or those that the options choose from"""
    summary: str
    """what the first of them is, from its description"""


def parts(method: Card) -> list[Part]:
    """The parts of a method in the order in which they are made; names that share a class stand together."""
    module, _, name = method.target.partition(":")
    source = Source.of(module)
    node = source.find(name) if source else None
    made: dict[str, list[ast.ClassDef]] = {}
    for where, cls in reversed(list(lineage(source, node)) if source and node else []):
        for part, expression in assigned(cls):
            classes = list(classes_of(where, expression))
            if classes:
                made[part] = classes
    grouped: dict[tuple[str, ...], list[str]] = {}
    for part, classes in made.items():
        grouped.setdefault(tuple(c.name for c in classes), []).append(part)
    return [Part(tuple(names), kinds, summary_of(made[names[0]][0])) for kinds, names in grouped.items()]


def assigned(cls: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    """What is put under ``self.NAME`` in the constructor, or declared for it: name and expression."""
    for child in cls.body:
        if isinstance(child, ast.AnnAssign) and isinstance(child.target, ast.Name):
            yield child.target.id, child.annotation
        if isinstance(child, ast.FunctionDef) and child.name == "__init__":
            for node in ast.walk(child):
                if isinstance(node, ast.Assign):
                    yield from pairs(node.targets[0], node.value)
                elif isinstance(node, ast.Call) and ast.unparse(node.func) == "self.add_module":
                    yield ast.unparse(node.args[0]).strip("f'\""), node.args[1]


def pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """``self.A, self.B = x, y`` one by one; a comprehension makes all of them."""
    if isinstance(target, ast.Tuple):
        several = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
        for i, one in enumerate(target.elts):
            yield from pairs(one, value.elts[i] if several and isinstance(value, ast.Tuple) else value)
    elif isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
        yield target.attr, value.elt if isinstance(value, (ast.GeneratorExp, ast.ListComp)) else value


def classes_of(source: Source, node: ast.expr) -> Iterator[ast.ClassDef]:
    """The classes of ours that an expression makes or an annotation names."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from classes_of(source, node.left)
        yield from classes_of(source, node.right)
    elif isinstance(node, ast.IfExp):
        yield from classes_of(source, node.body)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        function = plain_function(source, node.func.id)
        if function is None:
            yield from classes_of(source, node.func)
        elif function[1].returns is not None:
            yield from classes_of(function[0], function[1].returns)
    elif isinstance(node, ast.Name):
        found = source.resolve(node)
        if found and any(ast.unparse(base).endswith("Module") for base in found[1].bases):
            yield found[1]


def summary_of(cls: ast.ClassDef) -> str:
    """The first paragraph of the description of a class, in one line."""
    return " ".join((ast.get_docstring(cls) or "").partition("\n\n")[0].split())


def lineage(source: Source, node: ast.ClassDef) -> Iterator[tuple[Source, ast.ClassDef]]:
    yield source, node
    for base in node.bases:
        found = source.resolve(base)
        if found:
            yield from lineage(*found)


def plain_function(source: Source, name: str) -> tuple[Source, ast.FunctionDef] | None:
    """A function of a module, or one that it imports by name, and where it stands."""
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return source, node
    found = source.imported(name)
    return plain_function(*found) if found else None
