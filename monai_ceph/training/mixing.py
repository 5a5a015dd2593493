"""Mix two sets of films in one training."""

from __future__ import annotations

from collections.abc import Sequence


def mixing_weights(is_replayed: Sequence[bool], replay_share: float) -> list[float]:
    """Return the probability of each film, for torch's ``WeightedRandomSampler``.

    Args:
        is_replayed: for each film, whether it belongs to the replay set.
        replay_share: the share of draws from the replay set, however many films either set has. If one set is empty,
            all draws are from the other.
    Returns:
        One weight per film; they sum to 1.
    Raises:
        ValueError: there are no films, or the share is not from 0 to 1.
    Example:
        >>> from monai_ceph.training import mixing_weights
        >>> mixing_weights([True, True, False], replay_share=0.5)
        [0.25, 0.25, 0.5]
    """
    if not is_replayed or not 0 <= replay_share <= 1:
        raise ValueError(
            f"Expected films and a replay_share from 0 to 1, got {len(is_replayed)} films and {replay_share}."
        )
    replay = sum(is_replayed)
    new = len(is_replayed) - replay
    share = replay_share if replay and new else float(bool(replay))
    return [share / replay if replayed else (1 - share) / new for replayed in is_replayed]
