import pytest
import torch

from monai_ceph.transforms import RandJpeg, RandJpegd, jpeg_round_trip


def smooth() -> torch.Tensor:
    x = torch.linspace(-2, 3, 48)
    return (x[:, None] * torch.cos(x)[None])[None]


def test_high_quality_comes_back_nearly_the_same_in_its_own_unit() -> None:
    image = smooth()
    torch.testing.assert_close(jpeg_round_trip(image, 95), image, rtol=0, atol=0.15)


def test_low_quality_loses_more() -> None:
    image = smooth() + 0.5 * torch.randn(1, 48, 48, generator=torch.Generator().manual_seed(0))
    low, high = ((jpeg_round_trip(image, quality) - image).abs().mean() for quality in (10, 90))
    assert low > 2 * high


def test_axes_are_not_swapped() -> None:
    image = torch.zeros(1, 32, 16)
    image[:, 20:, :] = 1
    assert jpeg_round_trip(image, 90).shape == (1, 32, 16)
    assert float(jpeg_round_trip(image, 90)[0, 28, 3]) > 0.9 and float(jpeg_round_trip(image, 90)[0, 3, 12]) < 0.1


def test_constant_image() -> None:
    torch.testing.assert_close(jpeg_round_trip(torch.full((1, 16, 16), 4.0), 50), torch.full((1, 16, 16), 4.0))


def test_colour_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected an image of one channel, \(1, X, Y\), got shape \(3, 8, 8\)"):
        jpeg_round_trip(torch.rand(3, 8, 8), 50)


def test_same_seed_same_image_and_keys_alike() -> None:
    image = torch.rand(1, 24, 24)
    one, two = (RandJpegd(("a", "b"), prob=1.0).set_random_state(seed=1) for _ in range(2))
    first, second = (t({"a": image, "b": image}) for t in (one, two))
    assert torch.equal(first["a"], first["b"]) and torch.equal(first["a"], second["a"])
    assert RandJpeg(prob=0.0)(image) is image
