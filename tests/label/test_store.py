"""Films and labels through MONAI Label's endpoints, and the datastore's methods without a server."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import itk
import numpy as np
import pytest

from monai_ceph.data.label_check import LARGEST_BYTES
from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.data.viewer_frame import viewer_frame
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.landmarks import ISBI19
from tests.data.label_files import AB, label_bytes, write_film
from tests.label.conftest import Server, draw_films, hosted

POINTS = np.stack([np.linspace(10, 300, 19), np.linspace(20, 390, 19)], 1)


@pytest.fixture(scope="module")
def server(label_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with films of its own, since these tests save and delete."""
    folder = draw_films(tmp_path_factory.mktemp("store") / "my films", count=4)
    with hosted(folder, label_bundle) as started:
        yield started


def label(server: Server, film: str = "phantom_000", shift: float = 0.0) -> bytes:
    return label_bytes(server.folder / f"{film}.png", POINTS + shift, ISBI19)


def final_files(server: Server) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (server.folder / "labels").rglob("*.mrk.json")}


def test_label_is_saved_read_listed_and_removed(server: Server) -> None:
    content, film = label(server, "phantom_001"), "phantom_001"
    answer = server.put_label(film, content, params=json.dumps({"user": "anna", "label_info": [{"name": "S"}]}))
    assert (answer.status_code, answer.json()["label"]) == (200, film)
    assert (server.folder / "labels" / "annotators" / "anna" / f"{film}.mrk.json").read_bytes() == content

    answer = server.get(f"/datastore/label?label={film}&tag=final")
    assert answer.content == content
    info = server.get(f"/datastore/label/info?label={film}&tag=final").json()
    assert (info["user"], info["name"], info["label_info"]) == ("anna", f"{film}.mrk.json", [{"name": "S"}])
    everything = server.get("/datastore/?output=all").json()
    assert everything["objects"][film]["labels"]["final"] == {"ext": ".mrk.json", "info": info}
    image = everything["objects"][film]["image"]
    assert (image["ext"], image["info"]["name"], image["info"]["path"]) == (
        ".png",
        f"{film}.png",
        str(server.folder / f"{film}.png"),
    )
    status = server.get("/datastore/").json()
    assert (status["total"], status["label_tags"]["final"]) == (4, status["completed"])
    train = server.get("/datastore/?output=train").json()
    assert {"image": image["info"]["path"], "label": str(server.folder / f"labels/final/{film}.mrk.json")} in train

    assert server.request("DELETE", f"/datastore/label?id={film}&tag=final").status_code == 200
    for path in ("label?label", "label/info?label"):
        assert server.get(f"/datastore/{path}={film}&tag=final").status_code == 404
    answer = server.request("DELETE", f"/datastore/label?id={film}&tag=final")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        f"Film '{film}' has no label with the tag 'final'.",
    )
    assert len(list((server.folder / "labels" / "history" / film).iterdir())) == 1


def test_annotators_are_kept_apart(server: Server) -> None:
    film = "phantom_002"
    for params in ({"user": "anna"}, {"client_id": "ben"}, {}):
        server.put_label(film, label(server, film), params=json.dumps(params))
    found = {path.parent.name for path in (server.folder / "labels" / "annotators").glob(f"*/{film}.mrk.json")}
    assert found == {"anna", "ben", "unknown"}


def bad_labels() -> dict[str, tuple[bytes, int, str]]:
    def content(**changes: Any) -> bytes:
        points = [
            {"label": s, "position": [x, y, 0.0]} for s, (x, y) in zip(ISBI19.symbols, POINTS.tolist(), strict=True)
        ]
        markup = {"type": "Fiducial", "controlPoints": points} | changes
        if "point" in changes:
            points[0] |= markup.pop("point")
        return json.dumps({"markups": [markup]}).encode()

    return {
        "missing points": (content(controlPoints=[]), 400, "without S N Or"),
        "nan": (
            content(point={"position": [float("nan"), 0, 0]}),
            400,
            "expected a position [x, y, z] of three numbers",
        ),
        "wrong name": (content(point={"label": "F-1"}), 400, "'F-1' is no landmark of scheme 'isbi19'"),
        "off the film": (
            content(point={"position": [400, 0, 0]}),
            400,
            "landmark S at (400.0, 0.0) px is off the 323 x",
        ),
        "off the plane": (content(point={"position": [9, 9, 5]}), 400, "landmark S is 5 mm off the film's plane"),
        "ten megabytes": (b" " * 10_000_000, 413, "expected at most 1 MB"),
        "just too large": (content().ljust(LARGEST_BYTES + 1), 413, "expected at most 1 MB"),
        "no json": (b"\x89PNG", 400, "expected UTF-8 text with Slicer markups"),
        "deep json": (b"[" * 900_000, 400, "lists too deep"),
        "empty": (b"", 400, "this is not JSON"),
    }


