"""Requests that check first, on a server in this process: labels, weights, trainings, scores, and what is reported."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock

from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.markups import to_markups
from monai_ceph.landmarks import ISBI19
from monai_ceph.prediction import Prediction
from tests.bundles.tiny import SPACING_MM
from tests.data.label_files import label_bytes
from tests.label.conftest import MODEL, Hosted, draw_films, hosted


@pytest.fixture(scope="module")
def server(face_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    folder = draw_films(tmp_path_factory.mktemp("endpoints") / "films")
    with hosted(folder, face_bundle, spacing=str(SPACING_MM)) as started:
        yield started


@pytest.fixture(scope="module")
def truth(server: Hosted) -> dict[str, np.ndarray]:
    return dict(read_annotations(server.folder / "points.csv").points_px)


@pytest.fixture(autouse=True)
def _no_labels(server: Hosted) -> Iterator[None]:
    yield
    shutil.rmtree(server.folder / "labels", ignore_errors=True)


def label(server: Hosted, points_px: np.ndarray, film: str = "phantom_000") -> bytes:
    return label_bytes(server.folder / f"{film}.png", points_px, ISBI19)


def put(server: Hosted, content: bytes, film: str = "phantom_000", user: str = "anna", **query: str) -> Any:
    return server.request(
        "PUT",
        "/datastore/label",
        params={"image": film, **query},
        files={"label": ("x.mrk.json", content)},
        data={"params": json.dumps({"user": user})},
    )


# --- what only reports never makes a request fail


@pytest.mark.parametrize("state", ["no epoch yet", "progress cut short", "broken settings"])
def test_unfinished_training_makes_no_request_fail(server: Hosted, state: str) -> None:
    bundle = server.app.model.bundle
    run = bundle / "runs" / "finetune" / "20260101T000000.000000Z"
    run.mkdir(parents=True)
    (run / "films.json").write_text('{"films": []}')
    if state == "progress cut short":
        (run / "progress.json").write_text('{"run"')
        (run / "result.json").write_text('{"replaced": true}')
    if state == "broken settings":
        (bundle / "configs" / "finetune.json").write_text("{")
    try:
        for answer in (
            server.get("/info/"),
            server.post("/activelearning/first"),
            server.post(f"/infer/{MODEL}?image=phantom_000&output=json"),
            server.get(f"/model/info/{MODEL}"),
        ):
            assert answer.status_code == 200, answer.text
    finally:
        shutil.rmtree(bundle / "runs")
        (bundle / "configs" / "finetune.json").unlink(missing_ok=True)


# --- labels


def test_markups_of_the_package_are_read_in_their_own_frame(server: Hosted, truth: dict[str, np.ndarray]) -> None:
    """``Prediction.save_markups`` writes calibrated mm and says so; a viewer's frame would put S elsewhere."""
    points = truth["phantom_000"]
    predicted = Prediction("phantom_000.png", ISBI19, points, np.ones(19), (0.2, 0.2), "user")
    content = to_markups(predicted)
    answer = put(server, json.dumps(content).encode())
    assert answer.status_code == 200, answer.text
    [item] = server.app.datastore().folder.items()
    np.testing.assert_allclose(item["points_px"], points, atol=1e-3)

    del content["markups"][0]["film"]  # as Slicer drops it when it saves the file
    answer = put(server, json.dumps(content).encode())
    assert answer.status_code == 409 and "times the usual size" in answer.json()["detail"]


