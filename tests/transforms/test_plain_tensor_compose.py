import threading

import pytest
import torch
from monai.data import MetaTensor, get_track_meta
from monai.transforms import Compose, Lambda, RandGaussianNoised, RandScaleIntensityd

from monai_ceph.transforms import PlainTensorCompose


def noise() -> list[object]:
    return [RandScaleIntensityd("image", factors=0.5, prob=1.0), RandGaussianNoised("image", prob=0.5)]


def test_gives_what_compose_gives_as_plain_tensors() -> None:
    film = {"image": MetaTensor(torch.rand(1, 8, 8)), "label": MetaTensor(torch.rand(2, 8, 8)), "name": "film"}
    for seed in range(5):
        expected = Compose(noise()).set_random_state(seed)(film)
        plain = PlainTensorCompose(noise()).set_random_state(seed)(film)
        assert type(plain["image"]) is type(plain["label"]) is torch.Tensor and isinstance(
            expected["image"], MetaTensor
        )
        assert plain["name"] == "film"
        for key in ("image", "label"):
            torch.testing.assert_close(plain[key], expected[key].as_tensor(), rtol=0, atol=0)


def test_several_samples_become_plain_tensors() -> None:
    (plain,) = PlainTensorCompose([Lambda(lambda image: [image])])(MetaTensor(torch.rand(1, 8, 8)))
    assert type(plain) is torch.Tensor


def test_other_threads_keep_their_metadata() -> None:
    films = []

    def read_film_in_another_thread(image: torch.Tensor) -> torch.Tensor:
        def read() -> None:
            films.append((MetaTensor(torch.zeros(1, 4, 4), affine=2 * torch.eye(4)) + 1, get_track_meta()))

        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        return image

    PlainTensorCompose([Lambda(read_film_in_another_thread)])(torch.rand(1, 8, 8))
    ((film, tracked),) = films
    assert tracked and isinstance(film, MetaTensor) and film.affine[0, 0] == 2


def test_metadata_are_kept_again_after_an_error() -> None:
    with pytest.raises(RuntimeError):
        PlainTensorCompose([RandScaleIntensityd("mask", factors=0.5, prob=1.0)])({"image": torch.rand(1, 8, 8)})
    assert isinstance(MetaTensor(torch.zeros(1, 4, 4)) + 1, MetaTensor)
