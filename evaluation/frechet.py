"""The Fréchet distance between two Gaussians, from features or from their moments, in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.features import Compared, comparable


def frechet_distance(x: Compared, y: Compared) -> float:
    """|mu_x - mu_y|^2 + tr S_x + tr S_y - 2 tr sqrt(S_x S_y), with S divided by n - 1.

    With no more pictures than dimensions the product S_x S_y is singular and its matrix square root is
    inexact (1e-5 relative for a dozen pictures) and slow. With centred X = (x - mu_x)/sqrt(n_x - 1), Y alike,
    the trace of the root is the sum of the singular values of X Y^T, exactly, and no d x d matrix is made.

    Args:
        x, y: features, n_x x d and n_y x d, at least two rows each.

    Raises:
        EvaluationError: a side has fewer than two rows, the dimensions differ, or a feature is not finite.
    """
    x, y = comparable(x, y, "a Fréchet distance")
    if min(len(x), len(y)) > x.shape[1]:
        return frechet_from_moments(
            x.mean(0), np.cov(x, rowvar=False, ddof=1), y.mean(0), np.cov(y, rowvar=False, ddof=1)
        )
    a, b = _centred(x), _centred(y)
    root = np.linalg.svd(a @ b.T, compute_uv=False).sum()  # a b^T: n_x x n_y
    gap = x.mean(0) - y.mean(0)
    return _positive(gap @ gap + np.square(a).sum() + np.square(b).sum() - 2 * root)


def frechet_from_moments(
    mu_x: NDArray[np.float64],
    sigma_x: NDArray[np.float64],
    mu_y: NDArray[np.float64],
    sigma_y: NDArray[np.float64],
) -> float:
    """The distance from means (d) and covariances (d x d), e.g. those of a statistics file.

    tr sqrt(S_x S_y) = sum of the roots of the eigenvalues of the symmetric R S_y R, with R = sqrt(S_x).

    Raises:
        EvaluationError: the shapes do not fit each other.
    """
    mu_x, mu_y = np.atleast_1d(mu_x), np.atleast_1d(mu_y)
    sigma_x, sigma_y = np.atleast_2d(sigma_x), np.atleast_2d(sigma_y)
    d = len(mu_x)
    if mu_y.shape != (d,) or sigma_x.shape != (d, d) or sigma_y.shape != (d, d):
        shapes = f"{mu_x.shape}, {sigma_x.shape}, {mu_y.shape}, {sigma_y.shape}"
        raise EvaluationError(f"moments of shapes {shapes} do not fit: expected (d,), (d, d), (d,), (d, d)")
    values, vectors = np.linalg.eigh(sigma_x)
    half = vectors * np.sqrt(values.clip(0)) @ vectors.T
    product = half @ sigma_y @ half
    eigenvalues = np.linalg.eigvalsh((product + product.T) / 2)  # symmetric up to rounding
    root = np.sqrt(eigenvalues.clip(0)).sum()
    gap = mu_x - mu_y
    return _positive(gap @ gap + np.trace(sigma_x) + np.trace(sigma_y) - 2 * root)


def _centred(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return (x - x.mean(0)) / np.sqrt(len(x) - 1)


def _positive(value: np.float64) -> float:
    """Rounding may leave a distance of equal sets a hair below zero."""
    return max(float(value), 0.0)
