"""Learning-rate schedules of the official code. Imports no torch."""

from __future__ import annotations


def linear_decay(epoch: int, n_epochs: int, n_epochs_decay: int, warmup_epochs: int = 0) -> float:
    """The factor on every learning rate during ``epoch`` (counted from 1).

    1 for ``n_epochs`` epochs, then falling linearly; during the last epoch it is 1/(n_epochs_decay + 1),
    never 0. With ``warmup_epochs`` the first epochs rise linearly instead. A function of the epoch alone, so
    that a resumed run gets the same factors (the official warm-up multiplies by more than 1 after a restart).

    Source: taesungp/contrastive-unpaired-translation and XiudingCai/EnCo-pytorch, ``get_scheduler``.
    """
    if epoch <= warmup_epochs:
        return epoch / warmup_epochs
    return 1.0 - max(0, epoch - n_epochs) / (n_epochs_decay + 1)
