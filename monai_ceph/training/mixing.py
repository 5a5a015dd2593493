"""Two sets of films in one training, each with its share of what is seen."""

from __future__ import annotations

from collections.abc import Sequence


def mixing_weights(is_replayed: Sequence[bool], replay_share: float) -> list[float]:
    """How likely each film is drawn, for torch's ``WeightedRandomSampler``.

    Args:
        is_replayed: for each film, whether it is of the replay set.
        replay_share: the share of draws that the replay set gets, however many films either set has; a set without
            films gives its share to the other.
    Returns:
        As many weights, summing to 1.
    Raises:
        ValueError: no film, or a share outside 0 to 1.
    """
    if not is_replayed or not 0 <= replay_share <= 1:
        raise ValueError(
            f"Expected films and a replay_share from 0 to 1, got {len(is_replayed)} films and {replay_share}."
        )
    replay = sum(is_replayed)
    new = len(is_replayed) - replay
    share = replay_share if replay and new else float(bool(replay))
    return [share / replay if replayed else (1 - share) / new for replayed in is_replayed]
