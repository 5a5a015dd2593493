import pytest
import torch
from monai.data import MetaTensor, get_track_meta
from monai.transforms import Compose, RandGaussianNoised, RandScaleIntensityd

from monai_ceph.transforms import PlainTensorCompose


def noise() -> list[object]:
    return [RandScaleIntensityd("image", factors=0.5, prob=1.0), RandGaussianNoised("image", prob=0.5)]


def test_gives_what_compose_gives_as_plain_tensors() -> None:
    film = {"image": MetaTensor(torch.rand(1, 8, 8))}
    for seed in range(5):
        expected = Compose(noise()).set_random_state(seed)(film)["image"]
        found = PlainTensorCompose(noise()).set_random_state(seed)(film)["image"]
        assert type(found) is torch.Tensor and isinstance(expected, MetaTensor)
        torch.testing.assert_close(found, expected.as_tensor(), rtol=0, atol=0)


def test_tracking_goes_on_afterwards_also_after_an_error() -> None:
    with pytest.raises(RuntimeError):
        PlainTensorCompose([RandScaleIntensityd("mask", factors=0.5, prob=1.0)])({"image": torch.rand(1, 8, 8)})
    assert get_track_meta()