def odd(points: np.ndarray, kind: str) -> np.ndarray:
    return {
        "swapped": points[[1, 0, *range(2, 19)]],
        "one pixel": np.full((19, 2), 50.0),
        "another frame": points * 0.2,
        "mirrored": points * np.array([-1, 1]) + np.array([322, 0]),
        "another film": points + np.array([0, 30]),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("swapped", "S N lie where the other landmarks leave no room"),
        ("one pixel", "its points do not lie as the landmarks of a face do"),
        ("another frame", "times the usual size"),
        ("mirrored", "it looks to the left, but the film to the other side"),
        ("another film", "it lies 18 mm from the model's proposal"),
    ],
)
def test_odd_label_is_saved_only_by_force(
    server: Hosted, truth: dict[str, np.ndarray], kind: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = truth["phantom_001"]
    pose = {"working_mm": SPACING_MM, "turn_deg": 0.0, "mirrored": 0.0, "inverted": 0.0, "agreement": 0.9}
    proposed = Prediction("phantom_001.png", ISBI19, points, np.ones(19), (SPACING_MM, SPACING_MM), "user", pose=pose)
    monkeypatch.setattr(server.app.proposals, "known", lambda film: proposed)
    content = label(server, odd(points, kind), "phantom_001")
    refused = put(server, content, "phantom_001")
    assert refused.status_code == 409
    assert message in refused.json()["detail"] and refused.json()["detail"].endswith("again with force=true.")
    assert not (server.folder / "labels").exists()
    assert put(server, content, "phantom_001", force="true").json()["final"] is True
    assert put(server, label(server, points + 2, "phantom_001"), "phantom_001").status_code == 200


def test_film_is_predicted_to_tell_whether_a_mirrored_label_is_right(
    server: Hosted, truth: dict[str, np.ndarray]
) -> None:
    """The tiny network sees no face, so there is nothing to compare with; the label may be right."""
    points = odd(truth["phantom_002"], "mirrored")
    film = Path(shutil.copy(server.folder / "phantom_002.png", server.folder / "new.png"))
    assert server.app.proposals.known(film) is None
    assert put(server, label(server, points, "new"), "new").status_code == 200
    assert server.app.proposals.known(film) is not None
    film.unlink()


def test_another_annotators_final_label_is_replaced_only_if_asked(server: Hosted, truth: dict[str, np.ndarray]) -> None:
    annas, bos = (label(server, truth["phantom_000"] + shift) for shift in (0, 1))
    final = server.folder / "labels" / "final" / "phantom_000.mrk.json"
    assert put(server, annas).json() == {
        "image": "phantom_000",
        "label": "phantom_000",
        "final": True,
        "saved": "19 landmarks of 'phantom_000' are saved as anna's final label.",
    }
    answer = put(server, bos, user="bo").json()
    assert answer["final"] is False and final.read_bytes() == annas
    assert answer["saved"] == (
        "19 landmarks of 'phantom_000' are saved as bo's. The film's final label is still anna's; send with "
        "replace=true to replace it."
    )
    assert (server.folder / "labels" / "annotators" / "bo" / "phantom_000.mrk.json").read_bytes() == bos
    assert put(server, bos, user="bo", replace="true").json()["final"] is True and final.read_bytes() == bos


def test_label_of_labelme_comes_back(server: Hosted, truth: dict[str, np.ndarray], tmp_path: Path) -> None:
    from monai_ceph.data.label_export import export_labels

    unseen = np.where(np.arange(19)[:, None] == 3, np.nan, truth["phantom_000"])
    put(server, label(server, unseen))
    assert [exported.failed for exported in export_labels(server.folder, tmp_path, "labelme")] == [[], []]
    exported = json.loads((tmp_path / "final" / "phantom_000.json").read_text())
    exported["shapes"][0]["points"] = [[130.25, 180.5]]  # the annotator drags S
    answer = put(server, json.dumps(exported).encode())
    assert answer.json()["saved"] == "18 landmarks of 'phantom_000' are saved as anna's final label."
    [item] = server.app.datastore().folder.items()
    np.testing.assert_allclose(item["points_px"], [[130.25, 180.5], *unseen[1:]], atol=1e-3)

    doubled = {**exported, "shapes": [*exported["shapes"], {**exported["shapes"][0], "points": [[1, 2]]}]}
    elsewhere = {**exported, "imagePath": "another.png"}
    for content, message in ((doubled, "landmark S is given 2 times"), (elsewhere, "another film, 'another.png'")):
        refused = put(server, json.dumps(content).encode())
        assert refused.status_code == 400 and message in refused.json()["detail"]


@pytest.mark.parametrize("where", ["beside the films", "in the temporary folder"])
def test_full_disk_is_reported(
    server: Hosted, truth: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if where == "beside the films":
        monkeypatch.setattr("monai_ceph.atomic.os.replace", full)
        answer = put(server, label(server, truth["phantom_000"]))
        said = "Cannot write"
    else:
        monkeypatch.setattr(shutil, "copyfileobj", full)
        content = (server.folder / "phantom_000.png").read_bytes()
        answer = server.request("PUT", "/datastore/image?image=new", files={"file": ("new.png", content)})
        said = "No space left on device (in a temporary folder)"
    assert answer.status_code == 507
    assert answer.json()["detail"].startswith(f"Nothing was saved. {said}")


# --- weights


def test_only_weights_of_this_network_are_taken_and_the_old_ones_are_kept(server: Hosted) -> None:
    def send(content: bytes) -> Any:
        return server.request("PUT", f"/model/{MODEL}", files={"file": ("model.pt", content)})

    weights = server.app.model.weights
    before = weights.read_bytes()
    other = io.BytesIO()
    torch.save(torch.nn.Linear(2, 2).state_dict(), other)
    for content, message in ((b"any bytes", "Cannot read weights from"), (other.getvalue(), "do not fit this network")):
        refused = send(content)
        assert refused.status_code == 400 and message in refused.json()["detail"]
        assert "'the file sent'" in refused.json()["detail"] and str(weights.parent) not in refused.json()["detail"]
    with FileLock(server.app.model.bundle / "runs" / "finetune" / ".lock"):
        assert send(before).status_code == 409  # a training would replace them again
    assert server.request("DELETE", f"/model/{MODEL}").status_code == 405
    assert weights.read_bytes() == before and [path.name for path in weights.parent.glob("*.pt")] == ["model.pt"]

    state = torch.load(weights, weights_only=True)
    new = io.BytesIO()
    torch.save({name: value + 0.05 if value.is_floating_point() else value for name, value in state.items()}, new)
    confidence = infer(server)["landmarks"][0]["confidence"]
    answer = send(new.getvalue()).json()
    assert weights.read_bytes() == new.getvalue() and infer(server)["landmarks"][0]["confidence"] != confidence
    assert server.get(f"/model/{MODEL}/previous").json() == [answer["previous"]]
    assert server.post(f"/model/{MODEL}/previous/{answer['previous']}").status_code == 200
    assert weights.read_bytes() == before and infer(server)["landmarks"][0]["confidence"] == confidence
    missing = server.post(f"/model/{MODEL}/previous/none")
    assert missing.status_code == 404 and answer["previous"] in missing.json()["detail"]


def infer(server: Hosted, film: str = "phantom_000") -> dict[str, Any]:
    answer = server.post(f"/infer/{MODEL}", params={"image": film, "output": "json"})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


# --- trainings and scores


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "1 films have a label; label at least 5 before training."),
        ({"stages": "all"}, "Expected stages to be one of local, global, both, got 'all'."),
        ({"stages": {"a": 1}}, "Expected stages to be one of local, global, both, got {'a': 1}."),
        ({"epochs": "many"}, "Expected epochs to be a number, got 'many'."),
    ],
)
def test_training_that_cannot_start_is_refused_at_once(
    server: Hosted, truth: dict[str, np.ndarray], options: dict[str, Any], message: str
) -> None:
    put(server, label(server, truth["phantom_000"]))
    answer = server.post(f"/train/{MODEL}", json=options)
    assert (answer.status_code, answer.json()["detail"]) == (400, message)
    assert server.get("/train/").status_code == 404  # no process was started


