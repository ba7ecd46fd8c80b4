"""The one exception of this package that means: these pictures or weights cannot be scored as asked."""

from __future__ import annotations


class EvaluationError(Exception):
    """A mistake of the user's, said in one line: what was found, what was expected, what to do."""
