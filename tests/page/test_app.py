"""The page's requests, with films and a predictor that cost nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_ceph.data.film_format import FilmError
from monai_ceph.landmarks import ISBI19
from monai_ceph.page.work import FilmRow, Label, LabelRefusedError, Offer, Role, Work
from monai_ceph.prediction import Prediction

testclient = pytest.importorskip("starlette.testclient", reason="the page is served with the extra 'view'")
exceptions = pytest.importorskip("starlette.exceptions")

POINTS = np.stack([np.linspace(10, 90, 19), np.linspace(20, 60, 19)], 1)
NAME = '<img src=x onerror="alert(1)">'
"""A film name that would be a script if anything took it for HTML."""


class Films(Work):
    """One film, labelled by bo, with a name that is HTML."""

    def __init__(self, folder: Path) -> None:
        super().__init__(ISBI19, 0.5)
        self.path = folder / f"{NAME.replace('/', '')}.png"
        Image.effect_noise((100, 80), 60).save(self.path)
        self.saved: dict[str, Any] = {}

    def offer(self) -> Offer:
        return Offer("films", users=True)

    def films(self) -> list[FilmRow]:
        return [FilmRow(NAME, "labelled", ("bo",), 0.4)]

    def film(self, film_id: str) -> Path:
        if film_id == "broken":
            raise FilmError("broken: the file is cut off; scan it again.")
        if film_id != NAME:
            raise LookupError(f"There is no film '{film_id}'.")
        return self.path

    def revision(self) -> str:
        return str(len(self.saved))

    def predict(self, film_id: str) -> Prediction:
        points = POINTS.copy()
        points[3] = np.nan
        self.film(film_id)
        covariance = np.where(np.arange(19)[:, None, None] == 3, np.nan, np.array([[0.4, 0.1], [0.1, 0.2]]))
        prediction = Prediction(self.path.name, ISBI19, points, np.full(19, 0.5), (0.5, 0.5), "user")
        return replace(prediction, covariance_mm2=covariance)

    def labels(self, film_id: str) -> list[Label]:
        return [Label("bo", POINTS, final=True)]

    def save(self, film_id: str, points_px: np.ndarray, user: str, force: bool = False, replace: bool = False) -> bool:
        if points_px[0, 0] > 90 and not force:
            raise LabelRefusedError("S is far from its proposal.")
        self.saved[user] = points_px
        return replace

    def export(self) -> list[Prediction]:
        return [self.annotated(NAME, points) for points in self.saved.values()]

    async def authenticate(self, token: str, role: Role) -> str | None:
        if token == "expired":
            raise exceptions.HTTPException(401, "The token has expired.")
        return token or None


@pytest.fixture
def films(tmp_path: Path) -> Films:
    return Films(tmp_path)


@pytest.fixture
def page(films: Films) -> Iterator[Any]:
    from monai_ceph.page.app import page_app

    with testclient.TestClient(page_app(films)) as client:
        yield client


def test_every_answer_forbids_scripts_and_requests_elsewhere(page: Any) -> None:
    for path in ("/", "/api/info", "/api/film?film=none", "/assets/index.js", "/nowhere"):
        headers = page.get(path).headers
        assert "default-src 'none'; script-src 'self';" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_the_built_page_names_no_other_host(page: Any) -> None:
    index = page.get("/").text
    assert '<script type="module"' in index and "://" not in index


def test_a_film_named_like_html_stays_a_text(page: Any) -> None:
    answer = page.get("/api/films")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["films"] == [{"film": NAME, "state": "labelled", "annotators": ["bo"], "uncertainty": 0.4}]
    disposition = page.get("/api/markups", params={"film": NAME}).headers["content-disposition"]
    assert disposition == 'attachment; filename="_img src_x onerror__alert_1___.png.mrk.json"'


def test_film_and_its_picture(page: Any) -> None:
    film = page.get("/api/film", params={"film": NAME}).json()
    assert (film["size"], film["spacing_mm"], film["window"]) == ([100, 80], [0.5, 0.5], [0, 255])
    assert film["labels"] == [{"user": "bo", "points": POINTS.tolist(), "final": True}]
    picture = Image.open(io.BytesIO(page.get("/api/film.png", params={"film": NAME}).content))
    assert picture.size == (100, 80)
    narrow = page.get("/api/film.png", params={"film": NAME, "low": 0, "high": 1}).content
    assert np.median(np.asarray(Image.open(io.BytesIO(narrow)))) == 255


def test_a_landmark_that_was_not_found_is_null(page: Any) -> None:
    proposal = page.get("/api/prediction", params={"film": NAME}).json()
    assert proposal["points"][3] is None and proposal["status"][3] == "missing"
    assert proposal["points"][0] == POINTS[0].tolist()


def test_covariances_come_with_the_points(page: Any) -> None:
    covariances = page.get("/api/prediction", params={"film": NAME}).json()["covariance_mm2"]
    assert covariances[0] == [[0.4, 0.1], [0.1, 0.2]] and covariances[3] is None


def test_a_label_is_saved_under_the_annotators_name(page: Any, films: Films) -> None:
    points: list[Any] = POINTS.tolist()
    points[5] = None
    answer = page.put("/api/label", params={"film": NAME}, json={"points": points, "user": "anna"})
    assert answer.json() == {"revision": "1", "final": False}
    assert np.isnan(films.saved["anna"][5]).all()
    np.testing.assert_array_equal(films.saved["anna"][:5], POINTS[:5])
    assert page.get("/api/export.csv").text.count("\n") == 1 + 19


def test_who_has_logged_in_cannot_save_under_another_name(page: Any, films: Films) -> None:
    body = {"points": POINTS.tolist(), "user": "anna"}
    page.put("/api/label", params={"film": NAME}, json=body, headers={"Authorization": "Bearer bo"})
    assert list(films.saved) == ["bo"]


def test_without_a_login_nothing_but_the_way_to_log_in_is_told(page: Any) -> None:
    expired = {"Authorization": "Bearer expired"}
    info = page.get("/api/info", headers=expired)
    assert (info.status_code, info.json()["allowed"]) == (200, False)
    answer = page.get("/api/films", headers=expired)
    assert (answer.status_code, answer.json()["detail"]) == (401, "The token has expired.")


def test_an_odd_label_is_refused_until_the_annotator_insists(page: Any, films: Films) -> None:
    body = {"points": [[95.0, 20.0], *POINTS[1:].tolist()], "user": "anna"}
    answer = page.put("/api/label", params={"film": NAME}, json=body)
    assert (answer.status_code, answer.json()) == (409, {"detail": "S is far from its proposal.", "odd": True})
    assert page.put("/api/label", params={"film": NAME}, json={**body, "force": True}).status_code == 200
    assert "anna" in films.saved


@pytest.mark.parametrize(
    "points", [None, [], [[1, 2]] * 18, [[1, 2, 3]] * 19, [["a", 2]] * 19, [[1e999, 2]] * 19, "1234567890123456789"]
)
def test_points_of_another_form_are_refused(page: Any, points: Any) -> None:
    import json

    content = json.dumps({"points": points, "user": "anna"})
    headers = {"Content-Type": "application/json"}
    answer = page.put("/api/label", params={"film": NAME}, content=content, headers=headers)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Expected 19 points, each [x, y] or null.")


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/api/film?film=none", 404, "There is no film 'none'."),
        ("GET", "/api/film?film=broken", 400, "broken: the file is cut off; scan it again."),
        ("GET", "/api/film", 400, "Expected 'film' in the address."),
        ("GET", "/api/training", 404, "The model cannot be trained here; use monai-ceph label."),
        ("DELETE", "/api/training", 404, "The model cannot be trained here; use monai-ceph label."),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(page: Any, method: str, path: str, status: int, message: str) -> None:
    answer = page.request(method, path)
    assert (answer.status_code, answer.json()["detail"]) == (status, message)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_of_another_page_is_refused(page: Any, films: Films, kind: str) -> None:
    # What a browser sends from anywhere without asking the server first.
    answer = page.post("/api/next", content=b'{"strategy": "first"}', headers={"Content-Type": kind})
    assert answer.status_code == 415
    assert films.saved == {}


def test_two_people_on_one_film_hear_of_each_other(page: Any) -> None:
    assert page.post("/api/here", json={"film": NAME, "user": "anna"}).json()["others"] == []
    assert page.post("/api/here", json={"film": NAME, "user": "bo"}).json()["others"] == ["anna"]
    assert page.post("/api/here", json={"film": NAME, "user": "anna"}).json()["others"] == ["bo"]
    page.post("/api/here", json={"film": "another", "user": "bo"})
    assert page.post("/api/here", json={"film": NAME, "user": "anna"}).json()["others"] == []


def test_review_names_a_point_far_from_its_proposal(page: Any) -> None:
    points = POINTS.tolist()
    points[0] = [90.0, 70.0]
    warnings = page.post("/api/review", params={"film": NAME}, json={"points": points}).json()["warnings"]
    assert [warning["symbol"] for warning in warnings if "from its proposal" in warning["text"]] == ["S"]
