"""One horse or zebra of the dataset `toy`: pose, silhouette, coat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Colour = tuple[int, int, int]

# Silhouette in units of the body length, facing right, from the ground up: x from rump (-0.5) to chest (0.5).
_BODY = [
    (-0.52, 0.90),
    (-0.42, 0.99),
    (-0.28, 1.01),
    (-0.05, 0.94),
    (0.12, 0.96),
    (0.26, 1.03),
    (0.38, 0.92),
    (0.52, 0.80),
    (0.50, 0.66),
    (0.38, 0.54),
    (0.05, 0.49),
    (-0.20, 0.53),
    (-0.34, 0.56),
    (-0.50, 0.64),
    (-0.56, 0.78),
]
_NECK = [
    (0.14, 0.97),
    (0.34, 1.14),
    (0.52, 1.34),
    (0.64, 1.44),
    (0.72, 1.43),
    (0.80, 1.32),
    (0.92, 1.17),
    (0.99, 1.07),
    (0.98, 1.00),
    (0.91, 0.98),
    (0.83, 1.06),
    (0.74, 1.12),
    (0.66, 1.10),
    (0.58, 0.94),
    (0.53, 0.76),
    (0.40, 0.66),
    (0.22, 0.76),
]
