from __future__ import annotations

import math

import pytest
import torch

from methods.nce import patch_nce, patches

E = math.e


def test_patches_are_picture_major_rows_of_channels() -> None:
    feature = torch.arange(2 * 2 * 2 * 3.0).reshape(2, 2, 2, 3)  # channel 0 of picture 0 holds 0..5
    assert patches(feature, torch.tensor([4, 0])).tolist() == [[4, 10], [0, 6], [16, 22], [12, 18]]


def test_patches_may_differ_between_pictures() -> None:
    feature = torch.arange(2 * 2 * 2 * 3.0).reshape(2, 2, 2, 3)
    rows = patches(feature, torch.tensor([[4, 0], [5, 5]]))
    assert rows.tolist() == [[4, 10], [0, 6], [17, 23], [17, 23]]


def test_two_patches_worked_out() -> None:
    # The query agrees with its positive (1) and is orthogonal to the other patch (0); the positive's own place
    # among the negatives holds -10. At temperature 1: -log(e / (e + e^-10 + e^0)).
    unit = torch.eye(2)
    expected = math.log(E + math.exp(-10) + 1) - 1
    assert patch_nce(unit, unit, groups=1, temperature=1.0).tolist() == pytest.approx([expected] * 2, rel=1e-14)


def test_the_temperature_divides_all_similarities() -> None:
    unit = torch.eye(2)
    expected = math.log(math.exp(2) + math.exp(-20) + 1) - 2
    assert float(patch_nce(unit, unit, 1, 0.5)[0]) == pytest.approx(expected, rel=1e-14)


def test_a_confused_query_pays_for_every_negative() -> None:
    query = torch.tensor([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    key = torch.eye(3)
    losses = patch_nce(query, key, 1, 1.0).tolist()
    assert losses[0] == pytest.approx(math.log(1 + E + 1 + math.exp(-10)), rel=1e-14)  # prefers patch 1
    assert losses[1] == pytest.approx(math.log(E + 1 + 1 + math.exp(-10)) - 1, rel=1e-14)


def test_groups_keep_negatives_within_a_picture() -> None:
    rows = torch.eye(4)  # two pictures of two patches
    within = math.log(E + 1 + math.exp(-10)) - 1
    across = math.log(E + 3 + math.exp(-10)) - 1
    assert patch_nce(rows, rows, 2, 1.0).tolist() == pytest.approx([within] * 4, rel=1e-14)
    assert patch_nce(rows, rows, 1, 1.0).tolist() == pytest.approx([across] * 4, rel=1e-14)


def test_cosine_ignores_lengths_and_dot_does_not() -> None:
    query, key = torch.randn(6, 5), torch.randn(6, 5)
    unit = [x / x.norm(dim=1, keepdim=True) for x in (query, key)]
    expected = patch_nce(unit[0], unit[1], 2, 0.07)
    torch.testing.assert_close(patch_nce(3 * query, 0.1 * key, 2, 0.07, similarity="cosine"), expected)
    assert not torch.allclose(patch_nce(3 * query, 0.1 * key, 2, 0.07), expected)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_no_gradient_flows_to_the_keys(similarity: str) -> None:
    query, key = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    patch_nce(query, key, 1, 0.07, similarity).sum().backward()  # type: ignore[arg-type, no-untyped-call]
    assert key.grad is None
    assert query.grad is not None
    assert query.grad.abs().min() > 0
