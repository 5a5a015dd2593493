"""What users of MONAI expect of every transform: an array twin, aliases, backend, traits, ``set_random_state``."""

from __future__ import annotations

import inspect

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import MapTransform, Randomizable
from monai.transforms.traits import MultiSampleTrait
from monai.utils import TransformBackends

from monai_ceph import transforms

DICTIONARY = sorted(
    {thing for name in transforms.__all__ if inspect.isclass(thing := getattr(transforms, name))}
    & {thing for thing in vars(transforms).values() if inspect.isclass(thing) and issubclass(thing, MapTransform)},
    key=lambda thing: thing.__name__,
)


def test_dictionary_transforms_are_found() -> None:
    assert len(DICTIONARY) >= 11


@pytest.mark.parametrize("dictionary", DICTIONARY)
def test_aliases_and_backend(dictionary: type[MapTransform]) -> None:
    name = dictionary.__name__
    assert name.endswith("d")
    for alias in (f"{name[:-1]}D", f"{name[:-1]}Dict"):
        assert alias in transforms.__all__
        assert getattr(transforms, alias) is dictionary
    assert set(dictionary.backend) & {TransformBackends.TORCH, TransformBackends.NUMPY}


# These work on several entries of a sample; their cores are the functions judge() and estimate_uncertainty().
WHOLE_SAMPLE = {transforms.LandmarkStatusd, transforms.LandmarkUncertaintyd}


@pytest.mark.parametrize("dictionary", [d for d in DICTIONARY if d not in WHOLE_SAMPLE])
def test_array_twin_of_the_same_kind(dictionary: type[MapTransform]) -> None:
    array = getattr(transforms, dictionary.__name__[:-1])
    assert array.backend == dictionary.backend
    for kind in (Randomizable, MultiSampleTrait):
        assert issubclass(array, kind) == issubclass(dictionary, kind)
    ours, theirs = (inspect.signature(thing.__init__).parameters for thing in (array, dictionary))
    shared = [p for name, p in ours.items() if name in theirs and name != "self"]
    assert [p.default for p in shared] == [theirs[p.name].default for p in shared]
    assert set(ours) - {"self", "args", "kwargs"} <= set(theirs)


@pytest.mark.parametrize("dictionary", [d for d in DICTIONARY if issubclass(d, Randomizable)])
def test_random_twins_draw_alike(dictionary: type[MapTransform]) -> None:
    points_px = torch.tensor([[20.0, 30.0], [50.0, 10.0]])
    image = MetaTensor(torch.rand(1, 64, 80, generator=torch.Generator().manual_seed(0)))
    own = {"size": 21, "points_key": "points_px"} if dictionary is transforms.RandLandmarkPatchesd else {}
    own = {"size": 21, "shift_px": 9.0} if dictionary is transforms.RandWindowsd else own
    own |= {"prob": 1.0} if "prob" in inspect.signature(dictionary).parameters else {}
    sampled = dictionary("image", **own).set_random_state(seed=3)({"image": image, "points_px": points_px})
    own.pop("points_key", None)
    array = getattr(transforms, dictionary.__name__[:-1])(**own).set_random_state(seed=3)
    expected = array(image, points_px) if isinstance(array, transforms.RandLandmarkPatches) else array(image)
    actual = [s["image"] for s in sampled] if isinstance(sampled, list) else sampled["image"]
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)
    again = array(image, points_px, False) if isinstance(array, transforms.RandLandmarkPatches) else array(image, False)
    torch.testing.assert_close(again, expected, rtol=0, atol=0)
