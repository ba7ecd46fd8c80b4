"""What the official test loop leaves in its ``real_B`` folder, which DCLGAN and FSeSim take as the reference."""

from __future__ import annotations

from collections.abc import Sequence


def kept_as_real_b(names_a: Sequence[str], names_b: Sequence[str], num_test: int | None = None) -> dict[str, str]:
    """The picture of B that is found under each name of A after the loop, in the order of A.

    The loop runs over max(n_A, n_B) items, pairs A[i mod n_A] with B[i mod n_B] over sorted names, and saves the
    B picture under A's name, so that later items overwrite earlier ones: with n_B > n_A the first n_B - n_A
    pictures of B are lost, with n_B < n_A some are there twice.
    Source: taesungp/contrastive-unpaired-translation, ``UnalignedDataset`` and ``save_images``.

    Args:
        names_a, names_b: of the test splits, in any order.
        num_test: items after which the loop stops (the official option); None: all.
    """
    a, b = sorted(names_a), sorted(names_b)
    items = max(len(a), len(b))
    if num_test is not None:
        items = min(items, num_test)
    return {a[i % len(a)]: b[i % len(b)] for i in range(items)}
