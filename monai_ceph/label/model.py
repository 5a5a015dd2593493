"""The bundle in use: the films' own copy, whose weights training replaces."""

from __future__ import annotations

import shutil
import tempfile
import threading
from functools import lru_cache
from pathlib import Path

from monai_ceph.atomic import file_sha256
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.predictor.bundle import bundle_config, read_config
from monai_ceph.predictor.predictor import Predictor
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.predictor.trust import check_trusted

PARTS = ("configs", "models/model.pt", "LICENSE", "docs")
"""Parts of a bundle that are copied if present; evaluations, checkpoints and exported models are not."""
ORIGIN = "copied_from"


def own_bundle(state: Path, source: Path | None = None, trust: bool = False) -> Path:
    """Return the bundle that belongs to a folder of films; copy it there on the first call.

    Args:
        state: the folder for everything but films and labels; the copy is ``state/bundle``.
        source: the bundle to copy; None is the existing copy, or else the shipped bundle.
        trust: copy it even if its config can run code that no shipped bundle has.
    Raises:
        UntrustedBundleError: the bundle's config can run code of its own, and ``trust`` is false.
        FileNotFoundError: there is no bundle at ``source``.
        ValueError: the existing copy was made from another bundle; the message says what to do.
        OSError: the copy cannot be written.
    """
    bundle = state / "bundle"
    if not bundle.is_dir():
        config = bundle_config(source)
        origin = config.parents[1].resolve()
        check_trusted(origin, read_config(config), trust=trust)
        state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=state, prefix=".") as folder:
            copy = Path(folder) / "bundle"
            for part in PARTS:
                _copy(origin / part, copy / part)
            (copy / ORIGIN).write_text(f"{origin}\n", encoding="utf-8")
            try:
                copy.rename(bundle)
            except OSError:
                if not bundle.is_dir():  # otherwise another process made the copy meanwhile
                    raise
    copied_from = (bundle / ORIGIN).read_text(encoding="utf-8").strip()
    if source is not None and copied_from != str(source.resolve()):
        raise ValueError(
            f"The films' own bundle '{bundle}' is a copy of '{copied_from}', not of '{source}'. Start without --bundle "
            "to keep using it, or move it away to start over; labels are not affected."
        )
    return bundle


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


class CurrentModel:
    """Load a bundle's predictor, and reload it when training has replaced the weights.

    Args:
        bundle: the bundle's folder.
        spacing_mm: the films' pixel size; None is the one in each file.
        device: ``auto``, ``cpu``, ``cuda:0``.
        trust: run the bundle even if its configs can run code that no shipped bundle has.
    """

    def __init__(
        self, bundle: Path, spacing_mm: float | None = None, device: str = "auto", trust: bool = False
    ) -> None:
        self.bundle, self.spacing_mm, self.device, self.trust = bundle, spacing_mm, device, trust
        self._loading = threading.Lock()
        self._loaded: tuple[tuple[int, ...], Predictor] | None = None

    @property
    def weights(self) -> Path:
        return self.bundle / "models" / "model.pt"

    @property
    def scheme(self) -> LandmarkScheme:
        return self.predictor().scheme

    def previous(self) -> dict[str, Path]:
        """Return the weights that were in use before, by name: the time at which they were replaced."""
        return {path.stem: path for path in (self.weights.parent / "previous").glob("[!.]*.pt")}

    def predictor(self) -> Predictor:
        """Return the predictor; load it on the first call and whenever the weights have changed.

        Raises:
            WeightsError: the weights are missing or broken, or belong to another network or scheme.
        """
        with self._loading:
            stamp = self._stamp()
            if self._loaded is None or self._loaded[0] != stamp:
                self._loaded = stamp, load_torch_predictor(self.bundle, self.spacing_mm, self.device, trust=self.trust)
            return self._loaded[1]

    def weights_id(self) -> str:
        """Return the first twelve hexadecimal digits of the weights' SHA-256, also of weights that cannot be loaded."""
        return _sha256(self.weights, self._stamp())[:12]

    def _stamp(self) -> tuple[int, ...]:
        """Return a stamp that changes with the file; taken before reading, so the next call notices a swap."""
        if not self.weights.is_file():  # load_torch_predictor raises the error
            return ()
        status = self.weights.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=2)
def _sha256(path: Path, stamp: tuple[int, ...]) -> str:
    """Return the SHA-256 of a file, computed once for each stamp."""
    return file_sha256(path)
