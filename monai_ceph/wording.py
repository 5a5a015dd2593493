"""Lists of names and numbers of things, in words."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 8
"""How many of a list of films or landmarks the terminal names; the JSON file has them all."""


def count(number: int, thing: str) -> str:
    """``3 films``, ``1 film``."""
    return f"{number} {thing}" + ("" if number == 1 else "s")


def named(items: Sequence[str], limit: int = NAMED) -> str:
    """The first of some names, and how many more there are."""
    return ", ".join(first(items, limit))


def first(items: Sequence[str], limit: int = NAMED) -> list[str]:
    """The first of some names, and as the last "and 3 more"."""
    rest = len(items) - limit
    return [*items[:limit], *([f"and {rest} more"] if rest > 0 else [])]
