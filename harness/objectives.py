"""What a method minimises, read from its source: the lines of its step that make losses, and what they cite.

Nothing is imported. Followed are calls of the method's own functions and of functions that its modules define or
import by name.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from harness.catalogue import Card, Source

FORMULA = re.compile(
    r"\beqs?\.|\bsec\.|\bL_|\bloss\b|\bterms?\b|minimises|penalty|\|.+\||"
    r"[Dd]istance between|[Dd]ifference|[Cc]ontrast\b|[Rr]econstruct|[Dd]ivergence|[Cc]ross-entropy|2 cos"
)
"""what the description of a function says that makes a part of the objective"""
EQUATION = re.compile(r"\b(?:eqs?|sec)\. ")
SHAPES = re.compile(r":? \[[^.]*\.?$")
"""what a description says of shapes at its end"""
LEFT_OUT = ("methods.interface", "methods.jitter")
"""modules of functions that every step calls, or that make no loss"""
WIDTH = 110
"""characters of a line of code"""
UNTOLD = ("c", "n", "a", "b", "batch", "self")
"""variables that every step has, and how they are made says nothing"""
PLAIN = ("torch", "list", "zip", "sum")
"""functions that only put terms together: what is passed to them is looked at too"""


@dataclass(frozen=True)
class Function:
    """A function of a method."""

    source: Source
    node: ast.FunctionDef

    @property
    def summary(self) -> str:
        """The first paragraph of its description, in one line."""
        return " ".join((ast.get_docstring(self.node) or "").partition("\n\n")[0].split())

    def comments(self) -> list[str]:
        """The lines of the function that are comments."""
        lines = text_of_module(self.source.name)[self.node.lineno - 1 : self.node.end_lineno]
        return [line.strip().lstrip("# ") for line in lines if line.strip().startswith("#")]


@dataclass
class Step:
    """The functions that the step of a method calls, in the order in which they are met."""

    classes: list[tuple[Source, ast.ClassDef]]
    """the class and those it inherits from, nearest first"""
    functions: list[Function] = field(default_factory=list)

    @staticmethod
    def of(method: Card) -> Step:
        module, _, name = method.target.partition(":")
        source = Source.of(module)
        node = source.find(name) if source else None
        found = Step(list(lineage(source, node)) if source and node else [])
        for step in found.methods("step")[:1]:
            found.functions.append(step)
            found.follow(step)
        return found

    def follow(self, function: Function) -> None:
        """Add what ``function`` calls, and what that calls."""
        calls = [node for node in ast.walk(function.node) if isinstance(node, ast.Call)]
        for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            called = self.called(function.source, node)
            if called and called not in self.functions:
                self.functions.append(called)
                self.follow(called)

    def called(self, source: Source, node: ast.Call) -> Function | None:
        """The function of ours that ``node`` calls; None for others."""
        if isinstance(node.func, ast.Name):
            return plain_function(source, node.func.id)
        if not isinstance(node.func, ast.Attribute):
            return None
        owner = ast.unparse(node.func.value)
        found = self.methods(node.func.attr) if owner in ("self", "super()") else []
        return next(iter(found[owner == "super()" :]), None)

    def methods(self, name: str) -> list[Function]:
        """The functions ``name`` of the class and of those it inherits from, nearest first."""
        return [
            Function(source, child)
            for source, node in self.classes
            for child in node.body
            if isinstance(child, ast.FunctionDef) and child.name == name
        ]

    def citations(self) -> list[tuple[str, str]]:
        """Name and description of every function that makes a part of the objective, and comments with equations."""
        found = []
        for function in self.functions:
            if function.source.name not in LEFT_OUT:
                if FORMULA.search(function.summary):
                    found.append((function.node.name, SHAPES.sub(".", function.summary)))
                found += [(function.node.name, comment) for comment in function.comments() if EQUATION.search(comment)]
        return found

    def lines(self, weights: set[str]) -> str:
        """The code that makes what is minimised; ``weights`` are the options that weigh terms."""
        parts = [part for function in self.functions if (part := minimised(function, weights))]
        return "\n\n".join(parts)


@cache
def text_of_module(name: str) -> list[str]:
    """The lines of a module's source."""
    spec = find_spec(name)
    return Path(spec.origin).read_text(encoding="utf-8").splitlines() if spec and spec.origin else []


def lineage(source: Source, node: ast.ClassDef) -> Iterator[tuple[Source, ast.ClassDef]]:
    yield source, node
    for base in node.bases:
        found = source.resolve(base)
        if found:
            yield from lineage(*found)


def plain_function(source: Source, name: str) -> Function | None:
    """A function of a module, or one that it imports by name."""
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return Function(source, node)
    found = source.imported(name)
    return plain_function(*found) if found else None


def minimised(function: Function, weights: set[str]) -> str:
    """The lines of a function that lead to its calls of ``minimise``, or to a weighted sum that it returns."""
    node = function.node
    if function.source.name in LEFT_OUT:
        return ""
    statements = list(statements_of(node.body))
    ends = [s for s in statements if isinstance(s, ast.Expr) and is_minimise(s.value)]
    returned = [s for s in statements if isinstance(s, ast.Return)]
    kept = leading_to(statements, ends or returned)
    own = bool(node.args.args) and node.args.args[0].arg == "self"
    summed = own and any(isinstance(end.value, ast.BinOp) for end in returned)
    if not ends and not summed and not any(weighs(line, weights) for line in kept):
        return ""
    head = [] if node.name == "step" else [f"# {node.name}"]
    return "\n".join(head + list(text_of(node.body, kept, "")))


