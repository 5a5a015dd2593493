"""Turn definitions and results of measurements into tables of the documentation."""

from __future__ import annotations

import math

from benchmarks.report_results import BUNDLES, FILMS, Read, Row, markdown
from monai_ceph.analysis import MEASUREMENTS, Class, Norm


def measurement_definitions(_: Read) -> list[str]:
    """Return what is measured, a table an analysis, from the definitions themselves."""
    lines: list[str] = []
    for analysis in dict.fromkeys(one.analysis for one in MEASUREMENTS):
        rows = [
            [
                one.name,
                one.definition,
                one.unit,
                *("" if norm is None else _mean_sd(norm), "" if norm is None else f"{norm.population}; {norm.source}"),
                one.note,
            ]
            for one in MEASUREMENTS
            if one.analysis == analysis
            for norm in [one.norm]
        ]
        sources = dict.fromkeys(
            source for one in MEASUREMENTS if one.analysis == analysis for source in one.source.split("; ")
        )
        lines += [f"### {analysis}", "", *markdown(("name", "definition", "unit", "norm", "norm of", "note"), rows), ""]
        lines += [f"*Defined by {'; '.join(sources)}.*", ""]
    return lines[:-1]


def _mean_sd(norm: Norm) -> str:
    return f"{norm.mean:g}" + ("" if norm.sd is None else f" +- {norm.sd:g}")


def measurement_classes(_: Read) -> list[str]:
    """Return the classes of the measurements that have some."""
    rows = [
        [one.analysis, one.name, str(part.label), _range(part), one.unit, part.meaning]
        for one in MEASUREMENTS
        for part in one.classes
    ]
    return markdown(("analysis", "name", "class", "values", "unit", "meaning"), rows)


def _range(part: Class) -> str:
    if math.isinf(part.low):
        return "all others" if math.isinf(part.high) else f"below {part.high:g}"
    if math.isinf(part.high):
        return f"above {part.low:g}"
    return f"{part.low:g} to {part.high:g}" if part.high > part.low else f"{part.low:g}"


AGREEMENTS = {
    ("isbi2015", "observers"): "ISBI 2015, 150 films: observers",
    ("isbi2015_validation", "cephalometric_landmarks"): "ISBI 2015, 25 validation films: BasicUNet",
    ("hamedan", "observers"): "Hamedan, 20 films: observers",
    ("hamedan", "cephalometric_landmarks_pretrained"): "Hamedan, 20 films: default model",
}
"""The comparisons that the tables of measurements show, and their titles."""


def success_classification(read: Read) -> list[str]:
    """Return the success classification rate of each measurement of ISBI 2015, and their mean."""
    compared = _agreements(read)
    names = [row["measurement"] for row in next(iter(compared.values())).values() if row["analysis"] == "ISBI 2015"]
    columns = []
    for rows in compared.values():
        rates = [
            [float(rows["ISBI 2015", name][rate]) for rate in ("success_percent", "same_percent")] for name in names
        ]
        means = [sum(of_one) / len(names) for of_one in zip(*rates, strict=True)]
        columns.append([f"{success:.1f} ({same:.1f})" for success, same in [*rates, means]])
    lines = [[name, *cells] for name, *cells in zip([*names, "mean"], *columns, strict=True)]
    return [*markdown(("", *(AGREEMENTS[key] for key in compared)), lines), "", read("measurements").source]


def measurement_agreement(read: Read) -> list[str]:
    """Return how well each measurement agrees, one of several with the same definition."""
    compared = _agreements(read)
    different = list({(one.definition, one.unit): one for one in reversed(MEASUREMENTS)}.values())[::-1]
    lines = [
        [f"{one.definition} ({one.unit})", *(_agreement(rows[one.analysis, one.name]) for rows in compared.values())]
        for one in different
    ]
    return [*markdown(("", *(AGREEMENTS[key] for key in compared)), lines), "", read("measurements").source]


def measurement_intervals(read: Read) -> list[str]:
    """Return how many 90 % intervals of measurements hold the reference's value, by films and model."""
    shares: dict[tuple[str, str], dict[str, float]] = {}
    for row in read("measurements").rows:
        if row["inside90_percent"]:
            of_model = shares.setdefault((row["films"], row["compared"]), {})
            of_model[f"{row['analysis']} {row['measurement']}"] = float(row["inside90_percent"])
    lines = []
    for (films, bundle), of_model in shares.items():
        ends = [choose(of_model, key=of_model.__getitem__) for choose in (min, max)]
        mean = sum(of_model.values()) / len(of_model)
        cells = (f"{of_model[name]:.0f} ({name})" for name in ends)
        lines.append([FILMS[films], BUNDLES.get(bundle, bundle), f"{mean:.1f}", *cells])
    header = ("films", "model", "mean of all measurements (%)", "lowest", "highest")
    return [*markdown(header, lines), "", read("measurements").source]


def _agreements(read: Read) -> dict[tuple[str, str], dict[tuple[str, str], Row]]:
    rows = read("measurements").rows
    return {
        key: {(row["analysis"], row["measurement"]): row for row in rows if (row["films"], row["compared"]) == key}
        for key in AGREEMENTS
    }


def _agreement(row: Row) -> str:
    limits = f"{float(row['bias']):+.1f} [{float(row['loa_low']):+.1f}, {float(row['loa_high']):+.1f}]"
    return f"{float(row['mae']):.1f}, {limits}, {float(row['dahlberg']):.1f}, {float(row['icc']):.2f}"
