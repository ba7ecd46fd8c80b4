from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from baselines.cut import CUT, FastCUT
from methods.config import GanConfig, MethodConfig, ResnetGanConfig
from methods.enco import EnCo


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n_epochs": 1.5}, "n_epochs is 1.5; expected a whole number"),
        ({"n_epochs": True}, "n_epochs is True; expected a whole number"),
        ({"n_epochs": -1}, "n_epochs is -1; expected 0 or more"),
        ({"n_epochs": 0, "n_epochs_decay": 0}, "n_epochs + n_epochs_decay must be at least 1"),
        ({"warmup_epochs": -1}, "warmup_epochs is -1; expected 0 or more"),
        ({"ngf": 0}, "ngf is 0; expected 1 or more"),
        ({"n_layers_D": 0}, "n_layers_D is 0; expected 1 or more"),
        ({"netG": "resnet_7blocks"}, "netG is 'resnet_7blocks'; expected one of resnet_9blocks, resnet_6blocks"),
        ({"no_antialias": 1}, "no_antialias is 1; expected true or false"),
        ({"lambda_GAN": "1"}, "lambda_GAN is '1'; expected a number"),
        ({"lambda_GAN": True}, "lambda_GAN is True; expected a number"),
        ({"lambda_GAN": float("nan")}, "lambda_GAN is nan; expected a number"),
        ({"lambda_GAN": float("inf")}, "lambda_GAN is inf; expected a number"),
        ({"lambda_GAN": -1.0}, "lambda_GAN is -1.0; expected a number that is not negative"),
        ({"beta1": 1.0}, "beta1 is 1.0; expected less than 1"),
    ],
)
def test_values_that_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        ResnetGanConfig(**fields)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("config", "fields", "message"),
    [
        (EnCo.Config, {"nce_layers": (3, 7, 28)}, "as many decoder layers as encoder layers"),
        (EnCo.Config, {"nce_layers": ()}, "as many decoder layers as encoder layers"),
        (EnCo.Config, {"nce_layers": [3, 28]}, "expected whole numbers separated by commas"),
        (EnCo.Config, {"random_ratio": 1.5}, "random_ratio is 1.5; expected 0 to 1"),
        (EnCo.Config, {"num_patches": 1}, "num_patches must be at least 2"),
        (EnCo.Config, {"oversample_ratio": 0}, "oversample_ratio at least 1"),
        (EnCo.Config, {"sampling": "most"}, "sampling is 'most'; expected one of dag, random, lowest, highest"),
        (CUT.Config, {"nce_layers": ()}, "must not be empty or 0"),
        (CUT.Config, {"nce_T": 0.0}, "must not be empty or 0"),
        (CUT.Config, {"nce_T": -0.1}, "nce_T is -0.1; expected a number that is not negative"),
    ],
)
def test_values_that_a_method_refuses(config: type[MethodConfig], fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**fields)


def test_whole_numbers_may_stand_for_numbers() -> None:
    assert GanConfig(lambda_GAN=2).lambda_GAN == 2


def test_zero_switches_off() -> None:
    assert CUT.Config(lambda_NCE=0.0).lambda_NCE == 0
    assert MethodConfig(n_epochs=0, n_epochs_decay=5).n_epochs == 0


def test_a_configuration_is_a_value() -> None:
    config = EnCo.Config(num_patches=64)
    assert config == EnCo.Config(num_patches=64)
    assert hash(config) == hash(EnCo.Config(num_patches=64))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.num_patches = 32  # type: ignore[misc]


def test_fastcut_differs_from_cut_in_five_fields() -> None:
    ours, base = dataclasses.asdict(FastCUT.Config()), dataclasses.asdict(CUT.Config())
    changed = {name: value for name, value in ours.items() if base[name] != value}
    assert changed == {
        "n_epochs": 150,
        "n_epochs_decay": 50,
        "lambda_NCE": 10.0,
        "nce_idt": False,
        "flip_equivariance": True,
    }
