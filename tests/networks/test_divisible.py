from __future__ import annotations

import pytest
import torch
from monai.networks.nets import AttentionUnet

from monai_ceph.networks import DivisibleNet


class _Seen(torch.nn.Module):
    """Gives back what it gets, twice as bright, and keeps it."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.image = image
        return 2 * image


@pytest.mark.parametrize(("size", "padded"), [((290, 291), (296, 296)), ((8, 16), (8, 16)), ((1, 9), (8, 16))])
def test_the_network_sees_multiples_and_the_caller_the_own_size(size: tuple[int, int], padded: tuple[int, int]) -> None:
    image, seen = torch.rand(2, 1, *size), _Seen()
    out = DivisibleNet(seen, 8)(image)
    assert seen.image.shape[-2:] == padded
    assert torch.equal(out, 2 * image)
    index = [torch.arange(n).clamp(max=m - 1) for n, m in zip(padded, size, strict=True)]
    assert torch.equal(seen.image, image[..., index[0][:, None], index[1]])  # the last pixel goes on


def test_a_film_at_the_global_stage_s_scale_goes_through_an_attention_unet() -> None:
    unet = AttentionUnet(2, 1, 3, channels=(2, 4, 4, 4), strides=(2, 2, 2))
    film = torch.rand(1, 1, 58, 58)
    with pytest.raises(RuntimeError, match="size of tensor"):
        unet(film)
    assert DivisibleNet(unet, 8)(film).shape == (1, 3, 58, 58)


def test_k_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected k of at least 1, got 0"):
        DivisibleNet(torch.nn.Identity(), 0)
