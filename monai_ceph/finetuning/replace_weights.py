"""Replace the weights of a bundle in use, so that the bundle can be loaded even after a kill at any moment."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from monai_ceph.atomic import durable_path

KEPT = 5
"""Number of earlier weights to keep, besides those that the bundle came with."""


def replace_weights(model: Path, new: Path, name: str, check: Callable[[Path], object]) -> Path:
    """Save the current weights as ``previous/<name>.pt``, then replace them by new ones.

    At any moment ``model`` is either the complete old or the complete new file. In ``previous``, the first and the last
    :data:`KEPT` files are kept; their names must therefore sort by time.

    Args:
        model: the weights in use.
        new: the weights to use from now on; this file is copied.
        name: name of the current weights in ``previous``.
        check: called with the copy before it is used; raises an error if the weights cannot be used.
    Returns:
        The path of the saved weights.
    Raises:
        OSError: a file cannot be written. This and the errors of ``check`` leave ``model`` unchanged.
    """
    previous = model.parent / "previous" / f"{name}.pt"
    with durable_path(model) as copy:
        shutil.copyfile(new, copy)
        check(copy)
        with durable_path(previous) as saved:
            shutil.copyfile(model, saved)
    for old in sorted(previous.parent.glob("*.pt"))[1:-KEPT]:
        old.unlink()
    return previous
