"""Sessions: films that a client uploads for inference only, and that are removed after an hour."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from monailabel.utils.sessions import SessionInfo, Sessions

HALF_MADE = 600
"""Age in seconds after which a session's folder without a description counts as left behind."""
SESSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FilmSessions(Sessions):
    """Hold one film per session; only ids that this class issued are accepted, as the stock class opens any path."""

    def get_session(self, session_id: str, update_ts: bool = True, fetch_cache: bool = True) -> SessionInfo | None:
        if not SESSION.fullmatch(session_id):
            return None
        return super().get_session(session_id, update_ts, fetch_cache)

    def remove_expired(self) -> int:
        """Remove expired films and the incomplete folders of killed processes; return how many."""
        removed = 0
        for folder in Path(self.store_path).glob("*-*-*-*-*"):
            info = self.get_session(folder.name, update_ts=False, fetch_cache=False)
            until = folder.stat().st_mtime + HALF_MADE if info is None else info.last_access_ts + info.expiry
            if until < time.time():
                self.remove_session(folder.name)
                removed += 1
        return removed

    def add_session(self, data_file: str, expiry: int = 0, uncompress: bool = False, session_id: Any = None) -> Any:
        """Add a session; raise HTTPException 400 for an archive, whose paths are not safe, or for several files."""
        if uncompress or Path(data_file).is_dir():
            raise HTTPException(400, "A session holds one film; send one uncompressed file.")
        return super().add_session(data_file, expiry)
