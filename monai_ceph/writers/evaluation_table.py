"""Format an evaluation for the terminal: an overview, then a table by landmark for each reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.metrics.detection_rate import CHALLENGE_THRESHOLDS_MM
from monai_ceph.metrics.interval import LEVEL, Interval
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.metrics.summary import Statistics
from monai_ceph.wording import count, first, named
from monai_ceph.writers.text import WIDTH, format_number, ruled, settings_lines, statistic_cells

RATES = tuple(f"{t:g}" for t in CHALLENGE_THRESHOLDS_MM)


def evaluation_text(evaluation: Evaluation) -> str:
    """Return the whole evaluation as text: settings, overall statistics, tables by landmark, remarks."""
    parts = [_settings(evaluation), overall_text(evaluation.all_scores)]
    parts += [scores_text(scores) for scores in evaluation.all_scores]
    if evaluation.remarks:
        parts.append(
            f"{count(len(evaluation.remarks), 'remark')} on the files read:\n  "
            + "\n  ".join(first(evaluation.remarks))
        )
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def overall_text(all_scores: Sequence[ReferenceScores]) -> str:
    """Return a table with one row per overall statistic and one column per reference, with a legend."""
    columns = [_cells(*scores.rows[0][1:], bracketed=("mre", "sd", "median", *RATES)) for scores in all_scores]
    rows = ["", "", "n", "missing", "MRE (mm)", "SD (mm)", "median (mm)", *(f"SDR {rate} mm (%)" for rate in RATES)]
    names = short_names(all_scores)
    table = [rows]
    for (compared, reference), column in zip(names, columns, strict=True):
        table.append([compared, f"vs {reference}", *column])
    return f"{ruled(list(zip(*table, strict=True)), (2,))}\n{_legend(all_scores)}"


def scores_text(scores: ReferenceScores) -> str:
    """Return a table by landmark, followed by the missing landmarks."""
    header = ["landmark", "n", "missing", "MRE (mm)", "SD", "median", f"SDR {RATES[0]} mm (%)"]
    header = [name.rjust(WIDTH) if k else name for k, name in enumerate([*header, *(f"{r} mm" for r in RATES[1:])])]
    # Only the two most quoted statistics show their intervals; with all of them, lines would be too long.
    bracketed = ("mre", RATES[0])
    rows = [[name, *_cells(statistics, interval, bracketed)] for name, statistics, interval in scores.rows]
    text = [f"{scores.compared} against {scores.reference} ({count(len(scores.films), 'film')})"]
    text.append(ruled([header, *rows], (0, 1, 2)))
    overall = scores.summary["overall"]
    if overall["missing"]:
        text.append(
            f"{overall['missing']} of {overall['n']} annotated landmarks without a prediction (misses for SDR): "
            + named(scores.missing)
        )
    if scores.without_reference:
        text.append(
            f"{count(len(scores.without_reference), 'predicted film')} without a reference, not scored: "
            + named(scores.without_reference)
        )
    return "\n".join(text) + "\n"


def _settings(evaluation: Evaluation) -> str:
    lines = []
    if evaluation.predictions:
        lines.append(f"predictions  {evaluation.predictions}")
    lines += [f"{'references' if k == 0 else '':11}  {name}" for k, name in enumerate(evaluation.references)]
    return "\n".join([*lines, *settings_lines(evaluation)])


def _cells(statistics: Statistics, interval: Interval | None, bracketed: Sequence[str]) -> list[str]:
    """Return n, missing and all statistics as text, those in ``bracketed`` with their intervals."""
    counts = [f"{statistics[key]:>{WIDTH}}" for key in ("n", "missing")]
    return counts + [
        format_number(value, decimals, bounds if key in bracketed else None)
        for key, value, bounds, decimals in statistic_cells(statistics, interval)
    ]


def _legend(all_scores: Sequence[ReferenceScores]) -> str:
    text = "MRE, SD and median of the landmarks found; SDR of those annotated (n)."
    if any(scores.intervals is None for scores in all_scores):
        return text + "\nNo intervals: they need SciPy, pip install 'monai-ceph[evaluate]'."
    return text + f"\nIn brackets {100 * LEVEL:g} % intervals over films; none where films cannot tell, as at 100 %."


def short_names(all_scores: Sequence[ReferenceScores]) -> list[tuple[str, str]]:
    """Return short names of what was compared and of the reference, for headings and legends."""
    compared = _short(scores.compared for scores in all_scores)
    return list(zip(compared, _short(scores.reference for scores in all_scores), strict=True))


def _short(names: Iterable[str]) -> list[str]:
    """Shorten names if they stay distinct: files to their stem, a mean of observers to "mean"."""
    names = list(names)
    short = {name: "mean" if name.startswith("mean of ") else PurePath(name).stem for name in names}
    distinct = len(set(short.values())) == len(short)
    return [short[name] if distinct else name for name in names]
