from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from fastapi import HTTPException

from monai_ceph.label.sessions import HALF_MADE, FilmSessions


@pytest.fixture
def sessions(tmp_path: Path) -> FilmSessions:
    return FilmSessions(str(tmp_path / "sessions"), 3600)


def _session(sessions: FilmSessions, tmp_path: Path) -> str:
    film = tmp_path / "film.png"
    film.write_bytes(b"a film")
    return str(sessions.add_session(str(film))[0])


def test_id_that_leads_out_of_the_folder_is_not_a_session(sessions: FilmSessions, tmp_path: Path) -> None:
    _session(sessions, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "meta.info").write_text(json.dumps({"name": "x", "path": "x", "image": str(tmp_path)}))
    assert sessions.get_session("../elsewhere") is None


def test_several_files_are_refused(sessions: FilmSessions, tmp_path: Path) -> None:
    with pytest.raises(HTTPException, match="one film"):
        sessions.add_session(str(tmp_path))


def test_expired_sessions_of_any_process_are_removed(sessions: FilmSessions, tmp_path: Path) -> None:
    over, fresh = _session(sessions, tmp_path), _session(sessions, tmp_path)
    info = sessions.get_session(over)
    info.last_access_ts = int(time.time()) - 3601
    sessions._write_meta_info(over, info)
    of_next_process = FilmSessions(sessions.store_path, 3600)
    assert of_next_process.remove_expired() == 1
    assert sorted(path.name for path in Path(sessions.store_path).iterdir()) == [fresh]


def test_incomplete_session_of_a_killed_server_is_removed(sessions: FilmSessions) -> None:
    half = Path(sessions.store_path) / "00000000-0000-0000-0000-000000000000"
    half.mkdir(parents=True)
    assert sessions.remove_expired() == 0  # it may still be written
    os.utime(half, (0, time.time() - HALF_MADE - 1))
    assert sessions.remove_expired() == 1
    assert not half.exists()
