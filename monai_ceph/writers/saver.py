"""Predictions of an engine -> files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.writers.landmarks_csv import write_landmarks_csv
from monai_ceph.writers.markups import write_markups
from monai_ceph.writers.prediction import Prediction


def make_folder(path: str | Path) -> Path:
    """Make a folder and see that it can be written, before any work is done for it.

    Raises:
        OSError: it cannot be made or written; the message names it and the remedy.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"Cannot make the folder '{path}' ({error.strerror}); choose another output folder.") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise OSError(f"Cannot write to the folder '{path}'; choose another output folder.")
    return path


def to_prediction(item: Mapping[str, Any], scheme: LandmarkScheme, image_key: str = "image") -> Prediction:
    """One decollated item of an engine's output, or of a bundle's postprocessing, as a :class:`Prediction`.

    Args:
        item: has ``pred_px`` (N, 2), film pixels, ``confidence`` (N,), and the inferred image with its metadata.
        scheme: the landmarks.
    """
    meta = item[image_key].meta
    spacing = np.asarray(meta["spacing_mm"], dtype=np.float64).ravel().tolist()
    known = bool(np.isfinite(spacing).all())
    return Prediction(
        image=Path(str(meta["filename_or_obj"])).name,
        scheme=scheme,
        points_px=np.asarray(item["pred_px"], dtype=np.float64),
        confidence=np.asarray(item["confidence"], dtype=np.float64),
        spacing_mm=(spacing[0], spacing[1]) if known else None,
        spacing_source=str(meta["spacing_source"]),
    )


def markups_name(image: str) -> str:
    """File name of a film's markups. The film's suffix stays in it: film.png and film.dcm are two films."""
    return f"{image}.mrk.json"


class LandmarksSaver:
    """Write every film's markups as it is done, and ``landmarks.csv`` when the engine's epoch is over.

    Args:
        output_dir: an existing folder.
        scheme: the landmarks.
    """

    def __init__(self, output_dir: str | Path, scheme: LandmarkScheme) -> None:
        self.output_dir, self.scheme = Path(output_dir), scheme
        self.predictions: list[Prediction] = []

    def attach(self, engine: Any) -> None:
        from ignite.engine import Events

        engine.add_event_handler(Events.EPOCH_STARTED, lambda _: self.predictions.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.finish)

    def __call__(self, engine: Any) -> None:
        for item in engine.state.output:
            prediction = to_prediction(item, self.scheme)
            write_markups(self.output_dir / markups_name(prediction.image), prediction)
            self.predictions.append(prediction)

    def finish(self, engine: Any) -> None:
        write_landmarks_csv(self.output_dir / "landmarks.csv", self.predictions)