def statements_of(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements of a function, those under conditions and in loops too; not those of functions inside it."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.For, ast.With)):
            yield from statements_of([*statement.body, *getattr(statement, "orelse", [])])


def weighs(line: ast.stmt, weights: set[str]) -> bool:
    """Whether a term is multiplied with one of ``weights``, or stands beside it."""
    for node in ast.walk(line):
        product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
        together = product or isinstance(node, ast.Tuple)
        if together and any(isinstance(n, ast.Attribute) and n.attr in weights for n in ast.walk(node)):
            return True
    return False


def is_minimise(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "minimise"


def leading_to(statements: list[ast.stmt], ends: Sequence[ast.stmt]) -> list[ast.stmt]:
    """``ends``, and the assignments of what they use, back to where networks and other functions are called."""
    tables = {name for line in statements if has_entries(line) for name in targets_of(line)}
    kept, seen = list(ends), set(UNTOLD)
    todo = [name for end in ends for name in names_in(minimised_part(end))]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for line in statements:
            if name in targets_of(line):
                kept.append(line)
                value = value_of(line)
                todo += names_in(value)
                todo += [n.id for n in ast.walk(line) if isinstance(n, ast.Name) and n.id in tables]
    return kept


def has_entries(line: ast.stmt) -> bool:
    """Whether a statement makes a table of terms by name."""
    return isinstance(line, ast.Assign) and isinstance(line.value, ast.Dict)


def value_of(line: ast.stmt) -> ast.expr | None:
    """What a statement assigns or appends."""
    value = getattr(line, "value", None)
    return value.args[0] if isinstance(line, ast.Expr) and isinstance(value, ast.Call) and value.args else value


def minimised_part(end: ast.stmt) -> ast.expr | None:
    """Of ``minimise(loss, *optimizers)`` the loss; of ``return value`` the value."""
    value = end.value if isinstance(end, (ast.Expr, ast.Return)) else None
    return value.args[0] if isinstance(value, ast.Call) and is_minimise(value) else value


def names_in(value: ast.expr | None) -> list[str]:
    """The variables that an expression puts together; not those it passes to functions other than `PLAIN`."""
    if value is None or (isinstance(value, ast.Call) and not puts_together(value)):
        return []
    if isinstance(value, ast.Name):
        return [value.id]
    inner = [child for child in ast.iter_child_nodes(value) if isinstance(child, (ast.expr, ast.comprehension))]
    found = []
    for child in inner:
        parts = [child.iter] if isinstance(child, ast.comprehension) else [child]
        found += [name for part in parts for name in names_in(part)]
    return found


def puts_together(call: ast.Call) -> bool:
    """Whether a call only combines its arguments, or the object it is a method of."""
    root: ast.expr = call.func
    while isinstance(root, (ast.Attribute, ast.Call)):
        root = root.value if isinstance(root, ast.Attribute) else root.func
    return isinstance(root, ast.Name) and root.id != "self" and (root is not call.func or root.id in PLAIN)


def targets_of(line: ast.stmt) -> set[str]:
    """The variables that a statement sets, adds to or appends to."""
    places: list[ast.expr] = []
    if isinstance(line, ast.Assign):
        places = [] if isinstance(line.value, ast.List) and not line.value.elts else line.targets
    elif isinstance(line, (ast.AugAssign, ast.AnnAssign)):
        places = [line.target]
    elif isinstance(line, ast.Expr) and isinstance(line.value, ast.Call):
        called = line.value.func
        places = [called.value] if isinstance(called, ast.Attribute) and called.attr == "append" else []
    return {node.id for place in places for node in ast.walk(place) if isinstance(node, ast.Name)}


def text_of(body: list[ast.stmt], kept: list[ast.stmt], indent: str) -> Iterator[str]:
    """The statements of ``body`` that are kept, under the conditions they stand under."""
    for statement in body:
        if any(statement is line for line in kept):
            yield textwrap.indent(written(statement), indent)
        elif isinstance(statement, (ast.If, ast.For, ast.With)):
            inner = list(text_of(statement.body, kept, indent + "    "))
            if inner:
                yield indent + ast.unparse(statement).partition("\n")[0]
                yield from inner
            other = list(text_of(getattr(statement, "orelse", []), kept, indent + "    "))
            if other:
                yield from [f"{indent}else:", *other]


def written(statement: ast.stmt) -> str:
    """A statement in one line, or a long table of terms with one in each."""
    line = ast.unparse(statement)
    value = getattr(statement, "value", None)
    if isinstance(value, ast.Tuple):  # without the parentheses, as we write it
        return line.replace(ast.unparse(value), ", ".join(map(ast.unparse, value.elts)))
    if len(line) <= WIDTH or not isinstance(value, ast.Dict):
        return line
    entries = [
        f"    {ast.unparse(key)}: {ast.unparse(item)}," if key else f"    **{ast.unparse(item)},"
        for key, item in zip(value.keys, value.values, strict=True)
    ]
    return "\n".join([line[: line.index(ast.unparse(value))] + "{", *entries, "}"])
