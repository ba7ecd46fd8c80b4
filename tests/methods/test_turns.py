from __future__ import annotations

import torch
from torch import nn

from methods.turns import Turns


def test_places_repeat_and_iterations_count() -> None:
    turns = Turns(3)
    places = []
    for _ in range(5):
        places.append(turns.place)
        turns.advance()
    assert places == [0, 1, 2, 0, 1]
    assert int(turns.iteration) == 5


def test_a_loaded_checkpoint_brings_its_place() -> None:
    trained, fresh = nn.ModuleDict({"turns": Turns(3)}), nn.ModuleDict({"turns": Turns(3)})
    for _ in range(4):
        trained["turns"].advance()  # type: ignore[operator]
    fresh.load_state_dict(trained.state_dict())
    assert fresh["turns"].place == 1
    assert list(fresh.state_dict()) == ["turns.iteration"]
    assert fresh["turns"].iteration.dtype == torch.long
