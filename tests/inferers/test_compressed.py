from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_ceph.inferers import TwoStageInferer, compress, compressed_heatmaps
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.networks import TwoStageNet

SCHEME = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("N", "nasion")))


class Bright(torch.nn.Module):
    """Landmark k is more probable the nearer a pixel's value is to k + 1; all else is background."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        near = [-((image - value) ** 2) * 40 + 4 for value in (1.0, 2.0)]
        return torch.cat([*near, torch.zeros_like(image)], dim=1)


def _film() -> torch.Tensor:
    film = torch.zeros(1, 60, 80)
    film[0, 14:20, 50:56] = 1
    film[0, 44:50, 8:14] = 2
    return film


def test_largest_of_overlapping_windows_wins_and_the_rest_is_zero() -> None:
    heatmaps = torch.tensor([[[0.1, 0.2], [0.3, 1.0]], [[0.5, 0.4], [0.4, 0.4]]])
    plane = compress(heatmaps, torch.tensor([[0, 0], [1, 1]]), (4, 3))
    expected = np.zeros((4, 3), dtype=np.float32)
    expected[:2, :2] = [[0.1, 0.2], [0.3, 1.0]]
    expected[1, 2] = expected[2, 1] = expected[2, 2] = 0.4 / 0.5
    np.testing.assert_allclose(plane.numpy(), expected)


def test_faint_landmark_is_as_bright_as_any_and_an_empty_one_is_dark() -> None:
    heatmaps = torch.zeros(3, 2, 2)
    heatmaps[0, 0, 0], heatmaps[1, 1, 1] = 1e-6, 0.9
    assert compress(heatmaps, torch.zeros(3, 2, dtype=torch.long), (2, 2)).tolist() == [[1, 0], [0, 1]]


def test_window_over_the_films_end_is_cut() -> None:
    plane = compress(torch.ones(1, 5, 5), torch.tensor([[3, 2]]), (4, 4))
    assert plane.shape == (4, 4)
    assert plane.sum() == 1 * 2


@pytest.mark.parametrize("merge", ["all", "own"])
def test_maxima_lie_where_the_inferer_finds_the_landmarks(merge: str) -> None:
    network = TwoStageNet(Bright(), Bright(), SCHEME).eval()
    inferer = TwoStageInferer(global_scale=0.5, patch_size=20, expansion=1.5, merge=merge)
    whole, merged = compressed_heatmaps(_film(), network, inferer)
    assert whole.shape == (30, 40)
    assert merged.shape == (60, 80)
    for x, y, _ in inferer(_film()[None], network)[0].tolist():
        assert merged[round(x), round(y)].item() == pytest.approx(1, abs=1e-6)
        assert whole[round(x / 2 - 0.25), round(y / 2 - 0.25)] > 0.5
    assert merged[0, 0] == 0
    assert not merged.requires_grad
