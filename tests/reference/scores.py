"""MRE, SD, median and SDR in plain loops over plain numbers, as one would do by hand."""

from __future__ import annotations

import math


def distance(a: tuple[float, float], b: tuple[float, float]) -> float | None:
    """None where the reference b is unknown, infinity where only the prediction a is."""
    if math.isnan(b[0]) or math.isnan(b[1]):
        return None
    if math.isnan(a[0]) or math.isnan(a[1]):
        return math.inf
    return math.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2)


def score(errors: list[float | None], thresholds: tuple[float, ...] = (2.0, 2.5, 3.0, 4.0)) -> dict[str, float]:
    annotated = [e for e in errors if e is not None]
    found = sorted(e for e in annotated if e != math.inf)
    result: dict[str, float] = {"n": len(annotated), "missing": len(annotated) - len(found)}
    result["mre"] = sum(found) / len(found) if found else math.nan
    if len(found) > 1:
        result["sd"] = math.sqrt(sum((e - result["mre"]) ** 2 for e in found) / (len(found) - 1))
    else:
        result["sd"] = math.nan
    middle = len(found) // 2
    if not found:
        result["median"] = math.nan
    else:
        result["median"] = found[middle] if len(found) % 2 else (found[middle - 1] + found[middle]) / 2
    for threshold in thresholds:
        hits = 0
        for error in annotated:
            if error <= threshold:
                hits += 1
        result[f"sdr {threshold:g}"] = 100 * hits / len(annotated) if annotated else math.nan
    return result
