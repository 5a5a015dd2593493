from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_ceph.heatmaps import gaussian_heatmaps
from monai_ceph.losses import HeatmapRegressionLoss, heatmap_regression_loss
from tests.reference.loss import loss as slow_loss


def _case(seed: int, spread: float = 3.0, shape: tuple[int, ...] = (2, 4, 3, 5)) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator) * spread
    target = torch.rand(shape, generator=generator) ** 3
    return logits, target / target.sum(1, keepdim=True)


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.floats(0, 12), st.floats(0, 3), st.floats(0.1, 3), st.floats(1, 4))
def test_loss_is_that_of_the_slow_loop(seed: int, spread: float, bce: float, focal: float, gamma: float) -> None:
    logits, target = _case(seed, spread)
    fast = heatmap_regression_loss(logits, target, bce, focal, gamma)
    assert fast.dtype == torch.float32
    slow = slow_loss(logits.double().numpy(), target.double().numpy(), bce, focal, gamma)
    assert float(fast) == pytest.approx(slow, rel=2e-5)


@pytest.mark.parametrize("confidence", [20.0, 40.0, 80.0])
def test_small_probabilities_of_a_sure_network_are_exact(confidence: float) -> None:
    """p rounds to 1 in single precision from about 17 on; what is left of 1 - p must not round to nothing."""
    logits = torch.zeros(1, 3, 1, 1)
    logits[0, 0] = confidence
    for sure_of in ([1.0, 0, 0], [0, 1.0, 0], [0.2, 0.3, 0.5]):
        target = torch.tensor(sure_of)[None, :, None, None]
        slow = slow_loss(logits.double().numpy(), target.double().numpy(), 1.0, 1.0, 2.0)
        # 1e-7: what probabilities below single precision's 6e-8 would add, each of which is right as it is.
        assert float(heatmap_regression_loss(logits, target)) == pytest.approx(slow, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("size", [1e3, 1e6, 1e20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_huge_logits_give_finite_loss_and_gradient(size: float, dtype: torch.dtype) -> None:
    logits, target = _case(1)
    logits = (logits.sign() * size).to(dtype).requires_grad_()
    loss = heatmap_regression_loss(logits, target)
    loss.backward()
    assert loss.isfinite() and loss > 1
    assert logits.grad is not None and logits.grad.isfinite().all()
    assert logits.grad.abs().max() > 0


def test_sure_and_wrong_is_pushed_back() -> None:
    """Where the true landmark has no probability left at all, there is still a way to it."""
    logits = torch.tensor([300.0, 0.0, 0.0])[None, :, None, None].requires_grad_()
    heatmap_regression_loss(logits, torch.tensor([0.0, 1.0, 0.0])[None, :, None, None]).backward()
    assert logits.grad is not None
    gradient = logits.grad.flatten().tolist()
    assert gradient[0] > 0.5 and gradient[1] < -0.5


def test_gradient_is_that_of_the_slow_loop_s_differences() -> None:
    logits, target = _case(2, shape=(1, 3, 2, 2))
    logits.requires_grad_()
    heatmap_regression_loss(logits, target, 0.7, 1.3, 2.0).backward()
    step, values = 1e-5, logits.detach().double().numpy()
    for index in np.ndindex(*values.shape):
        up, down = values.copy(), values.copy()
        up[index] += step
        down[index] -= step
        slope = [slow_loss(v, target.double().numpy(), 0.7, 1.3, 2.0) for v in (up, down)]
        assert float(logits.grad[index]) == pytest.approx((slope[0] - slope[1]) / (2 * step), abs=2e-5)


@pytest.mark.parametrize(("bce", "focal"), [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)])
def test_minimum_is_where_probability_is_target(bce: float, focal: float) -> None:
    _, target = _case(3)
    logits = target.log().requires_grad_()
    best = heatmap_regression_loss(logits, target, bce, focal)
    best.backward()
    assert logits.grad is not None and logits.grad.abs().max() < 1e-7
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        other = logits.detach() + torch.randn(logits.shape, generator=generator)
        assert heatmap_regression_loss(other, target, bce, focal) > best


def test_minimum_is_where_probability_is_a_gaussian_target() -> None:
    """Underflow of the Gaussian's tails to exactly 0 included."""
    target = gaussian_heatmaps(torch.tensor([[3.3, 4.6], [5.0, 4.0], [60.0, 60.0]]), (64, 64), 2.0)[None]
    logits = target.clamp(min=1e-30).log().requires_grad_()
    heatmap_regression_loss(logits, target).backward()
    assert logits.grad is not None and logits.grad.abs().max() < 1e-8


def test_landmark_that_nobody_annotated_counts_nothing() -> None:
    logits, target = _case(4)
    target[0, 1] = torch.nan
    slow = slow_loss(logits.double().numpy(), target.double().numpy(), 1, 1, 2)
    assert float(heatmap_regression_loss(logits, target)) == pytest.approx(slow, rel=1e-5)
    # An empty channel would be another thing: it says that the landmark is nowhere.
    emptied = target.clone()
    emptied[0, 1] = 0
    assert heatmap_regression_loss(logits, emptied) > heatmap_regression_loss(logits, target)


def test_channels_of_nan_leave_finite_gradients_and_train_the_others() -> None:
    logits, target = _case(5)
    target[:, 1] = torch.nan
    logits.requires_grad_()
    heatmap_regression_loss(logits, target).backward()
    assert logits.grad is not None and logits.grad.isfinite().all()
    assert logits.grad[:, [0, 2, 3]].abs().min() > 0


def test_nothing_annotated_at_all_is_zero_with_zero_gradient() -> None:
    logits, target = _case(6)
    logits.requires_grad_()
    loss = heatmap_regression_loss(logits, torch.full_like(target, torch.nan))
    loss.backward()
    assert loss == 0
    assert logits.grad is not None and (logits.grad == 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_computed_in_single_precision_whatever_comes(dtype: torch.dtype) -> None:
    logits, target = _case(7)
    logits, target = logits.to(dtype), target.to(dtype)
    loss = heatmap_regression_loss(logits, target)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(heatmap_regression_loss(logits.float(), target.float())), rel=1e-6)


def test_under_autocast_the_same() -> None:
    logits, target = _case(8)
    plain = heatmap_regression_loss(logits, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(heatmap_regression_loss(logits, target), plain)


def test_memory_layout_does_not_matter() -> None:
    logits, target = _case(9)
    layout = logits.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(heatmap_regression_loss(layout, target), heatmap_regression_loss(logits, target))


def test_every_film_of_a_batch_weighs_the_same() -> None:
    logits, target = _case(10)
    alone = [heatmap_regression_loss(logits[i : i + 1], target[i : i + 1]) for i in (0, 1)]
    torch.testing.assert_close(heatmap_regression_loss(logits, target), (alone[0] + alone[1]) / 2)


def test_sum_over_channels_mean_over_pixels() -> None:
    """One pixel, p = 1/2 each, h = (1, 0): BCE = log 2 a channel, focal = a quarter of it."""
    logits, target = torch.zeros(1, 2, 7, 9), torch.zeros(1, 2, 7, 9)
    target[:, 0] = 1
    assert float(heatmap_regression_loss(logits, target, 1, 0)) == pytest.approx(2 * math.log(2))
    assert float(heatmap_regression_loss(logits, target, 0, 1)) == pytest.approx(2 * math.log(2) / 4)


def test_module_is_the_function() -> None:
    logits, target = _case(11)
    expected = heatmap_regression_loss(logits, target, 0.5, 2.0, 3.0)
    assert torch.equal(HeatmapRegressionLoss(0.5, 2.0, 3.0)(logits, target), expected)
    assert torch.equal(HeatmapRegressionLoss()(logits, target), heatmap_regression_loss(logits, target, 1, 1, 2))


def test_shapes_that_differ() -> None:
    with pytest.raises(ValueError, match=re.escape("of one shape, got (1, 3, 4, 4) and (1, 2, 4, 4)")):
        heatmap_regression_loss(torch.zeros(1, 3, 4, 4), torch.zeros(1, 2, 4, 4))


@pytest.mark.parametrize("weights", [(-1.0, 1.0), (1.0, -1.0), (0.0, 0.0)])
def test_weights_that_are_none(weights: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=re.escape(f"one above zero; got {weights[0]} and {weights[1]}")):
        HeatmapRegressionLoss(*weights)


@pytest.mark.parametrize("gamma", [0.5, -1.0, math.nan])
def test_gamma_whose_gradient_is_infinite_at_the_minimum(gamma: float) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Expected gamma 0 (no focusing) or at least 1, got {gamma}")):
        HeatmapRegressionLoss(gamma=gamma)


def test_gamma_of_zero_is_twice_the_cross_entropy() -> None:
    logits, target = _case(12)
    torch.testing.assert_close(
        HeatmapRegressionLoss(gamma=0.0)(logits, target), HeatmapRegressionLoss(2.0, 0.0)(logits, target)
    )
