"""Mute logs and warnings while a training reports its own progress."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def mute_logging() -> Iterator[None]:
    """Mute warnings and log messages up to a level, which would hide the progress, and restore them at the end.

    Example:
        >>> import logging
        >>> from monai_ceph.training.mute_logging import mute_logging
        >>> with mute_logging():
        ...     logging.getLogger("monai").isEnabledFor(logging.WARNING)
        False
        >>> logging.getLogger("monai").isEnabledFor(logging.WARNING)
        True
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
