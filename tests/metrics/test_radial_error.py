from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import MetaTensor

from monai_ceph.metrics import RadialError, radial_error
from tests.reference.scores import distance

coordinate = st.one_of(st.floats(-300, 300, width=32), st.just(math.nan))
pairs = st.lists(st.tuples(coordinate, coordinate, coordinate, coordinate), min_size=1, max_size=12)


def _points(*rows: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


@given(pairs)
def test_errors_are_those_of_the_plain_loop(rows: list[tuple[float, float, float, float]]) -> None:
    table = torch.tensor(rows, dtype=torch.float64)
    errors = radial_error(table[None, :, :2], table[None, :, 2:])[0].tolist()
    for error, row in zip(errors, rows, strict=True):
        expected = distance(row[:2], row[2:])
        assert math.isnan(error) if expected is None else error == pytest.approx(expected)


def test_landmark_that_was_not_found_is_infinitely_far() -> None:
    assert radial_error(_points((math.nan, 1)), _points((0, 1))).tolist() == [math.inf]


def test_half_precision_does_not_round_the_error() -> None:
    pred = torch.tensor([[200.0, 200.0]], dtype=torch.bfloat16)
    assert radial_error(pred, torch.tensor([[200.3, 200.0]])).item() == pytest.approx(0.3, abs=1e-4)


def test_whole_pixels_give_fractions() -> None:
    assert radial_error(torch.tensor([[0, 0]]), torch.tensor([[1, 1]])).item() == pytest.approx(math.sqrt(2))


def test_metatensors_leave_no_metadata_on_errors() -> None:
    pred = MetaTensor(torch.zeros(2, 3, 2))
    assert type(radial_error(pred, MetaTensor(torch.ones(2, 3, 2)))) is torch.Tensor


@pytest.mark.parametrize("shapes", [((1, 3, 2), (1, 4, 2)), ((1, 3, 3), (1, 3, 3)), ((2,), (2,))])
def test_wrong_shapes_are_named(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match=r"one shape \(\.\.\., N, 2\), got \(.*\) and \(.*\)"):
        radial_error(torch.zeros(shapes[0]), torch.zeros(shapes[1]))


def test_cumulated_mean_counts_every_annotated_landmark_once() -> None:
    # Film 1 has one landmark 3 off, film 2 has two that fit: the mean is 1, the mean of film means would be 1.5.
    metric = RadialError()
    metric(_points((3, 0), (0, 0))[None], _points((0, 0), (math.nan, math.nan))[None])
    metric(_points((1, 1), (2, 2))[None], _points((1, 1), (2, 2))[None])
    assert metric.aggregate().item() == pytest.approx(1)


def test_decollated_lists_and_batches_agree() -> None:
    pred, target = torch.rand(4, 5, 2), torch.rand(4, 5, 2)
    batch, lists = RadialError(), RadialError()
    batch(pred, target)
    lists(list(pred), list(target))
    assert torch.equal(batch.aggregate(), lists.aggregate())


def test_reductions_have_their_shapes() -> None:
    pred, target = torch.rand(4, 5, 2), torch.rand(4, 5, 2)
    expected = radial_error(pred, target)
    for reduction, wanted in {"mean": expected.mean(), "mean_batch": expected.mean(0), "none": expected}.items():
        metric = RadialError(reduction)
        metric(pred, target)
        torch.testing.assert_close(metric.aggregate(), wanted)


def test_one_lost_landmark_makes_the_mean_infinite() -> None:
    metric = RadialError()
    metric(_points((0, 0), (math.nan, 0))[None], _points((0, 0), (0, 0))[None])
    assert metric.aggregate().item() == math.inf


def test_reset_forgets() -> None:
    metric = RadialError()
    metric(_points((9, 0))[None], _points((0, 0))[None])
    metric.reset()
    metric(_points((1, 0))[None], _points((0, 0))[None])
    assert metric.aggregate().item() == 1


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="Expected as many references as predictions, got 1 and 2"):
        RadialError()([torch.zeros(3, 2)] * 2, [torch.zeros(3, 2)])


def test_no_film_is_an_error() -> None:
    with pytest.raises(ValueError, match="RadialError has seen no film"):
        RadialError().aggregate()


def test_films_without_any_reference_are_an_error() -> None:
    metric = RadialError()
    metric(torch.zeros(2, 3, 2), torch.full((2, 3, 2), math.nan))
    with pytest.raises(ValueError, match="2 films, none with a known reference point; check the annotations"):
        metric.aggregate()


def test_missing_references_are_an_error() -> None:
    with pytest.raises(ValueError, match="needs reference points"):
        RadialError()(torch.zeros(1, 3, 2))


def test_points_without_batch_axis_are_named() -> None:
    with pytest.raises(ValueError, match=r"shape \(B, N, 2\), got \(3, 2\)"):
        RadialError()(torch.zeros(3, 2), torch.zeros(3, 2))


def test_unknown_reduction_is_named() -> None:
    with pytest.raises(ValueError, match=r"'mean_batch', 'none'.*got 'sum'"):
        RadialError("sum")  # type: ignore[arg-type]
