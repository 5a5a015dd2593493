"""Put counts and lists of names into words."""

from __future__ import annotations

from collections.abc import Sequence

NAMED = 8
"""How many films or landmarks of a list the terminal names; the JSON file has them all."""


def count(number: int, thing: str) -> str:
    """Return a number and the thing it counts, in the plural unless the number is 1.

    >>> count(3, "film"), count(1, "film")
    ('3 films', '1 film')
    """
    return f"{number} {thing}" + ("" if number == 1 else "s")


def named(items: Sequence[str], limit: int = NAMED) -> str:
    """Return the first ``limit`` names as one text, with the number of names left out.

    >>> named(["S", "N", "Or", "Po"], limit=2)
    'S, N, and 2 more'
    """
    return ", ".join(first(items, limit))


def first(items: Sequence[str], limit: int = NAMED) -> list[str]:
    """Return the first ``limit`` names as a list; its last item tells how many names were left out.

    >>> first(["S", "N", "Or", "Po"], limit=2)
    ['S', 'N', 'and 2 more']
    """
    rest = len(items) - limit
    return [*items[:limit], *([f"and {rest} more"] if rest > 0 else [])]
