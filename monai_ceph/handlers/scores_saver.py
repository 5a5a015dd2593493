"""Print and write the scores of an engine's predictions, as `monai-ceph evaluate` does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from monai_ceph.atomic import write_text
from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.film_names import film_name
from monai_ceph.formats.landmark_table import PX_DECIMALS
from monai_ceph.landmarks import LandmarkScheme
from monai_ceph.metrics.reference_scores import score_films
from monai_ceph.prediction import to_prediction
from monai_ceph.writers.evaluation_files import errors_csv, evaluation_json, summary_csv
from monai_ceph.writers.evaluation_table import evaluation_text


class ScoresSaver:
    """Print an epoch's statistics at its end, and write ``scores.json``, ``summary.csv`` and ``errors.csv``.

    They equal those of ``monai-ceph evaluate`` for the epoch's ``landmarks.csv`` and the same reference.

    Args:
        output_dir: an existing folder.
        scheme: the landmarks.
        reference: name of the reference, for reports.
        points_key: key of the reference points in the batch, (N, 2), film pixels.
    Example:
        >>> import torch
        >>> from ignite.engine import Engine
        >>> from monai.data import MetaTensor
        >>> from monai_ceph.handlers import ScoresSaver
        >>> from monai_ceph.landmarks import ISBI19
        >>> meta = {"spacing_mm": torch.tensor([0.1, 0.1]), "spacing_source": "user", "filename_or_obj": "film.png"}
        >>> image = MetaTensor(torch.zeros(1, 8, 8), meta=meta)
        >>> film = {"image": image, "pred_px": torch.zeros(19, 2), "confidence": torch.ones(19)}
        >>> film["points_px"] = torch.tensor([[30.0, 40.0]]).expand(19, 2)
        >>> engine = Engine(lambda engine, batch: batch)
        >>> ScoresSaver(".", ISBI19).attach(engine)
        >>> _ = engine.run([[film]])
        predictions  landmarks.csv
        references   mean of the observers
        ...
        >>> sorted(path.name for path in Path(".").iterdir())
        ['errors.csv', 'scores.json', 'summary.csv']
    """

    def __init__(
        self,
        output_dir: str | Path,
        scheme: LandmarkScheme,
        reference: str = "mean of the observers",
        points_key: str = "points_px",
    ) -> None:
        self.output_dir, self.scheme, self.reference, self.points_key = Path(output_dir), scheme, reference, points_key
        self.points_mm: dict[str, np.ndarray] = {}
        self.target_mm: dict[str, np.ndarray] = {}
        self.spacings_mm: set[tuple[float, float] | None] = set()

    def attach(self, engine: Any) -> None:
        """Score every epoch of an engine."""
        from ignite.engine import Events

        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.finish)

    def start(self, engine: Any) -> None:
        """Forget the films of the last epoch."""
        for collected in (self.points_mm, self.target_mm, self.spacings_mm):
            collected.clear()

    def __call__(self, engine: Any) -> None:
        """Collect the films of an iteration."""
        for batch_item, item in zip(engine.state.batch, engine.state.output, strict=True):
            prediction = to_prediction(item, self.scheme)
            # Rounded as in the table, so that errors at a threshold fall on the same side of it.
            prediction = replace(prediction, points_px=prediction.points_px.round(PX_DECIMALS))
            film = film_name(prediction.image)
            self.points_mm[film] = prediction.points_mm
            self.target_mm[film] = replace(prediction, points_px=np.asarray(batch_item[self.points_key])).points_mm
            self.spacings_mm.add(prediction.spacing_mm)

    def finish(self, engine: Any) -> None:
        """Print and write the epoch's statistics."""
        score = score_films("predictions", self.reference, self.scheme.symbols, self.points_mm, self.target_mm)
        evaluation = Evaluation(
            scores=(score,),
            predictions=str(self.output_dir / "landmarks.csv"),
            references=(self.reference,),
            scheme=self.scheme.name,
            spacing_mm=next(iter(self.spacings_mm)) if len(self.spacings_mm) == 1 else None,
        )
        print(evaluation_text(evaluation), end="", flush=True)
        write_text(self.output_dir / "scores.json", evaluation_json(evaluation))
        write_text(self.output_dir / "summary.csv", summary_csv(evaluation))
        write_text(self.output_dir / "errors.csv", errors_csv(evaluation.scores))
