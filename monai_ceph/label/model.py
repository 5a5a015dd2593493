"""The bundle in use: a folder's own copy, which training changes, and the weights that are in it at the moment."""

from __future__ import annotations

import hashlib
import shutil
import threading
import uuid
from pathlib import Path

from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.predictor.bundle import bundle_config
from monai_ceph.predictor.predictor import Predictor
from monai_ceph.predictor.torch_predictor import load_torch_predictor

PARTS = ("configs", "models/model.pt", "LICENSE", "docs")
"""What is copied of a bundle, where it has it; no evaluation, checkpoints or exported models."""
ORIGIN = "copied_from"


def own_bundle(state: Path, source: Path | None = None) -> Path:
    """The bundle that belongs to a folder of films; copied there when it is first asked for.

    Args:
        state: where the folder keeps what is not a film or a label; the copy is ``state/bundle``.
        source: the bundle to begin with; None is the shipped one, or whatever the folder has.
    Raises:
        FileNotFoundError: no bundle at ``source``.
        ValueError: the folder began with another one; the message says what to do.
        OSError: the copy cannot be written.
    """
    own = state / "bundle"
    if not own.is_dir():
        origin = bundle_config(source).parents[1].resolve()
        temporary = state / f".{uuid.uuid4().hex}"
        try:
            temporary.mkdir(parents=True)
            for part in PARTS:
                _copy(origin / part, temporary / part)
            (temporary / ORIGIN).write_text(f"{origin}\n", encoding="utf-8")
            temporary.rename(own)
        except OSError:
            if not own.is_dir():  # else another process was faster
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    began_with = (own / ORIGIN).read_text(encoding="utf-8").strip()
    if source is not None and began_with != str(source.resolve()):
        raise ValueError(
            f"The films' own bundle '{own}' began as a copy of '{began_with}', not of '{source}'. Start without "
            "--bundle to go on with it, or move it away to begin anew; labels stay as they are."
        )
    return own


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


class CurrentModel:
    """A bundle's system with the weights that are in its folder now: training swaps them while this process runs.

    Args:
        bundle: the bundle's folder.
        spacing_mm: the films' pixel size; None is the one in each file.
        device: ``auto``, ``cpu``, ``cuda:0``.
    """

    def __init__(self, bundle: Path, spacing_mm: float | None = None, device: str = "auto") -> None:
        self.bundle, self.spacing_mm, self.device = bundle, spacing_mm, device
        self._loading = threading.Lock()
        self._loaded: tuple[tuple[int, ...], Predictor] | None = None
        self._identified: tuple[tuple[int, ...], str] | None = None

    @property
    def weights(self) -> Path:
        return self.bundle / "models" / "model.pt"

    @property
    def scheme(self) -> LandmarkScheme:
        return self.predictor().scheme

    def predictor(self) -> Predictor:
        """Loaded at the first call, and again when the weights are others.

        Raises:
            WeightsError: the weights are missing, broken or of another network or scheme.
        """
        with self._loading:
            stamp = self._stamp()
            if self._loaded is None or self._loaded[0] != stamp:
                self._loaded = stamp, load_torch_predictor(self.bundle, self.spacing_mm, self.device)
            return self._loaded[1]

    def weights_id(self) -> str:
        """Twelve hexadecimal digits that no other weights have."""
        stamp = self._stamp()
        if self._identified is None or self._identified[0] != stamp:
            self._identified = stamp, hashlib.sha256(self.weights.read_bytes()).hexdigest()[:12]
        return self._identified[1]

    def _stamp(self) -> tuple[int, ...]:
        """What changes with the file; taken before it is read, so that a swap in between is seen next time."""
        if not self.weights.is_file():  # load_torch_predictor tells
            return ()
        status = self.weights.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino
