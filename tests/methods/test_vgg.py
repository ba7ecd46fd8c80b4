from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from methods.vgg import POOLED, POSITIONS, RELU3_3, RELU5_3, VGG16, WIDTHS, scale_of, shapes
from methods.vgg_files import VggKind
from tests.small import pictures


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """Torchvision's own VGG16 with weights drawn at random."""
    torch.manual_seed(0)
    return torchvision.models.vgg16(weights=None).features.double()


@pytest.fixture(scope="module")
def weights(network: nn.Module) -> dict[str, Tensor]:
    return {f"features.{key}": value for key, value in network.state_dict().items()}


def taps(network: nn.Module, x: Tensor) -> list[Tensor]:
    """What torchvision's ReLUs give."""
    found = []
    for module in network.children():
        x = module(x)
        if isinstance(module, nn.ReLU):
            found.append(x.clone())  # the next one may work in place
    return found


def test_every_layer_is_torchvisions(network: nn.Module, weights: dict[str, Tensor]) -> None:
    assert {key: tuple(value.shape) for key, value in weights.items()} == shapes()
    vgg, x = VGG16(weights, "torchvision"), pictures(2, 32, 0)
    mean, std = (torch.tensor(v).reshape(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    prepared = ((x + 1) / 2 - mean) / std
    torch.testing.assert_close(vgg.prepared(x), prepared)
    expected = taps(network, prepared)
    assert len(expected) == len(WIDTHS) == len(POSITIONS)
    for layer, (ours, theirs) in enumerate(zip(vgg(x, range(13)), expected, strict=True)):
        torch.testing.assert_close(ours, theirs)
        assert ours.shape[1:] == (WIDTHS[layer], 32 // scale_of(layer), 32 // scale_of(layer))


def test_layers_in_the_order_asked_for(weights: dict[str, Tensor]) -> None:
    vgg, x = VGG16(weights, "torchvision", last=4), pictures(1, 16, 0)
    assert [f.shape[1] for f in vgg(x, (4, 0, 2))] == [256, 64, 128]
    assert max(int(key.split(".")[1]) for key, _ in vgg.named_buffers() if key.startswith("features")) == POSITIONS[4]


def test_oxford_sees_blue_first_and_no_mean(weights: dict[str, Tensor]) -> None:
    kind: VggKind = "oxford"
    white, black = torch.ones(1, 3, 1, 1), -torch.ones(1, 3, 1, 1)
    vgg = VGG16(weights, kind, last=0)
    mean = torch.tensor([103.939, 116.779, 123.680])
    torch.testing.assert_close(vgg.prepared(white).flatten(), 255 - mean)
    torch.testing.assert_close(vgg.prepared(black).flatten(), -mean)
    red = torch.tensor([1.0, -1.0, -1.0]).reshape(1, 3, 1, 1)
    torch.testing.assert_close(vgg.prepared(red).flatten(), torch.tensor([0, 0, 255.0]) - mean)


def test_it_is_frozen_and_not_saved(weights: dict[str, Tensor]) -> None:
    vgg = VGG16(weights, "torchvision", last=RELU3_3)
    assert list(vgg.parameters()) == []
    assert vgg.state_dict() == {}
    x = pictures(1, 8, 0).requires_grad_()
    (gradient,) = torch.autograd.grad(vgg(x, [RELU3_3])[0].sum(), x)
    assert gradient.abs().max() > 0
    assert vgg.float()(x.float(), [0])[0].dtype == torch.float32  # it moves with the method that holds it


def test_without_the_last_pooling(network: nn.Module, weights: dict[str, Tensor]) -> None:
    vgg, x = VGG16(weights, "torchvision", pooled=POOLED[:-1]), pictures(1, 16, 0)
    unpooled = nn.Sequential(*[m for i, m in enumerate(network.children()) if i != 23])
    torch.testing.assert_close(vgg(x, [RELU5_3])[0], taps(unpooled, vgg.prepared(x))[RELU5_3])
    assert vgg(x, [RELU5_3])[0].shape == (1, 512, 2, 2)
