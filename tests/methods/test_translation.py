from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from methods.translation import in_mode, translate_padded


class Seen:
    """The identity, which remembers the sizes it was given."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, ...]] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.sizes.append(tuple(x.shape[-2:]))
        return x


@pytest.mark.parametrize(
    ("size", "multiple", "least", "padded"),
    [((8, 8), 4, 1, (8, 8)), ((5, 8), 4, 1, (8, 8)), ((9, 3), 4, 1, (12, 4)), ((3, 9), 4, 8, (8, 12))],
)
def test_the_network_sees_multiples_and_the_result_has_the_size_given(
    size: tuple[int, int], multiple: int, least: int, padded: tuple[int, int]
) -> None:
    net, x = Seen(), torch.rand(2, 3, *size)
    assert torch.equal(translate_padded(net, x, multiple, least), x)
    assert net.sizes == [padded]


def test_borders_are_repeated() -> None:
    x = torch.tensor([[1.0, 2.0, 3.0]]).reshape(1, 1, 1, 3)
    seen: list[Tensor] = []
    translate_padded(lambda p: seen.append(p) or p, x, 2)  # type: ignore[func-returns-value]
    assert torch.equal(seen[0][0, 0], torch.tensor([[1.0, 2.0, 3.0, 3.0], [1.0, 2.0, 3.0, 3.0]]))


def test_the_mode_comes_back_even_after_an_error() -> None:
    net = nn.Sequential(nn.Dropout())
    with in_mode(net, training=False):
        assert not net[0].training
    assert net.training
    with pytest.raises(ValueError, match="inside"), in_mode(net, training=False):
        raise ValueError("inside")
    assert net[0].training
