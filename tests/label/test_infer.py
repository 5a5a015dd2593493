"""Inference over HTTP: the bundle's own landmarks, in the viewer's frame, and only for the server's films."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import itk
import numpy as np
import pytest

from monai_ceph.film_records import STATE_FOLDER
from monai_ceph.formats.viewer_frame import ViewerFrame
from monai_ceph.label.infer import landmarks_json
from monai_ceph.landmarks import Landmark, LandmarkScheme
from monai_ceph.prediction import Prediction
from monai_ceph.predictor.torch_predictor import TorchPredictor, load_torch_predictor
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import MODEL, Server, draw_films, running, train

SHIFTED = "Film with a frame.MHA"
BROKEN = "cut short"


@pytest.fixture(scope="module")
def server(label_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over two PNG films, a MetaImage with its own origin and spacing, and a truncated PNG."""
    folder = draw_films(tmp_path_factory.mktemp("infer") / "films with a space", 2)
    film = itk.imread(str(folder / "phantom_000.png"))
    film.SetSpacing((0.2, 0.25))
    film.SetOrigin((-7.0, 11.0))
    itk.imwrite(film, str(folder / "temporary.mha"))
    (folder / "temporary.mha").rename(folder / SHIFTED)
    (folder / f"{BROKEN}.PNG").write_bytes((folder / "phantom_000.png").read_bytes()[:2000])
    with running(folder, "--bundle", str(label_bundle), "--spacing", str(SPACING_MM)) as started:
        yield started


@pytest.fixture(scope="module")
def predictor(label_bundle: Path) -> TorchPredictor:
    return load_torch_predictor(label_bundle, SPACING_MM, "cpu")


def infer(server: Server, film: str, output: str = "json", params: dict[str, Any] | None = None, **more: Any) -> Any:
    query = {"image": film, "output": output}
    return server.post(f"/infer/{MODEL}", params=query, data={"params": json.dumps(params or {})}, **more)


def pixels(result: dict[str, Any]) -> np.ndarray:
    return np.array([[landmark["x_px"], landmark["y_px"]] for landmark in result["landmarks"]])


def confidences(result: dict[str, Any]) -> list[float]:
    return [landmark["confidence"] for landmark in result["landmarks"]]


def test_json_holds_the_landmarks_of_the_bundle(server: Server, predictor: TorchPredictor) -> None:
    result = infer(server, "phantom_001").json()
    expected = predictor.predict(predictor.load(server.folder / "phantom_001.png"))
    assert confidences(result) == pytest.approx(expected.confidence, abs=1e-5)
    assert [landmark["symbol"] for landmark in result["landmarks"]] == list(predictor.scheme.symbols)
    np.testing.assert_allclose(pixels(result), expected.points_px, atol=1e-4)
    millimetres = [[landmark["x_mm"], landmark["y_mm"]] for landmark in result["landmarks"]]
    np.testing.assert_allclose(millimetres, expected.points_px * SPACING_MM, atol=1e-4)

    assert (result["spacing_mm"], result["spacing_source"]) == ([SPACING_MM, SPACING_MM], "user")


def test_json_says_how_far_off_a_point_may_be() -> None:
    errors = {"expected_error_mm": np.array([0.8, np.nan]), "radius90_mm": np.array([1.7, np.nan])}
    scheme = LandmarkScheme("two", (Landmark("S", "sella"), Landmark("N", "nasion")))
    found = Prediction("a.png", scheme, np.ones((2, 2)), np.ones(2), (0.1, 0.1), "user", **errors)
    first, second = landmarks_json(found, ViewerFrame.flat((0, 0), (0.1, 0.1)))["landmarks"]
    assert (first["expected_error_mm"], first["radius90_mm"]) == (0.8, 1.7)
    assert second["expected_error_mm"] is None and second["radius90_mm"] is None


@pytest.mark.parametrize("film", ["phantom_000.png", SHIFTED])
def test_markups_lie_where_itk_places_the_film(server: Server, film: str, tmp_path: Path) -> None:
    name = Path(film).stem
    [markups] = json.loads(infer(server, name, "image").text)["markups"]
    copy = tmp_path / film.lower()  # ITK knows only lower-case suffixes
    shutil.copyfile(server.folder / film, copy)
    image = itk.imread(str(copy))
    expected = []
    for x, y in pixels(infer(server, name).json()):
        index = itk.ContinuousIndex[itk.D, 2]()
        index.SetElement(0, x)
        index.SetElement(1, y)
        expected.append(image.TransformContinuousIndexToPhysicalPoint(index))
    positions = np.array([point["position"] for point in markups["controlPoints"]])
    np.testing.assert_allclose(positions[:, :2], np.array(expected)[:, :2], atol=1e-3)
    assert (markups["coordinateSystem"], markups["coordinateUnits"]) == ("LPS", "mm")
    np.testing.assert_array_equal(positions[:, 2], 0)