@pytest.mark.parametrize("name", bad_labels())
def test_bad_label_is_refused_with_a_message_and_changes_nothing(server: Server, name: str) -> None:
    server.put_label("phantom_000", label(server))
    before = final_files(server)
    content, status, message = bad_labels()[name]
    answer = server.put_label("phantom_000", content)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith("The label of film 'phantom_000'") and message in answer.json()["detail"]
    assert final_files(server) == before


@pytest.mark.parametrize(
    ("film", "tag", "params", "status", "message"),
    [
        ("none", "final", {}, 404, "There is no film 'none' in the folder."),
        ("../my films/phantom_000", "final", {}, 404, "There is no film"),
        ("/etc/passwd", "final", {}, 404, "There is no film"),
        ("phantom_000", "../final", {}, 400, "Expected a plain name as tag"),
        ("phantom_000", "/tmp/x", {}, 400, "Expected a plain name as tag"),
        ("phantom_000", "history", {}, 400, "The tag cannot be 'history'"),
        ("phantom_000", "final", {"user": "../../x"}, 400, "Expected a plain name as user"),
        ("phantom_000", "final", {"user": ["x"]}, 400, "Expected a plain name as user"),
        ("phantom_000", "final", [], 200, ""),
        ("phantom_000", "final", [1], 400, "Expected the info to be a JSON object, got list"),
        ("phantom_000", "final", {"a": float("nan")}, 400, "cannot be written as JSON"),
        ("phantom_000", "final", {"screen": {"size": [9, 9]}}, 400, "screen: expected"),
    ],
)
def test_bad_names_and_info(
    server: Server, film: str, tag: str, params: Any, status: int, message: str, tmp_path: Path
) -> None:
    before = final_files(server)
    answer = server.put_label(film, label(server), tag, json.dumps(params))
    assert answer.status_code == status and message in answer.text
    assert (final_files(server) == before) == (status != 200)


def test_label_for_a_film_shown_with_another_spacing_is_refused(server: Server) -> None:
    screen = {"size": [323, 400], "ijk_to_lps": (np.eye(4) * 0.1).tolist()}
    answer = server.put_label("phantom_000", label(server), params=json.dumps({"screen": screen}))
    assert answer.status_code == 400 and "another geometry than the file" in answer.json()["detail"]
    screen["ijk_to_lps"] = np.eye(4).tolist()
    assert server.put_label("phantom_000", label(server), params=json.dumps({"screen": screen})).status_code == 200


@pytest.mark.parametrize("film", ["none", "../phantom_000", "/etc/passwd", "..", ".monai_ceph/bundle/models/model.pt"])
def test_invalid_film_ids(server: Server, film: str) -> None:
    asked = quote(film, safe="")
    for method, path in (
        ("GET", f"/datastore/image?image={asked}"),
        ("HEAD", f"/datastore/image?image={asked}"),
        ("GET", f"/datastore/image/info?image={asked}"),
        ("PUT", f"/datastore/image/info?image={asked}"),
        ("DELETE", f"/datastore/image?id={asked}"),
        ("GET", f"/datastore/label?label={asked}&tag=final"),
        ("HEAD", f"/datastore/label?image={asked}&tag=final"),
        ("GET", f"/datastore/label/info?label={asked}&tag=final"),
        ("PUT", f"/datastore/label/info?label={asked}&tag=final"),
        ("DELETE", f"/datastore/label?id={asked}&tag=final"),
    ):
        answer = server.request(method, path, data={"info": "{}"} if method == "PUT" else None)
        assert answer.status_code == 404, (method, path, answer.text)


