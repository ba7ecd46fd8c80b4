"""How often a gate would fail though nothing changed, from its own recorded runs. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from harness.gates.gate import Figure
from harness.gates.rules import bounds

DRAWS = 2000


def false_alarms(figures: Sequence[Figure], s: int, draws: int = DRAWS) -> float:
    """The share of ``draws`` in which ``s`` recorded seeds, taken out at random, fail against the other ones.

    All figures of a draw belong to the same seeds, so what is correlated stays so. The bounds come from ``s`` runs
    fewer than those of the gate itself, which makes the share a little too large. At least two seeds must remain.
    """
    import numpy as np

    values = np.array([figure.values for figure in figures])  # [figures, seeds]
    n = values.shape[1]
    random = np.random.default_rng(0)
    alarms = 0
    for _ in range(draws):
        order = random.permutation(n)
        new, rest = values[:, order[:s]].mean(1), values[:, order[s:]]
        alarms += any(
            not low <= value <= high
            for value, (low, high) in zip(
                new.tolist(),
                (
                    bounds(figure.better, mean, std, figure.floor, s, n - s)
                    for figure, mean, std in zip(
                        figures, rest.mean(1).tolist(), rest.std(1, ddof=1).tolist(), strict=True
                    )
                ),
                strict=True,
            )
        )
    return alarms / draws
