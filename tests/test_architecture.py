"""The house rules: arrows point down, torch stays out of the light modules, files stay small."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "methods": {"methods"},
    "baselines": {"baselines", "methods"},
    "evaluation": {"evaluation"},
    "harness": {"harness", "baselines", "methods", "evaluation"},
}
LIGHT = (
    "catalogue",
    "cli",
    "spec",
    "runs",
    "planning",
    "collect",
    "table",
    "published",
    "errors",
    "interrupts",
    "costs",
    "job",
    "frozen",
    "profiles",
    "cost_columns",
    "grid",
    "expand",
    "gridfile",
    "plans",
    "index",
    "toml",
    "estimates",
    "exclusions",
    "settings",
)


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Names of the modules that a file imports."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_arrows_point_down(package: str) -> None:
    for path in modules(package):
        ours = {name.split(".")[0] for name in imports(path)} & MAY_IMPORT.keys()
        assert ours <= MAY_IMPORT[package], f"{path.relative_to(ROOT)} imports {ours - MAY_IMPORT[package]}"


@pytest.mark.parametrize("name", LIGHT)
def test_light_modules_import_no_torch(name: str) -> None:
    heavy = {"torch", "torchvision", "pandas", "matplotlib", "scipy"}
    found = {module.split(".")[0] for module in imports(ROOT / "harness" / f"{name}.py", top_level_only=True)}
    assert not found & heavy


def test_files_are_small() -> None:
    long = {str(p.relative_to(ROOT)): n for package in MAY_IMPORT for p in modules(package) if (n := lines(p)) > 300}
    assert not long


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())