def test_info_of_films_and_labels(server: Server) -> None:
    film = "phantom_000"
    server.put_label(film, label(server), params='{"user": "anna", "replace": true}')
    put = server.request("PUT", f"/datastore/image/info?image={film}", data={"info": '{"level": "hard", "path": "x"}'})
    assert put.status_code == 200
    info = server.get(f"/datastore/image/info?image={film}").json()
    assert (info["level"], info["path"]) == ("hard", "")
    server.request("PUT", f"/datastore/label/info?label={film}&tag=final", data={"info": '{"seen": true}'})
    info = server.get(f"/datastore/label/info?label={film}&tag=final").json()
    assert (info["seen"], info["user"]) == (True, "anna")
    for bad in ("[1]", '{"a": NaN}', "{"):
        put = server.request("PUT", f"/datastore/image/info?image={film}", data={"info": bad})
        assert put.status_code == 400, put.text
    assert server.get("/datastore/?output=all").status_code == 200


def test_film_can_be_uploaded_once(server: Server, tmp_path: Path) -> None:
    upload = write_film(tmp_path / "up.jpg")

    def put(film: str, name: str = "up.jpg", content: bytes = b"") -> Any:
        files = {"file": (name, content or upload.read_bytes())}
        return server.request("PUT", "/datastore/image", params={"image": film}, files=files)

    assert put("new film").json() == {"image": "new film"}
    assert server.get("/datastore/image?image=new film").content == upload.read_bytes()
    before = sorted(server.folder.iterdir())
    for film, name, content, status, sentence in (
        ("new film", "up.jpg", b"", 409, "There is a film 'new film' already"),
        ("phantom_000", "up.jpg", b"", 409, "There is a film 'phantom_000' already"),
        ("../out", "up.jpg", b"", 400, "Expected a plain name as film id"),
        ("bad", "up.png", b"no film", 400, "Film 'bad': its content is not a readable image"),
        ("bad", "up.exe", b"", 400, "Film 'bad': expected a file ending in"),
    ):
        answer = put(film, name, content)
        assert (answer.status_code, sentence in answer.json()["detail"]) == (status, True), answer.text
    assert sorted(server.folder.iterdir()) == before
    assert server.request("DELETE", "/datastore/image?id=new film").status_code == 200
    assert server.request("DELETE", "/datastore/image?id=new film").status_code == 404
    assert not (server.folder / "new film.jpg").exists()


def test_dataset_archive_holds_films_and_labels(server: Server, tmp_path: Path) -> None:
    for film in ("phantom_000", "phantom_003"):
        server.put_label(film, label(server, film, 0.125))
    answer = server.get("/datastore/dataset")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    films = LabelFolder(tmp_path)
    assert {"phantom_000", "phantom_003"} <= films.labels().keys()
    assert films.film("phantom_003").read_bytes() == (server.folder / "phantom_003.png").read_bytes()
    points = read_annotations(tmp_path / "landmarks.csv").points_px
    assert points.keys() == films.labels().keys()
    np.testing.assert_allclose(points["phantom_003"], POINTS + 0.125, atol=1e-3)
    with zipfile.ZipFile(io.BytesIO(server.get("/datastore/dataset?limit_cases=1").content)) as archive:
        assert sum(name.endswith(".png") for name in archive.namelist()) == 1


# --- without a server


def store(folder: Path) -> Any:
    from monai_ceph.label.store import FilmStore

    return FilmStore(LabelFolder(folder, AB))


