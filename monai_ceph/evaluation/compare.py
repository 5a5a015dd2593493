"""Compare two sets of predictions of the same films against the same references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from monai_ceph.evaluation.film_spacings import common_spacing, film_spacings
from monai_ceph.evaluation.scoring import (
    Points,
    among,
    choose_references,
    contradictions,
    films_to_leave_out,
    find_scored_films,
    landmarks_to_keep,
    read_observers,
    read_predictions,
    restrict,
    score,
)
from monai_ceph.formats.points import Annotations
from monai_ceph.landmarks import get_scheme
from monai_ceph.metrics.paired import PairedDifferences, paired_differences
from monai_ceph.spacing import check_spacing
from monai_ceph.wording import count, named

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PairedEvaluation:
    """Hold the differences between two sets of predictions, and the settings that they depend on.

    Args:
        differences: reference -> differences.
        films: reference -> films in both sets and in the reference.
        a, b: sources of the predictions.
        protocol, scheme, spacing_mm, excluded_films, excluded_landmarks, remarks: as in
            :class:`monai_ceph.evaluation.evaluation.Evaluation`.

    >>> import numpy as np
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
    protocol: str
    scheme: str
    spacing_mm: tuple[float, float] | None
    excluded_films: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excluded_landmarks: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table with a row for each reference, landmark ("all" first) and statistic."""
        import pandas as pd

        rows = []
        for reference, differences in self.differences.items():
            for landmark, pair in {"all": differences.overall, **differences.per_landmark}.items():
                for statistic, difference in (
                    ("mre_mm", pair.mre),
                    (f"sdr_{differences.threshold:g}mm_percent", pair.sdr),
                ):
                    low, high = difference.bounds
                    values = difference._asdict() | {"low": low, "high": high}
                    del values["bounds"]
                    rows.append({"reference": reference, "landmark": landmark, "statistic": statistic, **values})
        return pd.DataFrame(rows)


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
    spacing = None if spacing_mm is None else check_spacing(spacing_mm, "--spacing")
    film_files = find_scored_films(films)
    full_scheme = get_scheme(scheme)
    landmarks = landmarks_to_keep(exclude_landmarks, full_scheme)
    tables = [read_predictions(source, full_scheme) for source in (a, b)]
    names = [str(source) if isinstance(source, (str, Path)) else name for name, source in (("A", a), ("B", b))]
    common, remarks = _common_films(tables, names)
    without = films_to_leave_out(exclude, common[0])
    predicted = [restrict(table, landmarks, without) for table in common]
    observers = read_observers(references, full_scheme, landmarks, predicted[0], spacing, film_files)
    scored = among(predicted[0], observers)
    truths = choose_references(scored, protocol)
    named_tables = list(zip(names, predicted, strict=True))
    spacings, spacing_remarks = film_spacings(list(predicted[0].points_px), [*named_tables, *scored], spacing)
    remarks += spacing_remarks
    differences, compared_films = {}, {}
    for name, truth in truths:
        scores_a, scores_b = (score(table, name, truth, spacings) for table in predicted)
        differences[name] = paired_differences(scores_a.errors_mm, scores_b.errors_mm, landmarks.symbols)
        compared_films[name] = scores_a.films
        if without_reference := scores_a.without_reference:
            remarks.append(
                f"{name}: no landmark on {count(len(without_reference), 'film')}: {named(without_reference)}."
            )
    return PairedEvaluation(
        differences=differences,
        films=compared_films,
        a=names[0],
        b=names[1],
        protocol=protocol,
        scheme=landmarks.name,
        spacing_mm=common_spacing(spacings),
        excluded_films=without,
        excluded_landmarks=tuple(exclude_landmarks),
        remarks=(
            *remarks,
            *(problem for table in (*predicted, *(t for _, t in truths)) for problem in table.problems),
            *contradictions([*named_tables, *scored], film_files),
        ),
    )


def _common_films(tables: Sequence[Annotations], names: Sequence[str]) -> tuple[list[Annotations], list[str]]:
    """Return both tables restricted to their common films, and a remark on films that only one of them has."""
    films = [set(table.points_px) for table in tables]
    both = films[0] & films[1]
    if not both:
        raise ValueError(
            f"{names[0]} and {names[1]} have no film in common ({named(sorted(films[0]), 3)}; "
            f"{named(sorted(films[1]), 3)}). Films are matched by file name without folder and suffix."
        )
    remarks = [
        f"{name}: {count(len(mine - both), 'film')} only in this table, left out: {named(sorted(mine - both))}."
        for name, mine in zip(names, films, strict=True)
        if mine - both
    ]
    common = [replace(t, points_px={film: p for film, p in t.points_px.items() if film in both}) for t in tables]
    return common, remarks
