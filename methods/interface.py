"""What a method is: a configuration, networks, optimisers, one training step and a translation.

A method is one class. Everything it needs to be built stands in its frozen ``Config`` and the image shape,
so that no network is created lazily and no dummy forward pass is made. ``step`` is one full update in the
paper's order; it makes no host synchronisation and draws every random number through :class:`Draws`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from methods.config import MethodConfig
from methods.schedule import linear_decay

Losses = dict[str, Tensor]
"""Named scalars of one step, detached, still on the device."""


class Batch(NamedTuple):
    """Pictures of one step: ``a`` of the source, ``b`` of the target domain, both [B, 3, H, W] in [-1, 1]."""

    a: Tensor
    b: Tensor


@dataclass(frozen=True)
class ImageShape:
    """Channels, height and width of the training pictures."""

    channels: int
    height: int
    width: int


class Draws:
    """Every random choice of a training step, each with the name it has in the golden figures.

    The numbers come from torch's default generator of the device, so that a step can be captured. A test
    replaces this object to replay choices that were recorded with the official code.
    """

    def permutation(self, name: str, n: int, device: torch.device) -> Tensor:
        """A uniform permutation of ``0..n-1``, int64 [n]."""
        return torch.randperm(n, device=device)

    def uniform(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        """Independent numbers uniform on [0, 1)."""
        return torch.rand(shape, device=device)

    def normal(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        """Independent standard normal numbers."""
        return torch.randn(shape, device=device)

    def coin(self, name: str, device: torch.device) -> Tensor:
        """A fair coin, bool scalar."""
        return self.uniform(name, (), device) < 0.5


class Method(nn.Module):
    """Base of every method.

    A subclass creates its networks as submodules named as in the official checkpoints (``G``, ``D``, ...),
    its optimisers with :meth:`adam`, and implements :meth:`step` and :meth:`translate`.
    """

    Config: ClassVar[type[Any]] = MethodConfig
    title: ClassVar[str]
    """the name as the field writes it, e.g. ``"CUT"``"""
    paper: ClassVar[str]
    """authors and venue, e.g. ``"Park et al., ECCV 2020"``"""
    year: ClassVar[int]
    """year of publication"""
    two_sided: ClassVar[bool] = False
    """whether it also learns B -> A (then ``translate_back`` exists)"""
    min_batch_size: ClassVar[int] = 1
    """pictures of each domain that a step needs at least, with the default options"""
    equations: ClassVar[str] = ""
    """what each network minimises, a line each, with the paper's equation in brackets"""
    differences: ClassVar[tuple[tuple[str, str, str, str], ...]] = ()
    """where paper and official code differ: (topic, paper, code, what is done here)"""

    def __init__(self, config: MethodConfig, shape: ImageShape) -> None:
        super().__init__()
        self.shape = shape
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        self.draw = Draws()
        self.epoch = 1
        self.schedule_config = config

    @classmethod
    def translator(cls, config: Any, shape: ImageShape) -> Method:
        """One for translating alone: weights of others that only ``step`` looks at may be left out."""
        return cls(config, shape)

    def adam(
        self,
        name: str,
        parameters: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float],
        weight_decay: float = 0.0,
    ) -> torch.optim.Adam:
        """Create and register the optimiser ``name``. ``weight_decay`` is added to the gradient (L2).

        Fused, because only that form reads its step counter and learning rate from device tensors and so
        never synchronises with the host.
        """
        params = list(parameters)
        # The CUDA kernel reads the rate as float32; on the CPU float64 keeps golden figures exact.
        dtype = torch.float32 if params[0].is_cuda else torch.float64
        rate = torch.tensor(lr, dtype=dtype, device=params[0].device)
        optimizer = torch.optim.Adam(params, lr=rate, betas=betas, weight_decay=weight_decay, fused=True)
        for group in optimizer.param_groups:
            group["initial_lr"] = lr
        self.optimizers[name] = optimizer
        return optimizer

    def start_epoch(self, epoch: int) -> None:
        """Enter epoch ``epoch`` (counted from 1): set the learning rates and the phase of the method."""
        self.epoch = epoch
        factor = self.lr_factor(epoch)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"].fill_(group["initial_lr"] * factor)

    def lr_factor(self, epoch: int) -> float:
        """What the base learning rates are multiplied with during ``epoch``."""
        c = self.schedule_config
        return linear_decay(epoch, c.n_epochs, c.n_epochs_decay, c.warmup_epochs)

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Measure the training pictures once, before the first step; most methods have nothing to measure.

        ``batches`` are batches as ``step`` gets them, of one pass through the data. What is found is kept in
        buffers, so that a run continued from a checkpoint needs no second call.
        """

    def step(self, batch: Batch) -> Losses:
        """One full update of every network, in the paper's order."""
        raise NotImplementedError(f"{type(self).__name__} must implement step")

    def translate(self, a: Tensor) -> Tensor:
        """Source pictures [B, 3, H, W] in [-1, 1] to target pictures of the same shape and range."""
        raise NotImplementedError(f"{type(self).__name__} must implement translate")


def detached(**losses: Tensor) -> Losses:
    """The scalars of a step, cut off from the graph so that none of it is kept alive."""
    return {name: value.detach() for name, value in losses.items()}


def minimise(loss: Tensor, *optimizers: torch.optim.Optimizer) -> None:
    """One descent step: clear gradients, differentiate ``loss``, step the optimisers in the order given."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    for optimizer in optimizers:
        optimizer.step()
