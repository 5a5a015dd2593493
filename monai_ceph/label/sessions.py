"""Films that are not in the store: a client uploads one, asks the model about it, and it is removed after an hour."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from monailabel.utils.sessions import SessionInfo, Sessions

HALF_MADE = 600
"""Seconds after which a session's folder without a description is of no session that is being made."""
SESSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class FilmSessions(Sessions):
    """One film a session; a name is one that this class gave, since the stock class takes it for a path."""

    def get_session(self, session_id: str, update_ts: bool = True, fetch_cache: bool = True) -> SessionInfo | None:
        if not SESSION.fullmatch(session_id):
            return None
        return super().get_session(session_id, update_ts, fetch_cache)

    def remove_expired(self) -> int:
        """Removes the films whose time is over, and what a process that was killed left half made."""
        removed = 0
        for folder in Path(self.store_path).glob("*-*-*-*-*"):
            info = self.get_session(folder.name, update_ts=False, fetch_cache=False)
            until = folder.stat().st_mtime + HALF_MADE if info is None else info.last_access_ts + info.expiry
            if until < time.time():
                self.remove_session(folder.name)
                removed += 1
        return removed

    def add_session(self, data_file: str, expiry: int = 0, uncompress: bool = False, session_id: Any = None) -> Any:
        """Raises HTTPException 400 for an archive, whose paths may lead anywhere, and for several files."""
        if uncompress or Path(data_file).is_dir():
            raise HTTPException(400, "A session has one film; send one file, not packed.")
        return super().add_session(data_file, expiry)
