"""Find the last checkpoint of a training run."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path


def last_checkpoint(folder: str | Path, prefix: str) -> str | None:
    """Return the newest complete ``<prefix>_checkpoint_epoch=K.pt`` that MONAI's ``CheckpointSaver`` wrote to a folder.

    A checkpoint that a killed run left half-written is skipped.

    Args:
        folder: the folder of the run; it may be missing.
        prefix: the saver's ``file_prefix``.
    Returns:
        Its path, or None if there is none: the run then starts from the beginning.
    Example:
        >>> import torch
        >>> from monai_ceph.training import last_checkpoint
        >>> for epoch in (9, 10):
        ...     torch.save({}, f"local_checkpoint_epoch={epoch}.pt")
        >>> last_checkpoint(".", "local")
        'local_checkpoint_epoch=10.pt'
    """
    pattern = re.compile(re.escape(prefix) + r"_checkpoint_epoch=(\d+)\.pt")
    matches = [(int(m[1]), p) for p in Path(folder).glob("*.pt") if (m := pattern.fullmatch(p.name))]
    # A checkpoint is a zip file, whose directory is written last.
    complete = [(epoch, path) for epoch, path in matches if zipfile.is_zipfile(path)]
    return str(max(complete)[1]) if complete else None
