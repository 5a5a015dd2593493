"""Films of a DICOMweb store: a real Orthanc with drawn films, and a real server over it."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ceph.data.film import read_film
from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.formats.markups import to_markups
from monai_ceph.phantoms import draw_phantom
from monai_ceph.prediction import Prediction
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import MODEL, running
from tests.label.orthanc import Orthanc, film_as_dicom, running_orthanc

SIZE = (323, 400)
FIRST, SECOND, THIRD, CR, REPORT, MANY = (f"1.2.826.0.1.3680043.8.498.{k}" for k in range(1, 7))


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Three films, one of another modality, a report with modality DX, and a series of two images."""
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as started:
        for seed, series in enumerate((FIRST, SECOND, THIRD)):
            started.upload(film_as_dicom(series, pixels(seed), SPACING_MM))
        started.upload(film_as_dicom(CR, pixels(3), SPACING_MM, Modality="CR"))
        started.upload(film_as_dicom(REPORT, None))
        for number in (2, 1):
            uid = f"{MANY}.{10 - number}"
            started.upload(film_as_dicom(MANY, pixels(number), InstanceNumber=number, SOPInstanceUID=uid))
        yield started


def pixels(seed: int) -> np.ndarray:
    return draw_phantom(seed, SIZE, SPACING_MM).image


@pytest.fixture
def make_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """``make_store(url, **settings)``: a store with a cache in ``tmp_path`` and changed settings of MONAI Label."""
    pytest.importorskip("monailabel")
    from monailabel.config import settings

    from monai_ceph.data.label_folder import LabelFolder
    from monai_ceph.label.dicomweb import DicomWebStore

    def make(url: str, **changed: Any) -> DicomWebStore:
        for name, value in changed.items():
            monkeypatch.setattr(settings, f"MONAI_LABEL_DICOMWEB_{name}", value)
        return DicomWebStore(LabelFolder(tmp_path), url)

    return make


@pytest.fixture
def refused() -> Callable[..., Any]:
    """``with refused(status, text)``: expects an HTTPException with this status and this text in its message."""
    from contextlib import contextmanager

    from fastapi import HTTPException

    @contextmanager
    def check(status: int, text: str) -> Iterator[None]:
        with pytest.raises(HTTPException) as caught:
            yield
        assert caught.value.status_code == status
        assert text in caught.value.detail

    return check


def test_series_of_the_modality_are_the_films(orthanc: Orthanc, make_store: Callable[..., Any]) -> None:
    assert make_store(orthanc.url).list_images() == sorted([FIRST, SECOND, THIRD, REPORT, MANY])


def test_another_modality_by_the_users_filter(orthanc: Orthanc, make_store: Callable[..., Any]) -> None:
    assert make_store(orthanc.url, SEARCH_FILTER={"Modality": "CR"}).list_images() == [CR]
    both = make_store(orthanc.url, SEARCH_FILTER={"Modality": ["DX", "CR"], "PatientID": "PHANTOM"}).list_images()
    assert both == sorted([FIRST, SECOND, THIRD, CR, REPORT, MANY])


def test_film_is_downloaded_once_with_its_spacing(
    orthanc: Orthanc, make_store: Callable[..., Any], tmp_path: Path
) -> None:
    store = make_store(orthanc.url)
    path = Path(store.get_image_uri(SECOND))
    film, info = read_film(path)
    assert path == tmp_path / f"{SECOND}.dcm"
    np.testing.assert_array_equal(film, pixels(1))
    assert info.spacing_mm == (SPACING_MM, SPACING_MM) and info.spacing_source == "file: ImagerPixelSpacing"
    assert [name.name for name in tmp_path.glob("*.dcm")] == [f"{SECOND}.dcm"]
    # It was downloaded before, so no archive is asked.
    assert Path(make_store("http://127.0.0.1:9/dicom-web").get_image_uri(SECOND)) == path


def test_first_image_of_a_series_by_its_number(
    orthanc: Orthanc, make_store: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        film, _ = read_film(make_store(orthanc.url).get_image_uri(MANY))
    np.testing.assert_array_equal(film, pixels(1))
    assert f"Series '{MANY}' has 2 images; the first is used as the film." in caplog.text


def test_series_without_an_image_is_refused_and_leaves_no_file(
    orthanc: Orthanc, make_store: Callable[..., Any], refused: Callable[..., Any], tmp_path: Path
) -> None:
    with refused(422, f"Series '{REPORT}' is not a film: this DICOM file holds no image"):
        make_store(orthanc.url).get_image_uri(REPORT)
    assert not list(tmp_path.glob("*.dcm")) and not list(tmp_path.glob(".*.dcm"))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "1.2/../../3", "1..2", "", ".1", "1.2.", "1" * 65, "a.1", "1.2\n"]
)
def test_only_a_uid_is_used_as_a_file_name(
    name: str, make_store: Callable[..., Any], refused: Callable[..., Any]
) -> None:
    # No archive runs at this address, so asking it would give 502.
    with refused(404, "a film's id is its SeriesInstanceUID"):
        make_store("http://127.0.0.1:9/dicom-web").get_image_uri(name)


