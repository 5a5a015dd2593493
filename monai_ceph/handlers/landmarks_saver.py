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
    """Write each film's markups after its iteration, and ``landmarks.csv`` at the end of the engine's epoch.

    Args:
        output_dir: an existing folder.
        scheme: the landmarks.
    Example:
        >>> import torch
        >>> from PIL import Image
        >>> from ignite.engine import Engine
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.handlers import LandmarksSaver
        >>> from monai_ceph.landmarks import ISBI19
        >>> Image.new("L", (8, 8)).save("film.png")
        >>> meta = {"spacing_mm": torch.tensor([0.1, 0.1]), "spacing_source": "user", "filename_or_obj": "film.png"}
        >>> image = MetaTensor(torch.zeros(1, 8, 8), meta=meta)
        >>> film = {"image": image, "pred_px": torch.zeros(19, 2), "confidence": torch.ones(19)}
        >>> engine = Engine(lambda engine, batch: batch)
        >>> LandmarksSaver(".", ISBI19).attach(engine)
        >>> _ = engine.run([[film]])
        >>> sorted(path.name for path in Path(".").iterdir())
        ['film.png', 'film.png.mrk.json', 'landmarks.csv']
    """

    def __init__(self, output_dir: str | Path, scheme: LandmarkScheme) -> None:
        self.output_dir, self.scheme = Path(output_dir), scheme
        self.predictions: list[Prediction] = []

    def attach(self, engine: Any) -> None:
        """Write during every epoch of an engine."""
        from ignite.engine import Events

        engine.add_event_handler(Events.EPOCH_STARTED, lambda _: self.predictions.clear())
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.finish)

    def __call__(self, engine: Any) -> None:
        """Write the markups of the films in ``engine.state.output``."""
        for item in engine.state.output:
            prediction = to_prediction(item, self.scheme)
            frame = viewer_frame_apart(str(item["image"].meta["filename_or_obj"]))
            write_markups(self.output_dir / markups_name(prediction.image), prediction, frame)
            self.predictions.append(prediction)

    def finish(self, engine: Any) -> None:
        """Write ``landmarks.csv``."""
        write_landmarks_csv(self.output_dir / "landmarks.csv", self.predictions)
