"""Weight initialisation of the CycleGAN / CUT family."""

from __future__ import annotations

from torch import nn

from methods.config import Init


def init_weights(net: nn.Module, kind: Init = "xavier", gain: float = 0.02, zero_bias: bool = True) -> nn.Module:
    """Draw the weight of every convolution and linear layer, set their biases to 0; returns ``net``.

    Without ``zero_bias`` these biases stay as PyTorch draws them (GcGAN).

    ``xavier`` (CUT, EnCo, DCLGAN): normal with std gain*sqrt(2/(fan_in+fan_out)), which is very small at
    gain 0.02; ``normal`` (CycleGAN): std = gain; two-dimensional batch norms: scale normal(1, gain).

    Source: taesungp/contrastive-unpaired-translation, models/networks.py, ``init_weights``.
    """
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            if kind == "xavier":
                nn.init.xavier_normal_(module.weight, gain=gain)
            elif kind == "normal":
                nn.init.normal_(module.weight, 0.0, gain)
            elif kind == "kaiming":
                nn.init.kaiming_normal_(module.weight, a=0, mode="fan_in")
            else:
                nn.init.orthogonal_(module.weight, gain=gain)
            if zero_bias and module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, gain)
            nn.init.zeros_(module.bias)
    return net
