from __future__ import annotations

from pathlib import Path

import pytest

from monai_ceph.label.model import CurrentModel, own_bundle
from monai_ceph.networks import WeightsError
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import draw_films, train


def test_copy_is_complete_and_training_it_leaves_the_original_unchanged(label_bundle: Path, tmp_path: Path) -> None:
    (label_bundle / "eval").mkdir(exist_ok=True)
    own = own_bundle(tmp_path / "state", label_bundle)
    before = (label_bundle / "models" / "model.pt").read_bytes()
    assert own == tmp_path / "state" / "bundle"
    assert (own / "configs" / "inference.json").is_file()
    assert not (own / "eval").exists()
    train(own / "models" / "model.pt")
    assert (label_bundle / "models" / "model.pt").read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == ["bundle"]


def test_later_start_keeps_the_copy(label_bundle: Path, tmp_path: Path) -> None:
    own = own_bundle(tmp_path, label_bundle)
    train(own / "models" / "model.pt")
    trained = (own / "models" / "model.pt").read_bytes()
    assert own_bundle(tmp_path) == own_bundle(tmp_path, label_bundle) == own
    assert (own / "models" / "model.pt").read_bytes() == trained


def test_different_bundle_on_a_later_start_is_refused(label_bundle: Path, tmp_path: Path) -> None:
    own_bundle(tmp_path, label_bundle)
    with pytest.raises(ValueError, match=r"is a copy of .*Start without --bundle to keep using it"):
        own_bundle(tmp_path, tmp_path)


def test_invalid_bundle_leaves_no_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a bundle"):
        own_bundle(tmp_path / "state", tmp_path)
    assert not (tmp_path / "state" / "bundle").exists()


def test_weights_are_reloaded_only_after_a_change(label_bundle: Path, tmp_path: Path) -> None:
    own = own_bundle(tmp_path, label_bundle)
    film = draw_films(tmp_path / "films", 1) / "phantom_000.png"
    model = CurrentModel(own, SPACING_MM, "cpu")
    first, first_id = model.predictor(), model.weights_id()
    assert model.predictor() is first
    train(model.weights)
    second = model.predictor()
    assert second is not first
    assert model.weights_id() != first_id
    assert (second.predict(second.load(film)).confidence != first.predict(first.load(film)).confidence).any()


def test_damaged_weights_still_have_an_id(label_bundle: Path, tmp_path: Path) -> None:
    # The page lists the weights in use beside the earlier ones, which repair this.
    model = CurrentModel(own_bundle(tmp_path, label_bundle), SPACING_MM, "cpu")
    before = model.weights_id()
    content = bytearray(model.weights.read_bytes())
    content[len(content) // 2] ^= 1
    model.weights.write_bytes(content)
    with pytest.raises(WeightsError):
        model.predictor()
    assert len(model.weights_id()) == 12 and model.weights_id() != before
