"""Options of the server. They are text, because MONAI Label passes them on as ``--conf`` pairs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from monai_ceph.spacing import check_spacing


@dataclass(frozen=True)
class Options:
    """Hold the values of the ``--conf`` keys.

    Args:
        spacing: size of a film pixel in mm; empty: the one in each file.
        bundle: the bundle to start from; empty: the shipped one.
        device: ``auto``, ``cpu``, ``cuda:0``.
        base: the replay set, a data set that training mixes in against forgetting; empty: none.
        cache: folder for the films of a DICOMweb store; empty: one in the user's cache.
        trust_bundle: ``true``: run a bundle whose configs can run code that no shipped bundle has.
        calibrate: ``false``: do not move predictions to where the folder's final labels have the landmarks.

    >>> Options.of({"spacing": "0.1", "auto_update_scoring": "false"}).spacing_mm
    0.1
    """

    spacing: str = ""
    bundle: str = ""
    device: str = "auto"
    base: str = ""
    cache: str = ""
    trust_bundle: str = ""
    calibrate: str = ""

    @classmethod
    def of(cls, conf: Mapping[str, str]) -> Options:
        """Read the options from ``--conf`` pairs and ignore other keys; raise ValueError for an invalid spacing."""
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
    def trusts_bundle(self) -> bool:
        return self.trust_bundle.lower() == "true"

    @property
    def calibrates(self) -> bool:
        return self.calibrate.lower() != "false"

    @property
    def bundle_folder(self) -> Path | None:
        return Path(self.bundle) if self.bundle else None

    def films_folder(self, studies: str) -> Path:
        """Return the folder of films and labels: the given folder, or the cache of a DICOMweb store."""
        if not is_url(studies):
            return Path(studies)
        if self.cache:
            return Path(self.cache)
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return caches / "monai_ceph" / "dicomweb" / hashlib.sha256(studies.rstrip("/").encode()).hexdigest()[:16]


def is_url(studies: str) -> bool:
    """Return whether films come from a DICOMweb store rather than a folder."""
    return studies.startswith(("http://", "https://"))
