"""Put new weights into a bundle that is in use, so that a kill at any moment leaves weights that load."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from monai_ceph.atomic import durable_path

KEPT = 5
"""How many of the weights used before are kept, beside the first, those that the bundle came with."""


def replace_weights(model: Path, new: Path, name: str, check: Callable[[Path], object]) -> Path:
    """Keep the present weights as ``previous/<name>.pt`` beside them, then put the new ones in their place.

    At every moment ``model`` is the old file or the new one, whole. Of older ones in ``previous``, the first and the
    last :data:`KEPT` stay; names therefore have to sort by time.

    Args:
        model: the weights in use.
        new: the weights to use from now on; left where they are.
        name: of the present weights in ``previous``.
        check: raises an error if the weights in a file cannot be used; called with the copy that takes the place.
    Returns:
        Where the present weights are now.
    Raises:
        OSError: something cannot be written; what ``check`` raises. Both leave ``model`` as it was.
    """
    previous = model.parent / "previous" / f"{name}.pt"
    with durable_path(previous) as copy:
        shutil.copyfile(model, copy)
    with durable_path(model) as copy:
        shutil.copyfile(new, copy)
        check(copy)
    for old in sorted(previous.parent.glob("*.pt"))[1:-KEPT]:
        old.unlink()
    return previous
