"""RMSProp as TensorFlow 1 defines it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class TensorFlowRMSProp(torch.optim.Optimizer):
    """ms = decay ms + (1 - decay) g^2; p = p - lr g / sqrt(ms + eps). The mean square ms starts at **one**.

    So the first steps are far smaller than those of ``torch.optim.RMSprop``, which starts at zero and adds
    eps outside the root. The learning rate is a tensor on the device of the parameters.

    Source: tensorflow/tensorflow, ``tf.train.RMSPropOptimizer`` without momentum, not centred.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, decay: float = 0.9, eps: float = 1e-10) -> None:
        kept = list(params)
        # float64 on the CPU keeps golden figures exact; a rate on the device is never waited for.
        dtype = torch.float32 if kept[0].is_cuda else torch.float64
        rate = torch.tensor(lr, dtype=dtype, device=kept[0].device)
        super().__init__(kept, {"lr": rate, "initial_lr": lr, "decay": decay, "eps": eps})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            params: list[Tensor] = [p for p in group["params"] if p.grad is not None]
            if params:
                self.descend(params, group["lr"], group["decay"], group["eps"])

    def descend(self, params: list[Tensor], lr: Tensor, decay: float, eps: float) -> None:
        gradients = [p.grad for p in params if p.grad is not None]
        squares = [self.mean_square(p) for p in params]
        torch._foreach_mul_(squares, decay)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - decay)
        roots = torch._foreach_add(squares, eps)
        torch._foreach_sqrt_(roots)
        steps = torch._foreach_div(gradients, roots)
        torch._foreach_mul_(steps, lr)
        torch._foreach_sub_(params, steps)

    def mean_square(self, parameter: Tensor) -> Tensor:
        """The running mean of the squared gradient of ``parameter``; one before the first step."""
        state = self.state[parameter]
        if "mean_square" not in state:
            state["mean_square"] = torch.ones_like(parameter)
        found: Tensor = state["mean_square"]
        return found