def test_training_process_ends_with_a_sentence(server: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.app, "_server_mode", False)
    monkeypatch.setattr(server.app, "_give_way", lambda: None)
    with pytest.raises(SystemExit, match="0 films have a label; label at least 5 before training"):
        server.app.train({"model": MODEL})


def test_error_of_proposals_is_computed_while_films_are_scored(server: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    from monailabel.utils.async_tasks import utils

    monkeypatch.setitem(utils.background_processes, "scoring", {"running": None})
    answer = server.post("/scoring/landmark_error?run_sync=true")
    assert (answer.status_code, answer.json()["pairs"]) == (200, 0)


# --- the films


def test_films_that_cannot_be_served_are_reported(server: Hosted, tmp_path: Path) -> None:
    assert server.get("/info/").json()["problems"] == []
    films = server.folder
    outside = films / "outside.png"
    outside.symlink_to(shutil.copy(films / "phantom_000.png", tmp_path))
    twin = Path(shutil.copy(films / "phantom_000.png", films / "phantom_000.bmp"))
    broken = films / "broken.png"
    broken.write_bytes(b"no film")
    server.app.check_films()
    try:
        twins, links, unreadable = server.get("/info/").json()["problems"]
        assert "'phantom_000.png' and 'phantom_000.bmp' have one id" in twins
        assert "lead out of the folder are not followed (outside.png)" in links
        assert unreadable.startswith("1 film cannot be read: ") and "broken.png" in unreadable
        refused = put(server, b"{}")
        assert refused.status_code == 409 and "There are 2 films 'phantom_000'" in refused.json()["detail"]
    finally:
        for path in (outside, twin, broken):
            path.unlink()
    assert server.get("/info/").json()["problems"] == []


def test_film_in_a_folder_is_served(server: Hosted, truth: dict[str, np.ndarray]) -> None:
    (server.folder / "anna").mkdir()
    film = Path(shutil.copy(server.folder / "phantom_001.png", server.folder / "anna" / "lateral.png"))
    try:
        everything = server.get("/datastore/?output=all").json()["objects"]
        assert everything["anna__lateral"]["image"]["info"]["name"] == "anna__lateral.png"
        assert server.get("/datastore/image?image=anna__lateral").content == film.read_bytes()
        proposal = server.post(f"/infer/{MODEL}?image=anna__lateral&output=image").json()
        assert proposal["markups"][0]["film"]["name"] == "anna__lateral.png"
        content = label_bytes(film, truth["phantom_001"], ISBI19)
        assert put(server, content, "anna__lateral").status_code == 200
        assert (server.folder / "labels" / "final" / "anna__lateral.mrk.json").read_bytes() == content
    finally:
        shutil.rmtree(film.parent)


def test_server_says_of_a_film_what_predict_says(server: Hosted, capsys: pytest.CaptureFixture[str]) -> None:
    from monai_ceph.cli import main

    message, output = infer(server)["message"], server.folder.parent / "predicted"
    bundle = str(server.app.model.bundle)
    film = str(server.folder / "phantom_000.png")
    options = ["--bundle", bundle, "--spacing", str(SPACING_MM), "--format", "csv", "--device", "cpu"]
    assert main(["predict", film, "--output", str(output), *options]) == 0
    assert f"phantom_000.png: {message}\n" in capsys.readouterr().err
    assert "no face was seen" in message


@pytest.mark.parametrize("path", ["/info", "/batch/infer/", "/train", "/scoring", "/datastore", "/logs"])
def test_path_answers_with_and_without_a_slash(server: Hosted, path: str) -> None:
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    first, second = (server.get(address, allow_redirects=False) for address in (path, other))
    assert first.status_code == second.status_code != 307 and first.content == second.content
