"""Two sets of films in one training, each with its share of what is seen."""

from __future__ import annotations

from collections.abc import Sequence


def mixing_weights(from_base: Sequence[bool], base_share: float) -> list[float]:
    """How likely each film is drawn, for torch's ``WeightedRandomSampler``.

    Args:
        from_base: for each film, whether it is of the base set.
        base_share: the share of draws that the base set gets, however many films either set has; a set without films
            gives its share to the other.
    Returns:
        As many weights, summing to 1.
    Raises:
        ValueError: no film, or a share outside 0 to 1.
    """
    if not from_base or not 0 <= base_share <= 1:
        raise ValueError(f"Expected films and a base_share from 0 to 1, got {len(from_base)} films and {base_share}.")
    base = sum(from_base)
    new = len(from_base) - base
    share = base_share if base and new else float(bool(base))
    return [share / base if is_base else (1 - share) / new for is_base in from_base]
