"""Format a comparison of two sets of predictions for the terminal and as JSON."""

from __future__ import annotations

import math
from typing import Any

from monai_ceph import __version__
from monai_ceph.evaluation.compare import PairedEvaluation
from monai_ceph.metrics.interval import LEVEL, method
from monai_ceph.metrics.paired import TEST, Difference, Paired, PairedDifferences
from monai_ceph.wording import count, first
from monai_ceph.writers.evaluation_files import settings_content, strict_json_text
from monai_ceph.writers.text import WIDTH, format_number, ruled, settings_lines


def paired_text(paired: PairedEvaluation) -> str:
    """Return the comparison as text: settings, differences overall and by landmark for each reference, remarks."""
    parts = ["\n".join([f"A            {paired.a}", f"B            {paired.b}", *settings_lines(paired)])]
    for reference, differences in paired.differences.items():
        parts += [_overall(reference, paired.films[reference], differences), _by_landmark(differences)]
    parts.append(f"In brackets {100 * LEVEL:g} % intervals over films; none where films cannot tell.\np by a {TEST}.")
    if paired.remarks:
        parts.append(f"{count(len(paired.remarks), 'remark')}:\n  " + "\n  ".join(first(paired.remarks)))
    return "\n\n".join(parts) + "\n"


def paired_json(paired: PairedEvaluation) -> str:
    """Return the whole comparison as JSON; unknown values are null."""
    content = {
        "version": __version__,
        "a": paired.a,
        "b": paired.b,
        **settings_content(paired),
        "interval_method": method(max(map(len, paired.films.values()))),
        "test": TEST,
        "comparisons": [
            {
                "reference": reference,
                "films": list(paired.films[reference]),
                "sdr_threshold_mm": differences.threshold,
                "found": differences.found,
                "overall": _json(differences.overall),
                "per_landmark": {symbol: _json(pair) for symbol, pair in differences.per_landmark.items()},
            }
            for reference, differences in paired.differences.items()
        ],
        "remarks": list(paired.remarks),
    }
    return strict_json_text(content)


def _overall(reference: str, films: tuple[str, ...], differences: PairedDifferences) -> str:
    rows = [["", "     A", "     B", " B - A", "     p"]]
    rows += [
        [name, *_cells(difference, decimals), _p(difference.p)]
        for name, difference, decimals in _named_statistics(differences.overall, differences.threshold)
    ]
    counts = differences.found
    note = (
        f"MRE of the {differences.overall.mre.n} landmarks that both found, SDR of the {differences.overall.sdr.n} "
        f"annotated; found by A alone {counts['only_a']}, by B alone {counts['only_b']}, by neither "
        f"{counts['neither']}."
    )
    return f"against {reference} ({count(len(films), 'film')})\n{ruled(rows, (0, 1))}\n{note}"


def _by_landmark(differences: PairedDifferences) -> str:
    names = [name.split()[0] for name, _, _ in _named_statistics(differences.overall, differences.threshold)]
    rows = [
        ["landmark", *(cell for name in names for cell in ("     n", f" {name} A", "     B", " B - A", "p (Holm)"))]
    ]
    for symbol, pair in differences.per_landmark.items():
        row = [symbol]
        for _, difference, decimals in _named_statistics(pair, differences.threshold):
            row += [f"{difference.n:{WIDTH}}", *_cells(difference, decimals), _p(difference.p_holm)]
        rows.append(row)
    tested = sum(not math.isnan(pair.mre.p) for pair in differences.per_landmark.values())
    note = f"p adjusted by Holm's method for {count(tested, 'comparison')}, separately for each statistic."
    return f"{ruled(rows, (0, 1))}\n{note}"


def _named_statistics(pair: Paired, threshold: float) -> list[tuple[str, Difference, int]]:
    return [("MRE (mm)", pair.mre, 3), (f"SDR {threshold:g} mm (%)", pair.sdr, 2)]


def _cells(difference: Difference, decimals: int) -> list[str]:
    return [
        format_number(difference.a, decimals),
        format_number(difference.b, decimals),
        format_number(difference.difference, decimals, difference.bounds, sign="+"),
    ]


def _p(value: float) -> str:
    return "     -" if math.isnan(value) else f"{value:.4f}"


def _json(pair: Paired) -> dict[str, Any]:
    return {statistic: difference._asdict() for statistic, difference in pair._asdict().items()}
