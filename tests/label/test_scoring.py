"""Scoring methods and strategies on a folder of drawn films, against statistics computed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from monai_ceph.active_learning.uncertainty import FilmRecord, read_records
from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.data.viewer_frame import viewer_frame
from monai_ceph.film_records import FilmRecords
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.markups import to_markups
from monai_ceph.prediction import Prediction
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import draw_films


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """Three films: phantom_000 to phantom_002."""
    pytest.importorskip("monailabel")
    from monai_ceph.label.store import FilmStore

    return FilmStore(LabelFolder(draw_films(tmp_path / "films")))


@pytest.fixture
def model(label_bundle: Path) -> Any:
    from monai_ceph.label.model import CurrentModel

    return CurrentModel(label_bundle, SPACING_MM, "cpu")


def truth(folder: LabelFolder, film: str) -> np.ndarray:
    return read_annotations(folder.folder / "points.csv").points_px[film]


def save(folder: LabelFolder, film: str, points_px: np.ndarray, tag: str) -> None:
    """Save a label in the viewer's frame, in which a pixel of a PNG is 1 mm."""
    label = to_markups(Prediction(film, folder.scheme, points_px, np.full(19, np.nan), (1.0, 1.0), "user"))
    for point, position in zip(
        label["markups"][0]["controlPoints"], viewer_frame(folder.film(film)).to_lps(points_px), strict=True
    ):
        if "position" in point:
            point["position"] = position.tolist()
    folder.save(film, json.dumps(label).encode(), tag)


