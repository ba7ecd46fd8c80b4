from __future__ import annotations

import torch
from torch import Tensor

from methods.interface import ImageShape
from methods.pool import ImagePool
from tests.small import Replayed

SHAPE = ImageShape(1, 1, 1)


def grey(*values: float) -> Tensor:
    """Pictures of one pixel each."""
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1, 1)


def told(swap: float, slot: float = 0.0) -> Replayed:
    return Replayed(uniforms={"p/0/swap": swap, "p/0/slot": slot})


def shown(pool: ImagePool, value: float, draws: Replayed) -> float:
    return float(pool.query(grey(value), draws, "p"))


def test_without_capacity_pictures_pass_through() -> None:
    draws = Replayed()
    assert ImagePool(0, SHAPE).query(grey(7, 8), draws, "p").flatten().tolist() == [7, 8]
    assert draws.names == []


def test_a_pool_fills_then_exchanges() -> None:
    pool = ImagePool(2, SHAPE)
    assert shown(pool, 1, told(0.9)) == 1  # not full: stored and shown, whatever is drawn
    assert shown(pool, 2, told(0.9)) == 2
    assert shown(pool, 3, told(0.2)) == 3  # shown, not stored
    assert shown(pool, 4, told(0.5)) == 4  # exchange is above one half only
    assert pool.pictures.flatten().tolist() == [1, 2]
    assert shown(pool, 5, told(0.51, slot=0.5)) == 2  # slot 0.5 * 2 = 1
    assert pool.pictures.flatten().tolist() == [1, 5]
    assert shown(pool, 6, told(0.9, slot=0.49)) == 1
    assert pool.pictures.flatten().tolist() == [6, 5]
    assert int(pool.count) == 2


def test_pictures_of_a_batch_are_taken_one_after_the_other() -> None:
    pool = ImagePool(1, SHAPE)
    draws = Replayed(uniforms={"p/0/swap": 0.9, "p/0/slot": 0.0, "p/1/swap": 0.9, "p/1/slot": 0.0})
    assert pool.query(grey(1, 2), draws, "p").flatten().tolist() == [1, 1]  # the second finds the first
    assert pool.pictures.flatten().tolist() == [2]


def test_stored_pictures_keep_no_graph_and_are_not_changed_from_outside() -> None:
    pool = ImagePool(1, SHAPE)
    picture = grey(1).requires_grad_()
    out = pool.query(picture * 1, told(0.0), "p")
    assert not out.requires_grad
    with torch.no_grad():
        picture.fill_(9)
        out.fill_(9)
    assert pool.pictures.flatten().tolist() == [1]


def test_a_restored_pool_continues_where_it_was() -> None:
    pool, other = ImagePool(2, SHAPE), ImagePool(2, SHAPE)
    for value in (1, 2, 3):
        shown(pool, value, told(0.9, slot=0.0))
    other.load_state_dict(pool.state_dict())
    assert shown(other, 4, told(0.9, slot=0.0)) == shown(pool, 4, told(0.9, slot=0.0)) == 3
    assert torch.equal(other.pictures, pool.pictures)


def test_slots_are_drawn_uniformly() -> None:
    pool = ImagePool(4, SHAPE)
    for value in range(4):
        shown(pool, value, told(0.0))
    places = []
    for slot in (0.0, 0.249, 0.25, 0.74, 0.75, 0.9999):
        before = pool.pictures.clone()
        shown(pool, -1 - slot, told(0.9, slot))
        places.append(int((pool.pictures != before).flatten().nonzero()))
    assert places == [0, 0, 1, 2, 3, 3]
