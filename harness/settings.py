"""The settings of a run that may stand in brackets like options, of methods as well as of datasets."""

from __future__ import annotations

from harness.errors import UserError, unknown

BUDGETS = ("epochs", "steps")
SETTINGS = (*BUDGETS, "size", "load_size", "batch_size", "direction", "precision")
"""fields of a RunSpec that may stand in brackets like options, of methods as well as of datasets"""
CHOICES = {"direction": ("AtoB", "BtoA"), "precision": ("fp32", "bf16")}


def setting(name: str, text: str, owner: str) -> int | str:
    """The value of a run setting in brackets; UserError where there is no such setting or it cannot be read."""
    if name not in SETTINGS:
        raise unknown(f"setting of {owner}", name, SETTINGS)
    if name in CHOICES:
        if text not in CHOICES[name]:
            raise unknown(f"value of {name}", text, CHOICES[name])
        return text
    if not text.isdigit():
        raise UserError(f"{name}={text} of {owner}: expected a whole number")
    return int(text)
