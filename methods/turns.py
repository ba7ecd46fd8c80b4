"""Whose turn it is, in methods that do not update every network in every step."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Turns(nn.Module):
    """Counts steps, and their place in a cycle of ``period`` steps.

    ``iteration`` (steps done, int64 scalar) is a buffer: on the device, part of every checkpoint. ``place``,
    the place of the coming step in the cycle, is the same fact as a Python number, so that a step can choose
    what to do without waiting for the device. Who captures steps keeps one graph for each place.
    """

    iteration: Tensor

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period
        self.place = 0
        self.register_buffer("iteration", torch.zeros((), dtype=torch.long))
        self.register_load_state_dict_post_hook(find_place)  # type: ignore[no-untyped-call]

    def advance(self) -> None:
        """One step is done."""
        self.iteration += 1
        self.place = (self.place + 1) % self.period


def find_place(turns: nn.Module, _: object) -> None:
    """Recover ``place`` from a loaded ``iteration``."""
    if isinstance(turns, Turns):
        turns.place = int(turns.iteration) % turns.period
