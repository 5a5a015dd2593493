"""What a server is started with, as text: MONAI Label hands ``--conf`` pairs to the app and to its processes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from monai_ceph.spacing import check_spacing


@dataclass(frozen=True)
class Options:
    """The ``--conf`` keys.

    Args:
        spacing: size of a film pixel in mm; empty: the one in each file.
        bundle: the bundle to begin with; empty: the shipped one.
        device: ``auto``, ``cpu``, ``cuda:0``.
        base: data set that training mixes in, so that what was learned of other films stays; empty: none.
        cache: folder for the films of a DICOMweb store; empty: one in the user's cache.
    """

    spacing: str = ""
    bundle: str = ""
    device: str = "auto"
    base: str = ""
    cache: str = ""

    @classmethod
    def of(cls, conf: Mapping[str, str]) -> Options:
        """Raises ValueError for a spacing that is none, naming it. Keys of MONAI Label's own are passed over."""
        options = cls(**{field.name: str(conf[field.name]) for field in fields(cls) if conf.get(field.name)})
        _ = options.spacing_mm
        return options

    @property
    def spacing_mm(self) -> float | None:
        if not self.spacing:
            return None
        try:
            value = float(self.spacing)
        except ValueError:
            value = float("nan")
        return check_spacing(value, f"--conf spacing {self.spacing}")[0]

    @property
    def bundle_folder(self) -> Path | None:
        return Path(self.bundle) if self.bundle else None

    def films_folder(self, studies: str) -> Path:
        """Where films and labels lie: the folder that was named, or the cache of a DICOMweb store."""
        if not is_url(studies):
            return Path(studies)
        if self.cache:
            return Path(self.cache)
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return caches / "monai_ceph" / "dicomweb" / hashlib.sha256(studies.rstrip("/").encode()).hexdigest()[:16]


def is_url(studies: str) -> bool:
    return studies.startswith(("http://", "https://"))
