"""Find where a training run stopped."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path


def last_checkpoint(folder: str | Path, prefix: str) -> str | None:
    """The newest whole ``<prefix>_checkpoint_epoch=K.pt`` that MONAI's ``CheckpointSaver`` left in a folder.

    One that a killed run left half-written is passed over: it ends before the directory that closes a checkpoint.

    Returns:
        Its path, or None if there is none (or no folder): a run then starts from the beginning.
    """
    pattern = re.compile(re.escape(prefix) + r"_checkpoint_epoch=(\d+)\.pt")
    matches = [(int(m[1]), p) for p in Path(folder).glob("*.pt") if (m := pattern.fullmatch(p.name))]
    whole = [(epoch, path) for epoch, path in matches if zipfile.is_zipfile(path)]
    return str(max(whole)[1]) if whole else None
