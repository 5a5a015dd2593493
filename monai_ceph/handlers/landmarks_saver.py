"""Write an engine's predictions to files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai_ceph.data.film_workers import viewer_frame_apart
from monai_ceph.formats.landmark_table import write_landmarks_csv
from monai_ceph.formats.markups import markups_name, write_markups
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.prediction import Prediction, to_prediction


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
            frame = viewer_frame_apart(str(item["image"].meta["filename_or_obj"]))
            write_markups(self.output_dir / markups_name(prediction.image), prediction, frame)
            self.predictions.append(prediction)

    def finish(self, engine: Any) -> None:
        write_landmarks_csv(self.output_dir / "landmarks.csv", self.predictions)
