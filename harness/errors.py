"""The one exception that means: the user asked for something that cannot be done as asked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake of the user's, said in one line: what was found, what was expected, what to do.

    The command line prints the message and exits with code 2; no traceback is shown.
    """


def unknown(kind: str, name: str, known: Iterable[str], hint: str = "") -> UserError:
    """The error for a name that is not known: the nearest names first, then all of them.

    Args:
        kind: what the name should have been, e.g. ``"method"``.
        name: what was found.
        known: every valid name.
        hint: a command that lists the names, shown in parentheses.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    guess = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    tail = f" ({hint})" if hint else ""
    return UserError(f"unknown {kind} {name!r}.{guess} Known: {', '.join(names) or 'none'}{tail}")
