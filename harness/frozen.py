"""Which training of VGG16 a run looks through, where the user did not say. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping

from harness.catalogue import Value
from methods.vgg_files import kinds_here

OPTION = "vgg"


def with_weights_here(options: Mapping[str, Value], given: Mapping[str, str]) -> dict[str, Value]:
    """The options of a method, with Oxford's VGG16 in place of torchvision's where only Oxford's is on this machine.

    Nobody has Oxford's without having asked for it by name (``harness weights fetch vgg16-oxford``). The choice is
    an option of the run like any other: part of its identity, and shown wherever the run is.

    Args:
        options: every option of the method.
        given: those that the user set, which stand.
    """
    chosen = options.get(OPTION) == "torchvision" and OPTION not in given and kinds_here() == {"oxford"}
    return dict(options) | ({OPTION: "oxford"} if chosen else {})


def looks_through(options: Mapping[str, str]) -> str:
    """Whose VGG16 a method with these options (as text) looks through; "" for a method that has none."""
    used = float(options.get("vgg_w", "1")) > 0  # MUNIT and UNIT have one only where its term has a weight
    return {"torchvision": "torchvision's", "oxford": "Oxford's"}.get(options.get(OPTION, ""), "") if used else ""
