"""Compare two sets of predictions of the same films against the same references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from monai_ceph.evaluation.points import Points
from monai_ceph.evaluation.scoring import score
from monai_ceph.evaluation.scoring_input import read_scoring_input
from monai_ceph.evaluation.settings import Settings
from monai_ceph.metrics.paired import PairedDifferences, paired_differences
from monai_ceph.wording import count, named

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PairedEvaluation(Settings):
    """Hold the differences between two sets of predictions, and the settings that they depend on.

    Args:
        differences: reference -> differences.
        films: reference -> films in both sets and in the reference.
        a, b: sources of the predictions.
        protocol, scheme, spacing_mm, excluded_films, excluded_landmarks, remarks: as in
            :class:`monai_ceph.evaluation.evaluation.Evaluation`.

    >>> import numpy as np
    >>> from monai_ceph.formats import Annotations
    >>> from monai_ceph.landmarks import ISBI19
    >>> points = {f"{k:03}": np.full((19, 2), 500.0 + k) for k in range(8)}
    >>> anna = Annotations("anna", ISBI19, points)
    >>> paired = compare(anna, anna, [anna], spacing_mm=0.1)
    >>> paired.differences["anna"].overall.mre.difference
    0.0
    """

    differences: Mapping[str, PairedDifferences]
    films: Mapping[str, tuple[str, ...]]
    a: str
    b: str

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table with a row for each reference, landmark ("all" first) and statistic."""
        import pandas as pd

        rows = [
            {"reference": reference, "landmark": landmark, "statistic": statistic, **difference._asdict()}
            for reference, differences in self.differences.items()
            for landmark, pair in {"all": differences.overall, **differences.per_landmark}.items()
            for statistic, difference in (
                ("mre_mm", pair.mre),
                (f"sdr_{differences.threshold:g}mm_percent", pair.sdr),
            )
        ]
        frame = pd.DataFrame(rows)
        frame[["low", "high"]] = frame.pop("bounds").tolist()
        return frame


def compare(
    a: Points,
    b: Points,
    references: Sequence[Points],
    *,
    spacing_mm: float | tuple[float, float] | None = None,
    protocol: str = "mean",
    scheme: str | Path = "isbi19",
    exclude: Sequence[str] = (),
    exclude_landmarks: Sequence[str] = (),
    films: str | Path | None = None,
) -> PairedEvaluation:
    """Compare predictions B with predictions A in MRE and SDR at 2 mm, and test whether the difference is chance.

    Args:
        a, b: predictions, as :func:`monai_ceph.evaluation.evaluate.evaluate` takes them. Films that are in both are
            compared.
        references, spacing_mm, protocol, scheme, exclude, exclude_landmarks, films: as in
            :func:`monai_ceph.evaluation.evaluate.evaluate`.
    Returns:
        The differences B - A with intervals and p values.
    Raises:
        ValueError: the input cannot be compared; the message names the file and the remedy.
        ImportError: SciPy is missing; the message names the extra.

    >>> import numpy as np
    >>> from monai_ceph.formats import Annotations
    >>> from monai_ceph.landmarks import ISBI19
    >>> rng = np.random.default_rng(0)
    >>> points = {f"{k:03}": rng.uniform(0, 2000, (19, 2)) for k in range(8)}
    >>> a, b = ({film: p + rng.normal(0, sd, p.shape) for film, p in points.items()} for sd in (20, 10))
    >>> predictions = Annotations("a", ISBI19, a), Annotations("b", ISBI19, b)
    >>> result = compare(*predictions, [Annotations("anna", ISBI19, points)], spacing_mm=0.1)
    >>> overall = result.to_frame().query("landmark == 'all' and statistic == 'mre_mm'")
    >>> bool(overall["difference"].iloc[0] < 0)
    True
    """
    points = read_scoring_input(
        {"A": a, "B": b}, references, spacing_mm, protocol, scheme, exclude, exclude_landmarks, films
    )
    (name_a, table_a), (name_b, table_b) = points.predicted
    spacings, spacing_remarks = points.spacings(list(table_a.points_px))
    remarks = [*points.settings.remarks, *spacing_remarks]
    differences, compared_films = {}, {}
    for name, truth in points.truths:
        scores_a, scores_b = (score(table, name, truth, spacings) for table in (table_a, table_b))
        differences[name] = paired_differences(scores_a.errors_mm, scores_b.errors_mm, table_a.scheme.symbols)
        compared_films[name] = scores_a.films
        if without_reference := scores_a.without_reference:
            remarks.append(
                f"{name}: no landmark on {count(len(without_reference), 'film')}: {named(without_reference)}."
            )
    return PairedEvaluation(
        differences=differences,
        films=compared_films,
        a=name_a,
        b=name_b,
        **points.settings_with(spacings, [*remarks, *points.problems()]),
    )
