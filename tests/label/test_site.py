"""The server's own site calibration: estimated from its labels, shown, applied, and made anew after a training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.data.viewer_frame import viewer_frame
from monai_ceph.formats import read_annotations
from monai_ceph.formats.markups import to_markups
from monai_ceph.label.proposals import Proposals
from monai_ceph.label.site import NOT_YET, FolderSite
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import Prediction, annotated
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import MODEL, Server, draw_films, label_of

SHIFT_PX = np.array([4.0, -3.0])


class Oracle:
    """Find every landmark where it was drawn, moved by the same pixels; count the films."""

    weights_sha256 = "ab" * 32

    def __init__(self, points_px: dict[str, np.ndarray]) -> None:
        self.points_px, self.predicted = points_px, 0

    def load(self, film: Path) -> dict[str, Any]:
        return {"film": film}

    def predict(self, item: dict[str, Any]) -> Prediction:
        self.predicted += 1
        points_px, spacing = self.points_px[item["film"].stem] + SHIFT_PX, (SPACING_MM, SPACING_MM)
        return Prediction(item["film"].name, ISBI19, points_px, np.full(19, 0.9), spacing, "user")


class Model:
    """A model in use, with an oracle in place of a network."""

    def __init__(self, bundle: Path, oracle: Oracle) -> None:
        self.bundle, self.oracle, self.weights = bundle, oracle, "first"

    def predictor(self) -> Oracle:
        return self.oracle

    def weights_id(self) -> str:
        return self.weights


@pytest.fixture
def folder(tmp_path: Path) -> LabelFolder:
    return LabelFolder(draw_films(tmp_path / "films", 6))


@pytest.fixture
def site(folder: LabelFolder, tmp_path: Path) -> FolderSite:
    oracle = Oracle(read_annotations(folder.folder / "points.csv").points_px)
    return FolderSite(Proposals(Model(tmp_path / "bundle", oracle)), folder)  # type: ignore[arg-type]


def accept(folder: LabelFolder, oracle: Oracle, films: range) -> None:
    for k in films:
        film = folder.film(f"phantom_{k:03d}")
        label = to_markups(annotated(film.name, ISBI19, oracle.points_px[film.stem]), viewer_frame(film))
        folder.save(film.stem, json.dumps(label).encode())


def predict(site: FolderSite, film: str) -> np.ndarray:
    """Return what the server would answer, less the truth: (19, 2), px."""
    path, oracle = site.folder.film(film), site.model.predictor()
    prediction = oracle.predict(oracle.load(path))  # type: ignore[attr-defined]
    return site.apply(prediction).points_px - oracle.points_px[film]  # type: ignore[attr-defined]


def test_labels_teach_the_server_where_the_clinic_marks(folder: LabelFolder, site: FolderSite) -> None:
    oracle: Any = site.model.predictor()
    assert site.info() == {"in_use": False, "films": 0, "reason": NOT_YET}
    np.testing.assert_allclose(predict(site, "phantom_005"), np.tile(SHIFT_PX, (19, 1)))
    assert site.info()["reason"] == "Expected at least 3 annotated films, got 0; annotate more. 5 to 10 are better."
    accept(folder, oracle, range(4))
    assert np.linalg.norm(predict(site, "phantom_005"), axis=1).max() < 0.25 * np.linalg.norm(SHIFT_PX)
    info = site.info()
    assert (info["in_use"], info["films"], info["reason"], info["advice"]) == (True, 4, "", "")
    assert info["held_out_error_after_mm"] < 0.3 * info["held_out_error_before_mm"]
    json.dumps(info, allow_nan=False)

    predicted = oracle.predicted
    predict(site, "phantom_005")
    assert oracle.predicted == predicted + 1  # the labelled films are not predicted again


def test_films_that_the_weights_were_trained_on_are_left_out(folder: LabelFolder, site: FolderSite) -> None:
    accept(folder, site.model.predictor(), range(5))  # type: ignore[arg-type]
    run = site.model.bundle / "runs" / "finetune" / "20260131"
    run.mkdir(parents=True)
    for replaced, films in ((False, 5), (True, 3)):
        result = {"replaced": replaced, "trained": ["phantom_000", "phantom_001"]}
        (run / "result.json").write_text(json.dumps(result))
        site.model.weights = str(films)  # type: ignore[attr-defined]
        predict(site, "phantom_005")
        assert site.info()["films"] == films and bool(site.info()["advice"]) == (films == 5)


def test_label_of_another_film_stops_the_calibration_and_is_named(folder: LabelFolder, site: FolderSite) -> None:
    oracle: Any = site.model.predictor()
    accept(folder, oracle, range(4))
    oracle.points_px["phantom_001"] = oracle.points_px["phantom_001"] + 30  # the film moved under its label
    assert np.abs(predict(site, "phantom_005") - SHIFT_PX).max() < 1e-9
    assert "'phantom_001.png': half of its annotated landmarks lie" in site.info()["reason"]


def test_server_shows_its_calibration_and_names_it_in_answers(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    folder = draw_films(tmp_path / "films", 4)
    server = start_server(folder, "--spacing", str(SPACING_MM))

    def infer() -> dict[str, Any]:
        answer: dict[str, Any] = server.post(
            f"/infer/{MODEL}", params={"image": "phantom_003", "output": "json"}
        ).json()
        return answer

    assert server.get("/info/").json()["site_calibration"]["reason"] == NOT_YET
    plain = infer()
    assert plain["site"] == ""
    for film in ("phantom_000", "phantom_001", "phantom_002"):
        assert server.put_label(film, label_of(server, film, 0.5)).status_code == 200
    answer, info = infer(), server.get("/info/").json()["site_calibration"]
    assert info["films"] == 3
    assert answer["site"] == (info["site"] if info["in_use"] else "")
    moved = answer["landmarks"][0]["x_px"] != plain["landmarks"][0]["x_px"]
    assert moved == info["in_use"]