class TestUncertainty:
    def test_every_film_has_an_uncertainty_or_a_reason_why_not(self, store: Any, model: Any) -> None:
        from monai_ceph.label.scoring import Uncertainty, records_folder

        (store.folder.folder / "broken.png").write_bytes(b"no film")
        method = Uncertainty(model)
        assert method.due(store)
        result = method({}, store)
        assert result["uncertainty"].keys() == {"phantom_000", "phantom_001", "phantom_002"}
        assert all(0 < value <= 1 for value in result["uncertainty"].values())
        assert "broken.png: its content is not a readable image" in result["left_out"]["broken"]
        assert result["scored"] == 4 and result["weights"] == model.weights_id()
        assert json.loads(json.dumps(result, allow_nan=False)) == result
        assert not method.due(store)
        assert method({}, store) == {**result, "scored": 0}
        assert records_folder(store.folder) == store.folder.folder / ".monai_ceph" / "uncertainty"

    def test_new_weights_make_it_due(self, store: Any, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        from monai_ceph.label.scoring import Uncertainty

        method = Uncertainty(model)
        method({}, store)
        monkeypatch.setattr(model, "weights_id", lambda: "others")
        assert method.due(store)
        assert method({}, store)["scored"] == 3

    def test_without_weights_nothing_is_due(self, store: Any, tmp_path: Path) -> None:
        from monai_ceph.label.model import CurrentModel
        from monai_ceph.label.scoring import Uncertainty

        assert not Uncertainty(CurrentModel(tmp_path / "no bundle")).due(store)

    def test_films_of_an_archive_are_fetched_only_on_request(
        self, store: Any, model: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from fastapi import HTTPException

        from monai_ceph.label.scoring import Uncertainty

        def get_image_uri(film: str) -> str:
            asked.append(film)
            raise HTTPException(502, "The archive is down.")

        asked: list[str] = []
        monkeypatch.setattr(store, "get_image_uri", get_image_uri)
        monkeypatch.setattr(store, "list_images", lambda: ["1.2.3"])
        assert Uncertainty(model)({}, store)["left_out"] == {} and asked == []
        assert Uncertainty(model)({"fetch": True}, store)["left_out"] == {"1.2.3": "The archive is down."}


class TestLandmarkError:
    def test_statistics_match_those_computed_by_hand(self, store: Any) -> None:
        from monai_ceph.label.scoring import LandmarkError

        folder = store.folder
        for film, shift in (("phantom_000", (3.0, 4.0)), ("phantom_001", (0.0, 1.0))):
            points = truth(folder, film)
            save(folder, film, points, "final")
            save(folder, film, points + shift, "original")
        save(folder, "phantom_002", truth(folder, "phantom_002"), "final")  # nothing was proposed
        result = LandmarkError(SPACING_MM)({}, store)
        assert result["pairs"] == 2 and result["landmarks"] == 38 and result["left_out"] == {}
        assert result["mre_px"] == pytest.approx(3.0, abs=1e-3)
        assert result["mre_mm"] == pytest.approx(3.0 * SPACING_MM, abs=1e-3)
        assert result["sdr_2mm_percent"] == 50
        assert result["films"]["phantom_000"] == {
            "landmarks": 19,
            "mre_px": pytest.approx(5.0, abs=1e-3),
            "mre_mm": pytest.approx(5.0 * SPACING_MM, abs=1e-3),
            "sdr_2mm_percent": 0.0,
        }

    def test_without_a_spacing_there_are_no_mm(self, store: Any) -> None:
        from monai_ceph.label.scoring import LandmarkError

        for tag in ("final", "original"):
            save(store.folder, "phantom_000", truth(store.folder, "phantom_000"), tag)
        result = LandmarkError()({}, store)
        assert (result["mre_px"], result["mre_mm"], result["sdr_2mm_percent"]) == (0.0, None, None)

    def test_unmarked_landmark_does_not_count(self, store: Any) -> None:
        from monai_ceph.label.scoring import LandmarkError

        points = truth(store.folder, "phantom_000")
        save(store.folder, "phantom_000", points + 1, "original")
        points[4] = np.nan
        save(store.folder, "phantom_000", points, "final")
        result = LandmarkError(SPACING_MM)({}, store)
        assert result["landmarks"] == 18 and result["mre_px"] == pytest.approx(2**0.5, abs=1e-3)

    def test_no_pair_gives_empty_statistics(self, store: Any) -> None:
        from monai_ceph.label.scoring import LandmarkError

        method = LandmarkError(SPACING_MM)
        nothing = {"landmarks": 0, "mre_px": None, "mre_mm": None, "sdr_2mm_percent": None}
        assert method({}, store) == {"pairs": 0, **nothing, "films": {}, "left_out": {}}
        assert not method.due(store)

    def test_damaged_label_is_reported(self, store: Any) -> None:
        from monai_ceph.label.scoring import LandmarkError

        for tag in ("final", "original"):
            save(store.folder, "phantom_000", truth(store.folder, "phantom_000"), tag)
        store.folder.label("phantom_000", "original").write_text("no JSON")
        result = LandmarkError(SPACING_MM)({}, store)
        assert result["pairs"] == 0 and "phantom_000" in result["left_out"]


def write_record(folder: LabelFolder, film: str, uncertainty: float, *feature: float) -> None:
    from monai_ceph.label.scoring import records_folder

    records = FilmRecords(records_folder(folder))
    records.write(film, asdict(FilmRecord("w", 1, 1, uncertainty, feature)))
    assert film in read_records(records.folder)


class TestStrategies:
    @pytest.fixture
    def ask(self, store: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
        """``ask(name, now=0)``: ask a strategy at a given time and record the answer as MONAI Label's endpoint does."""
        from monai_ceph.label import strategies

        def call(name: str, now: float = 0) -> dict[str, Any] | None:
            monkeypatch.setattr(strategies, "time", SimpleNamespace(time=lambda: 1e9 + now))
            answer = strategies.strategies()[name]({"strategy": name}, store)
            if answer is not None:
                noted = store.get_image_info(answer["id"]).get("strategy", {})
                store.update_image_info(answer["id"], {"strategy": {**noted, name: {"ts": int(1e9 + now)}}})
            return answer

        return call

    @pytest.fixture(autouse=True)
    def _records(self, store: Any) -> None:
        for film, record in (("phantom_000", (0.1, 0.0)), ("phantom_001", (0.3, 1.0)), ("phantom_002", (0.2, 5.0))):
            write_record(store.folder, film, *record)

    def test_most_uncertain(self, ask: Callable[..., Any]) -> None:
        assert ask("most_uncertain") == {"id": "phantom_001", "uncertainty": 0.3}

    def test_most_different_starts_with_the_typical_film(self, ask: Callable[..., Any]) -> None:
        assert ask("most_different") == {"id": "phantom_001"}
        assert ask("most_different") == {"id": "phantom_002", "distance": 4.0}

    def test_most_different_takes_labelled_films_into_account(self, ask: Callable[..., Any], store: Any) -> None:
        save(store.folder, "phantom_002", truth(store.folder, "phantom_002"), "final")
        assert ask("most_different") == {"id": "phantom_000", "distance": 5.0}

    def test_first(self, ask: Callable[..., Any]) -> None:
        assert [ask("first")["id"] for _ in range(3)] == ["phantom_000", "phantom_001", "phantom_002"]

    def test_random_returns_every_film_sometime(self, ask: Callable[..., Any]) -> None:
        assert {ask("random", now=301 * k)["id"] for k in range(60)} == {f"phantom_00{k}" for k in range(3)}

    @pytest.mark.parametrize("name", ["most_uncertain", "most_different", "random", "first"])
    def test_reserved_film_is_not_handed_out_again(self, name: str, ask: Callable[..., Any]) -> None:
        assert len({ask(name)["id"], ask("first")["id"], ask(name)["id"]}) == 3

    def test_film_is_free_again_after_five_minutes(self, ask: Callable[..., Any]) -> None:
        assert ask("most_uncertain")["id"] == "phantom_001"
        assert ask("most_uncertain", now=299)["id"] == "phantom_002"
        assert ask("most_uncertain", now=300)["id"] == "phantom_001"

    def test_with_all_films_reserved_the_oldest_reservation_is_reused(self, ask: Callable[..., Any]) -> None:
        order = [ask("most_uncertain", now=k)["id"] for k in range(6)]
        assert order == 2 * ["phantom_001", "phantom_002", "phantom_000"]

    @pytest.mark.parametrize("name", ["most_uncertain", "most_different", "random", "first"])
    def test_no_film_left_to_label(self, name: str, ask: Callable[..., Any], store: Any) -> None:
        for film in store.list_images():
            save(store.folder, film, truth(store.folder, film), "final")
        assert ask(name) is None

    @pytest.mark.parametrize("noted", [[], "x", {"first": None}, {"first": {"ts": "x"}}, {"first": {"ts": 1e10}}])
    def test_malformed_info_is_ignored(self, noted: Any, store: Any) -> None:
        from monai_ceph.label.strategies import strategies

        for film in store.list_images():
            store.update_image_info(film, {"strategy": noted})
        assert strategies()["most_uncertain"]({}, store)["id"] in store.list_images()
