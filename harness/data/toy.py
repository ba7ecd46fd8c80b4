"""The embedded dataset `toy`: horses on a meadow (A) and zebras in the savanna (B), drawn from a seed.

A scene (horizon, hills, trees, clouds, one or two animals with their pose) knows nothing of the style it is drawn
in, and scenes of both domains come from one distribution. Training A and B show different scenes; test A and B show
the same scenes, so the true translation of every test picture is known.
"""

from __future__ import annotations

from harness.data.drawn import ENLARGED, SIDE

VERSION = 1
"""raised when the pictures change"""
_SEED = 20250101
_CANVAS = SIDE * ENLARGED
