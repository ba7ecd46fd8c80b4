"""Where the harness keeps what it can make again: decoded pictures and the embedded datasets."""

from __future__ import annotations

import os
from pathlib import Path

from harness.errors import UserError


def cache_folder() -> Path:
    """The cache folder: `$HARNESS_CACHE`, `$XDG_CACHE_HOME/unpaired-harness` or `~/.cache/unpaired-harness`.

    The folder need not exist yet. An empty variable counts as not set.

    Raises:
        UserError: no variable is set and the user has no home folder.
    """
    if own := os.environ.get("HARNESS_CACHE"):
        return Path(os.path.expanduser(own)).absolute()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(os.path.expanduser(xdg)).absolute() / "unpaired-harness"
    try:
        return Path.home() / ".cache" / "unpaired-harness"
    except RuntimeError as error:
        raise UserError("this user has no home folder for the cache: set HARNESS_CACHE to a folder") from error
