"""The FID Inception against the figures of pytorch-fid's network with the recipe's weights, in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from evaluation.inception import LEVELS, Inception, expected_shapes, load_inception
from tests.evaluation.conftest import golden
from tests.parity import eval_inception_fid
from tests.parity.compare import Report
from tests.parity.inception_recipe import plain_network
from tests.parity.recipe import picture

DATA = golden("eval_inception_fid")


def network_input() -> Tensor:
    x = (picture(DATA["seed"], "inception/small", [2, 3, 64, 64]) + 1) / 2
    return 2 * F.interpolate(x, (299, 299), mode="bilinear", align_corners=False) - 1


def test_keys_are_those_of_pytorch_fid_without_the_classifier() -> None:
    theirs = {key: tuple(shape) for key, shape, _ in DATA["keys"] if not key.startswith("fc.")}
    ours = {key: tuple(tensor.shape) for key, tensor in Inception().state_dict().items()}
    assert ours == theirs
    assert len(expected_shapes()) == 470


@pytest.mark.usefixtures("exact")
def test_all_levels_equal_pytorch_fid(recipe_weights: dict[str, Tensor]) -> None:
    """The part of `check_golden` that takes seconds; the folders are among its slow files."""
    report, network = Report(), plain_network(recipe_weights)
    for run in DATA["runs"]:
        eval_inception_fid.check_run(report, network, run, DATA["seed"])
    eval_inception_fid.check_clean(report, network, DATA, DATA["seed"])
    assert report.ok, report


def test_folded_network_equals_the_plain_one(recipe_weights: dict[str, Tensor]) -> None:
    state = {k: v.float() for k, v in recipe_weights.items()}
    x = network_input().float()
    with torch.inference_mode():
        plain, folded = plain_network(state)(x, LEVELS), load_inception(state, torch.device("cpu"))(x, LEVELS)
    for level in LEVELS:
        torch.testing.assert_close(folded[level], plain[level], rtol=1e-5, atol=1e-6)


def test_loading_leaves_the_given_weights_alone(recipe_weights: dict[str, Tensor]) -> None:
    before = {k: v.clone() for k, v in recipe_weights.items()}
    load_inception(recipe_weights, torch.device("cpu"))
    assert all(torch.equal(recipe_weights[k], before[k]) for k in before)


def test_nothing_above_the_level_asked_for_is_computed(recipe_weights: dict[str, Tensor]) -> None:
    network = plain_network(recipe_weights)
    del network.Mixed_5b, network.Mixed_7a
    with torch.inference_mode():
        assert set(network(network_input(), (64, 192))) == {64, 192}
