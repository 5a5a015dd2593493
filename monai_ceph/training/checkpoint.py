"""Find where a training run stopped."""

from __future__ import annotations

import re
from pathlib import Path


def last_checkpoint(folder: str | Path, prefix: str) -> str | None:
    """The newest ``<prefix>_checkpoint_epoch=K.pt`` that MONAI's ``CheckpointSaver`` left in a folder.

    Returns:
        Its path, or None if there is none (or no folder): a run then starts from the beginning.
    """
    pattern = re.compile(re.escape(prefix) + r"_checkpoint_epoch=(\d+)\.pt")
    found = [(int(m[1]), p) for p in Path(folder).glob("*.pt") if (m := pattern.fullmatch(p.name))]
    return str(max(found)[1]) if found else None
