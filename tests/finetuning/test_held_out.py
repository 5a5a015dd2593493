"""Which of two models is better on held-out films, against outcomes that are plain to see."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ceph.finetuning.held_out import compare

FACE_MM = 45.0


def errors(films: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).exponential(1.5, (films, 19))


@pytest.mark.parametrize("films", [1, 2, 4, 30])
@pytest.mark.parametrize(("factor", "accepted"), [(0.8, True), (1.0, True), (1.25, False)])
def test_all_errors_change_alike(films: int, factor: float, accepted: bool) -> None:
    before = errors(films)
    result = compare(before, before * factor, FACE_MM)
    assert (result.accepted, result.absurd.any()) == (accepted, False)
    assert result.chance == accepted


@pytest.mark.parametrize("films", [1, 4])
def test_labels_on_the_wrong_spot_are_left_out(films: int) -> None:
    before = errors(films)
    before[0, :3] = (5000, 800, 60)
    after = np.where(before > 50, before - 30, before + 0.1)
    result = compare(before, after, FACE_MM)
    assert after.mean() < before.mean() and not result.accepted
    assert np.argwhere(result.absurd).tolist() == [[0, 0], [0, 1], [0, 2]]


def test_error_of_only_one_model_is_not_absurd() -> None:
    before = errors()
    after = before.copy()
    after[:, 7] = 300.0  # the new model has lost a landmark
    result = compare(before, after, FACE_MM)
    assert not result.absurd.any() and not result.accepted
    assert compare(after, before, FACE_MM).accepted


def test_median_alone_does_not_accept_a_model_that_is_worse_for_a_third_of_the_landmarks() -> None:
    before = errors(8)
    after = before - 0.1
    after[:, :6] += 4.0
    assert not compare(before, after, FACE_MM).accepted


def test_landmark_that_is_no_longer_found_counts_as_a_large_error() -> None:
    before = errors(8)
    after = before - 0.05
    after[:, 3] = np.inf
    assert not compare(before, after, FACE_MM).accepted
    assert compare(after, before, FACE_MM).accepted
    both = np.where(np.isinf(after), np.inf, before)
    assert compare(both, both - 0.1, FACE_MM).accepted


def test_unlabelled_landmarks_and_films_of_few_labels_do_not_matter() -> None:
    before = np.full((3, 19), np.nan)
    before[0], before[1, 4] = errors(1)[0], 1.0
    before[2, 5] = 9000.0  # the only label of this film
    result = compare(before, before * 0.9, FACE_MM)
    assert result.accepted and np.argwhere(result.absurd).tolist() == [[2, 5]]
    with pytest.raises(
        ValueError, match=r"errors of the same labels, \(F, N\), got \(3, 19\) with 21 and .* with 0 labels"
    ):
        compare(before, np.full((3, 19), np.nan), FACE_MM)


def test_untrained_model_on_phantoms_leaves_nothing_out() -> None:
    """Errors are as large as the face, so none of them is absurd."""
    before = errors(2) * 40
    assert not compare(before, before * 0.98, FACE_MM).absurd.any()