def test_every_datastore_method(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a film.PNG")
    write_film(tmp_path / "b.png")
    (tmp_path / "upload.bin").write_bytes(label_bytes(film, [[1, 2], [3, 4]]))
    films = store(tmp_path)
    assert films.name() == tmp_path.name
    films.set_name("x")
    films.set_description("y")
    films.refresh()
    assert (films.name(), films.description(), films.json()["name"]) == ("x", "y", "x")
    assert films.list_images() == films.get_unlabeled_images() == ["a film", "b"]
    assert films.save_label("a film", str(tmp_path / "upload.bin"), "original", {}) == "a film"
    assert films.get_labeled_images("original") == []
    assert films.save_label("a film", str(tmp_path / "upload.bin"), "final", {}) == "a film"
    assert (films.get_labeled_images("original"), films.get_unlabeled_images()) == (["a film"], ["b"])
    assert films.get_labels_by_image_id("a film") == {"final": "a film", "original": "a film"}
    assert (films.get_label_by_image_id("a film", "final"), films.get_label_by_image_id("b", "final")) == ("a film", "")
    assert films.get_image("a film").read() == film.read_bytes()
    assert films.get_label("a film", "final").read() == (tmp_path / "upload.bin").read_bytes()
    assert films.get_image("c") is films.get_label("b", "final") is None
    assert films.get_image_uri("a film") == str(film)
    assert films.status() == {"total": 2, "completed": 1, "label_tags": {"final": 1, "original": 1}}
    assert films.json()["objects"]["a film"]["image"]["ext"] == ".PNG"


def test_user_of_the_token_takes_precedence(tmp_path: Path) -> None:
    from monai_ceph.label.store import current_user

    film = write_film(tmp_path / "a.png")
    (tmp_path / "upload.bin").write_bytes(label_bytes(film, [[1, 2], [3, 4]]))
    films = store(tmp_path)
    token = current_user.set("anna")
    try:
        films.save_label("a", str(tmp_path / "upload.bin"), "final", {"user": "mallory", "client_id": "mallory"})
    finally:
        current_user.reset(token)
    assert films.get_label_info("a", "final")["user"] == "anna"
    assert list(films.folder.annotators()) == ["anna"]


def test_dicom_without_a_suffix_is_downloaded_with_one(tmp_path: Path) -> None:
    (tmp_path / "1.2.840.1").write_bytes(b"\0" * 128 + b"DICM")
    assert re.fullmatch(r"1\.2\.840\.1\.[a-p]{8}\.dcm", store(tmp_path).get_image_info("1.2.840.1")["name"])


def test_viewer_does_not_read_numbered_films_as_slices(tmp_path: Path) -> None:
    # Checked against the class with which 3D Slicer groups the files of a folder.
    for folder in ("films", "cache"):
        (tmp_path / folder).mkdir()
    films, cache = store(tmp_path / "films"), tmp_path / "cache"
    for name in ("film_1.png", "film_2.png", "003.nii.gz", "004.nii.gz"):
        (tmp_path / "films" / name).write_bytes(b"film")
        shutil.copy(tmp_path / "films" / name, cache)
    assert len(slices(cache / "film_1.png")) == 2
    names = [films.get_image_info(film)["name"] for film in films.list_images()]
    for name in names:
        (cache / name).write_bytes(b"film")
    assert [slices(cache / name) for name in names] == [[str(cache / name)] for name in names]


def slices(path: Path) -> list[str]:
    return list(itk.ArchetypeSeriesFileNames.New(Archetype=str(path)).GetFileNames())


def test_replaced_film_has_a_new_name_for_the_viewers_cache(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(b"film")
    before = store(tmp_path).get_image_info("film")["name"]
    assert store(tmp_path).get_image_info("film")["name"] == before
    (tmp_path / "film.png").write_bytes(b"a better film")
    assert store(tmp_path).get_image_info("film")["name"] != before


def test_archive_of_a_film_with_a_time_before_1980(tmp_path: Path) -> None:
    from fastapi import HTTPException

    film = write_film(tmp_path / "a.png")
    films = store(tmp_path)
    with pytest.raises(HTTPException) as caught:
        films.get_dataset_archive()
    assert (caught.value.status_code, caught.value.detail) == (404, "No film has a final label yet.")
    films.folder.save("a", label_bytes(film, [[1, 2], [3, 4]]))
    os.utime(film, (0, 0))
    with zipfile.ZipFile(films.get_dataset_archive()) as archive:
        assert archive.namelist() == ["a.png", "labels/final/a.mrk.json", "landmarks.csv"]
    assert viewer_frame(film).size == (20, 30)
