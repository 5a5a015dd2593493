"""Active learning over HTTP: films are recorded in the background, once, and the records choose the next film."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monai_ceph.active_learning.uncertainty import FilmRecord, read_records
from monai_ceph.film_records import FilmRecords
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import MODEL, Server, draw_films


def wait_for_records(server: Server, films: int, seconds: float = 180) -> dict[str, FilmRecord]:
    """Wait for this many records and return them."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        records = read_records(server.folder / ".monai_ceph" / "uncertainty")
        if len(records) == films and server.wait_for("scoring")["status"] == "DONE":
            return records
        time.sleep(0.3)
    raise AssertionError(f"{len(records)} of {films} films have a record:\n{server.log.read_text()[-3000:]}")


def test_films_are_handed_out_by_uncertainty_until_all_are_labelled(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server(draw_films(tmp_path / "films"), "--spacing", str(SPACING_MM), "--device", "cpu")
    info = server.get("/info/").json()
    assert info["strategies"].keys() == {"most_uncertain", "most_different", "random", "first"}
    assert info["scoring"].keys() == {"uncertainty", "landmark_error"}

    records = wait_for_records(server, 3)
    by_uncertainty = sorted(records, key=lambda film: -records[film].uncertainty)
    for film in by_uncertainty:
        next_film = server.post("/activelearning/most_uncertain", json={}).json()
        assert next_film["id"] == film and next_film["path"] == ""
        assert next_film["uncertainty"] == round(records[film].uncertainty, 4)
        proposed = server.post(f"/infer/{MODEL}", params={"image": film, "output": "image"}, data={})
        assert server.put_label(film, proposed.content, tag="original").status_code == 200
        assert server.put_label(film, proposed.content).status_code == 200
    for strategy in info["strategies"]:
        assert server.post(f"/activelearning/{strategy}", json={}).json() == {}

    # All films had a record, so no request started another process.
    assert [task["request"]["method"] for task in server.get("/scoring/?all=true").json()] == ["uncertainty"]

    result: dict[str, Any] = server.post("/scoring/landmark_error?run_sync=true", json={}).json()
    assert (result["pairs"], result["mre_px"], result["sdr_2mm_percent"]) == (3, 0, 100)
    again = server.post("/scoring/uncertainty?run_sync=true", json={}).json()
    assert again["scored"] == 0
    assert again["uncertainty"] == {film: records[film].uncertainty for film in sorted(records)}
    assert server.post("/scoring/dice", json={}).status_code == 404


def test_film_added_later_is_recorded_at_the_next_request(start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server(draw_films(tmp_path / "films", 2), "--spacing", str(SPACING_MM), "--device", "cpu")
    wait_for_records(server, 2)
    content = (draw_films(tmp_path / "more", 1, seed=50) / "phantom_000.png").read_bytes()
    (server.folder / "new.png").write_bytes(content)
    assert server.post("/activelearning/most_different", json={}).status_code == 200
    assert "new" in wait_for_records(server, 3)
    record = FilmRecords(server.folder / ".monai_ceph" / "uncertainty").read("new")
    assert record is not None and record["error"] == ""
