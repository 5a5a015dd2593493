"""Films that do to the process which reads them what their names say."""

from __future__ import annotations

from pathlib import Path

import pytest

CODE = """
import os
from monai_ceph.data import film

before = film._samples


def harmful(path, kind):
    if "abort" in path.name:
        os.write(2, b"heap overflow")
        os.abort()
    if "hang" in path.name:
        while True:
            pass
    if "talk" in path.name:
        os.write(2, b"libtiff: bad strip\\n")
        os.write(1, b"libtiff: bad strip\\n")
    if "fill" in path.name:
        bytearray(1_900_000_000)
    return before(path, kind)


film._samples = harmful
"""


def let_films_do_harm(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """From now on films whose names hold abort, hang, talk or fill do so in new processes of this one."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(folder))