def test_output_all_holds_json_and_markups_for_slicers_module(server: Server) -> None:
    answer = server.post(f"/infer/{MODEL}?image=phantom_000")
    assert answer.headers["content-type"].startswith("multipart/form-data")
    assert 'name="params"' in answer.text
    assert '.mrk.json"' in answer.text  # the module recognises markups by this suffix


def test_temporary_results_are_removed(server: Server) -> None:
    for output in ("image", "json", "all"):
        infer(server, "phantom_000", output)
    assert infer(server, "phantom_000", params={"save_label": True, "label_tag": "../x"}).status_code == 400
    until = time.monotonic() + 20  # they are removed after the answer was sent
    while list(server.temporary.glob("landmarks_*")) and time.monotonic() < until:
        time.sleep(0.05)
    assert list(server.temporary.glob("landmarks_*")) == []


def test_unreadable_film_is_reported_with_the_reason(server: Server) -> None:
    answer = infer(server, BROKEN)
    assert answer.status_code == 422
    assert "cut short" in answer.json()["detail"]


def test_film_can_be_uploaded_with_the_request(server: Server) -> None:
    with (server.folder / "phantom_001.png").open("rb") as file:
        answer = server.post(f"/infer/{MODEL}?output=json", files={"file": ("my film.png", file)})
    np.testing.assert_allclose(pixels(answer.json()), pixels(infer(server, "phantom_001").json()), atol=1e-4)


def test_film_of_a_session(server: Server) -> None:
    with (server.folder / "phantom_001.png").open("rb") as file:
        session = server.request("PUT", "/session/", files={"files": ("my film.png", file)}).json()["session_id"]
    answer = server.post(f"/infer/{MODEL}", params={"session_id": session, "output": "json"})
    np.testing.assert_allclose(pixels(answer.json()), pixels(infer(server, "phantom_001").json()), atol=1e-4)
    assert server.request("DELETE", f"/session/{session}").status_code == 200
    assert server.post(f"/infer/{MODEL}", params={"session_id": session}).status_code >= 400


@pytest.fixture
def outside(server: Server, tmp_path: Path) -> dict[str, str]:
    """Paths that are not film ids, by the way in which a client might try to open them."""
    film = tmp_path / "secret.png"
    shutil.copy(server.folder / "phantom_000.png", film)
    link = server.folder / "link out.png"
    if not link.exists():
        link.symlink_to(film)
    temporary = server.temporary / "tmpabcdefgh.png"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(film)
    return {
        "absolute": str(film),
        "relative": os.path.relpath(film, server.folder),
        "upwards": f"../{server.folder.name}/phantom_000",
        "own, by its path": str(server.folder / "phantom_000.png"),
        "link in the temporary folder": str(temporary),
        "link in the folder": "link out",
        "folder": str(server.folder),
        "nothing": " ",
        "null": "phantom_000\0",
    }


@pytest.mark.parametrize(
    "way",
    [
        "absolute",
        "relative",
        "upwards",
        "own, by its path",
        "link in the temporary folder",
        "link in the folder",
        "folder",
        "nothing",
        "null",
    ],
)
def test_only_films_of_the_folder_can_be_opened(server: Server, outside: dict[str, str], way: str) -> None:
    for answer in (
        infer(server, outside[way]),
        infer(server, "phantom_000", params={"image": outside[way]}),
        infer(server, "phantom_000", params={"image": outside[way], "session": {"image": outside[way], "name": "x"}}),
    ):
        assert answer.status_code in (400, 404), answer.text
        assert answer.json()["detail"]


@pytest.mark.parametrize("session", ["../sessions", "x", "00000000-0000-0000-0000-000000000000"])
def test_unknown_session_is_refused(server: Server, session: str) -> None:
    assert server.post(f"/infer/{MODEL}", params={"session_id": session}).status_code >= 400
    assert server.get(f"/session/{session}").status_code == 404


def test_uploaded_archive_is_refused(server: Server, tmp_path: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "films"), "zip", server.folder)
    with open(packed, "rb") as file:
        answer = server.request("PUT", "/session/?uncompress=true", files={"files": ("films.zip", file)})
    assert answer.status_code == 400
    assert "one film" in answer.json()["detail"]


def test_proposals_cannot_be_saved_as_final_labels(server: Server) -> None:
    refused = infer(server, "phantom_000", params={"save_label": True, "label_tag": "final"})
    assert refused.status_code == 400
    assert "a person accepted" in refused.json()["detail"]
    assert infer(server, "phantom_000", params={"save_label": True}).status_code == 200
    saved = server.get("/datastore/label", params={"label": "phantom_000", "tag": "original"})
    assert [markups["type"] for markups in saved.json()["markups"]] == ["Fiducial"]
    assert server.get("/datastore/label", params={"label": "phantom_000", "tag": "final"}).status_code == 404


def test_trained_weights_are_used_from_the_next_request_on(server: Server) -> None:
    before = infer(server, "phantom_000").json()
    train(server.folder / STATE_FOLDER / "bundle" / "models" / "model.pt")
    after = infer(server, "phantom_000").json()
    assert after["weights"] != before["weights"]
    assert confidences(after) != confidences(before)
