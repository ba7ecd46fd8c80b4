"""The FID Inception against the figures of pytorch-fid's network with the recipe's weights, in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from evaluation.inception import LEVELS, Inception, expected_shapes, load_inception
from tests.evaluation.conftest import golden
from tests.parity.recipe import picture

DATA = golden("eval_inception_fid")


def network_input(name: str, shape: list[int]) -> Tensor:
    x = (picture(DATA["seed"], f"inception/{name}", shape) + 1) / 2
    return 2 * F.interpolate(x, (299, 299), mode="bilinear", align_corners=False) - 1


def unfolded(state: dict[str, Tensor]) -> Inception:
    with torch.device("meta"):
        network = Inception()
    network.load_state_dict(state, assign=True)
    return network.eval()


def test_keys_are_those_of_pytorch_fid_without_the_classifier() -> None:
    theirs = {key: tuple(shape) for key, shape, _ in DATA["keys"] if not key.startswith("fc.")}
    ours = {key: tuple(tensor.shape) for key, tensor in Inception().state_dict().items()}
    assert ours == theirs
    assert len(expected_shapes()) == 470


def assert_figures(features: Tensor, expected: dict[str, Any]) -> None:
    assert features.sum().item() == pytest.approx(expected["sum"], rel=1e-10)
    assert features.norm().item() == pytest.approx(expected["l2"], rel=1e-10)
    assert features.std(correction=0).item() == pytest.approx(expected["std"], rel=1e-10)
    torch.testing.assert_close(
        features.flatten()[expected["pos"]],
        torch.tensor(expected["val"], dtype=torch.float64),
        rtol=1e-10,
        atol=1e-13,
    )


@pytest.mark.parametrize(("run", "name", "shape"), [(0, "small", [2, 3, 64, 64]), (1, "full", [1, 3, 299, 299])])
def test_all_levels_equal_pytorch_fid(run: int, name: str, shape: list[int], recipe_state: dict[str, Tensor]) -> None:
    with torch.inference_mode():
        features = unfolded(recipe_state)(network_input(name, shape), LEVELS)
    for level in LEVELS:
        assert features[level].shape == (shape[0], level)
        assert_figures(features[level], DATA["runs"][run]["blocks"][str(level)]["pooled"])


def test_folded_network_equals_the_plain_one(recipe_state: dict[str, Tensor]) -> None:
    state = {k: v.float() for k, v in recipe_state.items()}
    x = network_input("small", [2, 3, 64, 64]).float()
    with torch.inference_mode():
        plain, folded = unfolded(state)(x, LEVELS), load_inception(state, torch.device("cpu"))(x, LEVELS)
    for level in LEVELS:
        torch.testing.assert_close(folded[level], plain[level], rtol=1e-5, atol=1e-6)


def test_loading_leaves_the_given_weights_alone(recipe_state: dict[str, Tensor]) -> None:
    before = {k: v.clone() for k, v in recipe_state.items()}
    load_inception(recipe_state, torch.device("cpu"))
    assert all(torch.equal(recipe_state[k], before[k]) for k in before)


def test_nothing_above_the_level_asked_for_is_computed(recipe_state: dict[str, Tensor]) -> None:
    network = unfolded(recipe_state)
    del network.Mixed_5b, network.Mixed_7a
    with torch.inference_mode():
        assert set(network(network_input("small", [2, 3, 64, 64]), (64, 192))) == {64, 192}
