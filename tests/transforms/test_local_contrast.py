import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy.ndimage import gaussian_filter

from monai_ceph.transforms import EqualiseLocally, RandEqualiseLocally, RandEqualiseLocallyd, equalise_locally
from monai_ceph.transforms.local_contrast import wide_blur


def film(seed: int = 0, size: tuple[int, int] = (160, 200)) -> torch.Tensor:
    """Smooth structures and fine ones, as a film has them."""
    noise = np.random.default_rng(seed).normal(size=size)
    return torch.tensor(gaussian_filter(noise, 12) * 30 + gaussian_filter(noise, 1.5), dtype=torch.float32)[None]


@pytest.mark.parametrize("sigma", [8.0, 15.0, 25.0])
def test_wide_blur_is_close_to_scipys_gaussian_away_from_borders(sigma: float) -> None:
    image = film()
    expected = gaussian_filter(image[0].numpy(), sigma, mode="nearest", truncate=2.5)
    inside = slice(round(2.5 * sigma), -round(2.5 * sigma))
    difference = (wide_blur(image, sigma)[0].numpy() - expected)[inside, inside]
    assert np.abs(difference).max() < 0.06 * expected.std()


@pytest.mark.parametrize("size", [(33, 47), (64, 64), (61, 101)])
def test_size_that_four_does_not_divide_is_kept(size: tuple[int, int]) -> None:
    assert wide_blur(torch.rand(2, *size), 8.0).shape == (2, *size)


def test_subtracting_nothing_only_standardises() -> None:
    image = film() * 7 + 3
    expected = (image - image.mean()) / image.std()
    torch.testing.assert_close(equalise_locally(image, 10.0, amount=0.0), expected, rtol=1e-4, atol=1e-5)


def test_wide_structures_vanish_and_fine_ones_stay() -> None:
    x = torch.linspace(-1, 1, 200)
    ramp = (3 * x).expand(1, 200, 200)
    fine = torch.sin(torch.arange(200) * 2 * torch.pi / 8).expand(1, 200, 200)
    inside = slice(50, 150)
    out = equalise_locally(ramp + 0.2 * fine, 10.0, amount=1.0)[0, inside, inside]
    wave = fine[0, inside, inside]
    assert float(torch.corrcoef(torch.stack([out.flatten(), wave.flatten()]))[0, 1]) > 0.99


def test_dividing_by_the_local_deviation_evens_the_contrast_out() -> None:
    torch.manual_seed(0)
    image = torch.randn(1, 200, 200)
    image[:, :100] *= 10
    out = equalise_locally(image, 8.0, amount=1.0, normalise=1.0)
    assert 0.7 < float(out[:, 20:80].std() / out[:, 120:180].std()) < 1.6


def test_a_constant_image_stays_finite() -> None:
    assert equalise_locally(torch.full((1, 40, 40), 5.0), 8.0, amount=1.0, normalise=1.0).isfinite().all()


def test_affine_is_kept() -> None:
    image = MetaTensor(film(), affine=torch.diag(torch.tensor([2.0, 2.0, 1.0])))
    out = EqualiseLocally(10.0, 0.9)(image)
    assert isinstance(out, MetaTensor)
    assert torch.equal(out.affine, image.affine)


def test_same_seed_gives_the_same_image_and_the_array_twin_agrees() -> None:
    image = film()
    first, second = (RandEqualiseLocallyd("image", prob=1.0).set_random_state(seed=5) for _ in range(2))
    assert torch.equal(first({"image": image})["image"], second({"image": image})["image"])
    # A second call draws anew.
    assert not torch.equal(first({"image": image})["image"], RandEqualiseLocally(1.0).set_random_state(5)(image))


def test_keys_are_changed_alike_and_others_are_left_alone() -> None:
    image = film()
    out = RandEqualiseLocallyd(("a", "b"), prob=1.0)({"a": image, "b": image, "c": image})
    assert torch.equal(out["a"], out["b"])
    assert out["c"] is image


def test_probability_zero_changes_nothing() -> None:
    image = film()
    assert RandEqualiseLocally(prob=0.0)(image) is image