def test_unknown_series_is_not_found(
    orthanc: Orthanc, make_store: Callable[..., Any], refused: Callable[..., Any]
) -> None:
    with refused(404, "There is no film '1.2.3' in the DICOMweb store"):
        make_store(orthanc.url).get_image_uri("1.2.3")


def test_unreachable_archive_is_reported(make_store: Callable[..., Any], refused: Callable[..., Any]) -> None:
    with refused(502, "cannot be reached; check its address and that it is running"):
        make_store("http://127.0.0.1:9/dicom-web").list_images()


def test_address_without_dicomweb_is_reported(
    orthanc: Orthanc, make_store: Callable[..., Any], refused: Callable[..., Any]
) -> None:
    with refused(502, "answered 404; check its address"):
        make_store(f"{orthanc.rest}/nothing").list_images()
    with refused(502, "is not valid DICOMweb"):
        make_store(f"{orthanc.rest}/app/explorer.html?").list_images()


def test_user_and_password(tmp_path: Path, make_store: Callable[..., Any], refused: Callable[..., Any]) -> None:
    with running_orthanc(tmp_path / "orthanc", login=("reader", "secret")) as closed:
        with refused(502, "answered 401; set MONAI_LABEL_DICOMWEB_USERNAME and MONAI_LABEL_DICOMWEB_PASSWORD"):
            make_store(closed.url).list_images()
        assert make_store(closed.url, USERNAME="reader", PASSWORD="secret").list_images() == []


def test_films_are_added_and_removed_only_in_the_archive(
    make_store: Callable[..., Any], refused: Callable[..., Any]
) -> None:
    store = make_store("http://127.0.0.1:9/dicom-web")
    with refused(405, "send the film there"):
        store.add_image("1.2.3", "film.dcm", {})
    with refused(405, "remove the film there"):
        store.remove_image("1.2.3")


def test_label_of_a_film_that_was_not_downloaded_yet(
    orthanc: Orthanc, make_store: Callable[..., Any], tmp_path: Path
) -> None:
    store, label = make_store(orthanc.url), tmp_path / "label.mrk.json"
    label.write_text(json.dumps(markups(0)))
    store.save_label(FIRST, str(label), "final", {})
    assert store.get_labeled_images() == [FIRST]
    assert store.get_unlabeled_images() == sorted([SECOND, THIRD, REPORT, MANY])


def markups(seed: int) -> dict[str, Any]:
    """Return a label with the phantom's own landmarks, as Slicer would send it."""
    phantom = draw_phantom(seed, SIZE, SPACING_MM)
    known = np.full(len(phantom.scheme), np.nan)
    spacing = (SPACING_MM, SPACING_MM)
    content = to_markups(Prediction("film.dcm", phantom.scheme, phantom.points_px, known, spacing, "user"))
    del content["markups"][0]["film"]  # Slicer drops what it does not know
    return content


def test_annotation_session_over_a_dicomweb_store(
    orthanc: Orthanc, label_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    command = (sys.executable, "-m", "monai_ceph", "label", "--dicomweb", orthanc.url, "--cache", str(cache))
    command += ("--port", "0", "--bundle", str(label_bundle), "--device", "cpu")
    with running(cache, command=command) as server:
        assert server.get("/info/").json()["datastore"]["total"] == 5
        given = server.post("/activelearning/first", json={}).json()
        assert given["id"] == FIRST and (cache / f"{FIRST}.dcm").is_file()
        assert re.fullmatch(re.escape(FIRST) + r"\.[a-p]{8}\.dcm", given["name"])
        proposed = server.post(f"/infer/{MODEL}", params={"image": FIRST, "output": "json"})
        assert proposed.status_code == 200 and len(proposed.json()["landmarks"]) == 19
        assert server.put_label(FIRST, json.dumps(markups(0))).status_code == 200
        assert server.put_label("1.2.3", json.dumps(markups(0))).status_code == 404
        assert server.post("/activelearning/first", json={}).json()["id"] == SECOND
    with running(cache, command=command) as server:
        assert server.get("/info/").json()["datastore"]["completed"] == 1
        saved = server.get("/datastore/label", params={"label": FIRST, "tag": "final"})
        assert saved.json() == markups(0)
    [item] = LabelFolder(cache).items()
    assert item["film"] == FIRST
    np.testing.assert_allclose(item["points_px"], draw_phantom(0, SIZE, SPACING_MM).points_px, atol=0.01)


def test_server_reports_that_the_archive_is_unreachable(label_bundle: Path, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "monai_ceph", "label", "--dicomweb", "http://127.0.0.1:9/dicom-web")
    command += ("--cache", str(tmp_path), "--port", "0", "--bundle", str(label_bundle))
    ran = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert ran.returncode == 1
    assert "The DICOMweb store http://127.0.0.1:9/dicom-web cannot be reached; check its address" in ran.stderr
    assert "Traceback" not in ran.stderr
