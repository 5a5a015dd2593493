"""Turn the committed results into the tables of README and docs, as Markdown."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.models.registry import MODELS
from monai_ceph.analysis import MEASUREMENTS, Class, Norm

RESULTS = Path("benchmarks/results")
OURS = "two_stage"
FILMS = {
    "isbi2015_validation": "ISBI 2015, 25 validation films",
    "hamedan": "Hamedan, 20 films, another clinic and scanner",
}
BUNDLES = {"cephalometric_landmarks": "BasicUNet", "cephalometric_landmarks_pretrained": "default model"}
"""Titles of bundles in the tables; a bundle that is not named here goes by the name of its folder."""
UNCERTAINTY_VARIANTS = ("not widened", "offsets taken as certain")
"""Ends of the names of sets of films that only their coverage tells apart from another set."""
WITHIN_MM = ("2", "2.5", "3", "4")

Row = dict[str, str]


@dataclass(frozen=True)
class Results:
    """One committed table of results.

    Args:
        made: how the figures were made, from the table's first line; without the command.
        command: the command that made them; empty where the first line names none.
        rows: its rows, by the names of the columns.
    """

    made: str
    command: str
    rows: list[Row]

    @property
    def source(self) -> str:
        """One sentence that says how to get the figures again."""
        return f"*{self.made}.*" + (f" *Command:* `{self.command}`." if self.command else "")

    def row(self, column: str, value: str) -> Row:
        """Return the one row with this value in a column.

        Raises:
            ValueError: there is none, or more than one.
        """
        rows = [row for row in self.rows if row[column] == value]
        if len(rows) != 1:
            raise ValueError(f"Expected one row with {column} '{value}', got {len(rows)}; run the benchmark again.")
        return rows[0]


def read_results(path: Path) -> Results:
    """Read a table and the first line that says how it was made.

    Raises:
        ValueError: the first line does not begin with '# '.
    """
    first, *table = path.read_text(encoding="utf-8").splitlines()
    if not first.startswith("# "):
        raise ValueError(
            f"Expected a first line '# ...' in '{path}' that says how the figures were made, got {first!r}."
        )
    made, _, command = first[2:].partition("; command: ")
    return Results(made, command, list(csv.DictReader(table)))


def number(text: str, decimals: int) -> str:
    """Return a figure with so many decimals; "-" where there is none."""
    return f"{float(text):.{decimals}f}" if text else "-"


def with_interval(row: Row, value: str, low: str, high: str, decimals: int, sign: str = "") -> str:
    """Return ``0.93 [0.85, 1.01]`` from three columns; without brackets where there is no interval."""

    def cell(name: str) -> str:
        return f"{float(row[name]):{sign}.{decimals}f}"

    if not row[value]:
        return "-"
    return cell(value) + (f" [{cell(low)}, {cell(high)}]" if row[low] and row[high] else "")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table."""
    return [_line(header), "|" + "---|" * len(header), *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def shipped_short(read: Callable[[str], Results]) -> list[str]:
    """Return the README's table: MRE and SDR of each bundle and of the observers, and the time a film takes."""
    results = read("shipped")
    rows = [
        [title, who, _mre(row), with_interval(row, "sdr_2", "sdr_2_low", "sdr_2_high", 1)]
        for title, who, row in _overall(results)
    ]
    film = read("speed_inference").row("what", "shipped")
    seconds, gigabytes = float(film["ms_per_film"]) / 1e3, float(film["peak_memory_mb"]) / 1e3
    return [
        *table(("films", "comparison", "MRE (mm)", "SDR 2 mm (%)"), rows),
        "",
        f"With the default model, one film takes {seconds:.2f} s and {gigabytes:.2f} GB of memory on two CPU cores.",
    ]


def shipped(read: Callable[[str], Results]) -> list[str]:
    """Return all statistics of each bundle and of the observers, over all landmarks."""
    results = read("shipped")
    rows = [
        [
            *(title, who, _mre(row), number(row["sd"], 2), number(row["median"], 2)),
            with_interval(row, "sdr_2", "sdr_2_low", "sdr_2_high", 1),
            *(number(row[f"sdr_{mm}"], 1) for mm in WITHIN_MM[1:]),
        ]
        for title, who, row in _overall(results)
    ]
    header = ("films", "comparison", "MRE (mm)", "SD", "median", "SDR 2 mm (%)", *(f"{mm} mm" for mm in WITHIN_MM[1:]))
    return [*table(header, rows), "", results.source]


def shipped_landmarks(read: Callable[[str], Results]) -> list[str]:
    """Return MRE and SDR of each landmark: bundles beside the two observers."""
    results = read("shipped")
    columns: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in results.rows:
        if row["landmark"] != "all":
            columns.setdefault((row["films"], row["bundle"], row["compared"]), {})[row["landmark"]] = row
    # The observers are the same, whatever bundle they stand beside.
    first = results.rows[0]["bundle"]
    shown = {key: rows for key, rows in columns.items() if key[2] == "predictions" or key[1] == first}
    header = ["landmark"]
    for films, bundle, compared in shown:
        who = BUNDLES.get(bundle, bundle) if compared == "predictions" else "observers"
        header.append(f"{FILMS[films].split(',')[0]}: {who}, MRE (mm), SDR 2 mm (%)")
    symbols = list(next(iter(shown.values())))
    rows = [
        [symbol, *(f"{number(of[symbol]['mre'], 2)}, {number(of[symbol]['sdr_2'], 0)}" for of in shown.values())]
        for symbol in symbols
    ]
    return table(header, rows)


def _overall(results: Results) -> list[tuple[str, str, Row]]:
    """Return title of the films, who was compared, and the row over all landmarks; observers once a set of films."""
    shown: dict[tuple[str, str], tuple[str, str, Row]] = {}
    for films, title in FILMS.items():
        for row in results.rows:
            if row["films"] == films and row["landmark"] == "all":
                bundle = row["bundle"] if row["compared"] == "predictions" else ""
                who = BUNDLES.get(bundle, bundle) or "one observer against the other"
                shown.setdefault((films, bundle), (title, who, row))
    # Models of a set of films first, its observers last.
    return sorted(
        shown.values(), key=lambda line: (list(FILMS.values()).index(line[0]), line[2]["compared"] == "observers")
    )


def _mre(row: Row) -> str:
    return with_interval(row, "mre", "mre_low", "mre_high", 2)


def models(read: Callable[[str], Results]) -> list[str]:
    """Return the comparison of models: accuracy after the same training time, and cost."""
    results = read("models")
    header = (
        *("model", "MRE (mm)", "SDR 2 mm (%)", "parameters (million)", "GFLOP a film", "training (min)"),
        *("iterations", "ms a film", "memory (MB)", "dtype", "library"),
    )
    rows = [
        [
            f"**{MODELS[row['model']].title}**" if row["model"] == OURS else MODELS[row["model"]].title,
            with_interval(row, "mre_mm", "mre_low", "mre_high", 2),
            with_interval(row, "sdr_2", "sdr_2_low", "sdr_2_high", 1),
            f"{int(row['parameters']) / 1e6:.2f}",
            number(row["gflop_per_film"], 1),
            number(row["training_minutes"], 1),
            row["iterations"],
            number(row["ms_per_film"], 0),
            number(row["peak_memory_mb"], 0),
            row["dtype"].removesuffix(" autocast"),
            row["source"].removesuffix(" (this commit)"),  # the line below the table names the commit
        ]
        for row in results.rows
    ]
    remarks = [f"- {MODELS[row['model']].title}: {row['remarks']}" for row in results.rows if row["remarks"]]
    return [*table(header, rows), "", "What each model did in that time:", "", *remarks, "", results.source]


def speed_inference(read: Callable[[str], Results]) -> list[str]:
    """Return the time that a film takes, by way of computing it."""
    results = read("speed_inference")
    rows = [
        [
            row["what"],
            number(row["ms_per_film"], 0),
            number(row["times_faster"], 1),
            number(row["peak_memory_mb"], 0),
            number(row["gflop_per_film"], 0),
            number(row["share_of_peak"], 2),
            row["dtype"],
        ]
        for row in results.rows
    ]
    header = ("", "ms a film", "times faster", "memory (MB)", "GFLOP", "share of peak", "dtype")
    return [*table(header, rows), "", results.source]


def speed_profile(read: Callable[[str], Results]) -> list[str]:
    """Return where the time of a film goes."""
    results = read("speed_profile")
    rows = [[row["what"], number(row["ms_per_film"], 1), row["percent"] or "-"] for row in results.rows]
    return [*table(("part", "ms a film", "%"), rows), "", results.source]


def speed_folder(read: Callable[[str], Results]) -> list[str]:
    """Return how many films of a folder are done in a second."""
    results = read("speed_folder")
    rows = [
        [row["what"], number(row["films_per_second"], 1), row["of_the_networks_alone_percent"]] for row in results.rows
    ]
    return [*table(("", "films/s", "% of the networks alone"), rows), "", results.source]


def speed_training(read: Callable[[str], Results]) -> list[str]:
    """Return how many training samples are made and used in a second."""
    results = read("speed_training")
    rows = [
        [row["what"], number(row["samples_per_second"], 0), row["of_the_slower_part_percent"] or "-"]
        for row in results.rows
    ]
    return [*table(("", "samples/s", "% of the slower part"), rows), "", results.source]


def inference_ablation(read: Callable[[str], Results]) -> list[str]:
    """Return what each choice of inference is worth, beside the shipped one."""
    results = read("inference_ablation")
    rows = [
        [
            f"**{row['inference']}**" if row["inference"].startswith("shipped:") else row["inference"],
            f"{number(row['mre_mm'], 2)} +- {number(row['sd_mm'], 2)}",
            *(number(row[f"sdr_{mm}"], 1) for mm in WITHIN_MM),
            ""
            if row["inference"].startswith("shipped:")
            else with_interval(row, "difference_mm", "difference_low", "difference_high", 2, "+"),
        ]
        for row in results.rows
    ]
    header = ("inference", "MRE +- SD (mm)", *(f"SDR {mm} mm (%)" for mm in WITHIN_MM), "difference in MRE (mm)")
    return [*table(header, rows), "", results.source]


def training_ablation(read: Callable[[str], Results]) -> list[str]:
    """Return what each choice of training is worth: a table a way of inference."""
    results = read("training_ablation")
    lines: list[str] = []
    for stage, inference in dict.fromkeys((row["stage"], row["inference"]) for row in results.rows):
        rows = [
            [
                row["training"],
                number(row["mre_mm"], 2),
                number(row["sdr_2"], 1),
                with_interval(row, "difference_mm", "difference_low", "difference_high", 2, "+")
                if row["difference_low"]
                else "",
            ]
            for row in results.rows
            if (row["stage"], row["inference"]) == (stage, inference)
        ]
        lines += [f"**{stage.capitalize()} stage trained, {inference}**", ""]
        lines += [*table(("training", "MRE (mm)", "SDR 2 mm (%)", "difference in MRE (mm)"), rows), ""]
    return [*lines, results.source]


RECIPES = {
    "basic_unet": "`cephalometric_landmarks` (`BasicUNet`)",
    "pretrained": "`cephalometric_landmarks_pretrained`, the default",
    "pretrained_plain": "the default without the augmentation for films from elsewhere",
}


def cross_validation(read: Callable[[str], Results]) -> list[str]:
    """Return how accurate each recipe is on films that it has not seen, after the same computing time."""
    results = read("cross_validation")
    rows = [
        [
            RECIPES[row["recipe"]],
            row["films"],
            with_interval(row, "mre_mm", "mre_low", "mre_high", 2),
            with_interval(row, "sdr_2", "sdr_2_low", "sdr_2_high", 1),
            with_interval(row, "difference_mm", "difference_low", "difference_high", 2, "+"),
            with_interval(row, "from_default_mm", "from_default_low", "from_default_high", 3, "+"),
        ]
        for row in results.rows
    ]
    header = (
        *("recipe", "films", "MRE (mm)", "SDR 2 mm (%)"),
        *("difference from `BasicUNet` (mm)", "difference from the default (mm)"),
    )
    return [*table(header, rows), "", results.source]


def export_precision(read: Callable[[str], Results]) -> list[str]:
    """Return accuracy, time and size of the exported model in fewer bits."""
    results = read("export_precision")
    base = float(results.rows[0]["cpu_ms"])
    rows = [
        [
            row["model"],
            number(row["mre_mm"], 3),
            number(row["sdr_2"], 1),
            number(row["max_px_from_float32"], 1),
            f"{float(row['cpu_ms']) / base:.2f}",
            number(row["mb"], 1),
        ]
        for row in results.rows
    ]
    header = ("model", "MRE (mm)", "SDR 2 mm (%)", "largest shift from float32 (px)", "relative time", "size (MB)")
    return [*table(header, rows), "", results.source]


def retraining(read: Callable[[str], Results]) -> list[str]:
    """Return how weights of another training compare with the shipped ones."""
    results = read("retraining")
    rows = [
        [
            row["films"],
            row["statistic"],
            *(
                with_interval(row, name, f"{name}_low", f"{name}_high", decimals, sign)
                for decimals in [2 if "(mm)" in row["statistic"] else 1]
                for name, sign in (("shipped", ""), ("retrained", ""), ("difference", "+"))
            ),
        ]
        for row in results.rows
    ]
    return [*table(("films", "", "shipped weights", "trained again", "difference"), rows), "", results.source]


def longer_training(read: Callable[[str], Results]) -> list[str]:
    """Return what more training of the default's local stage brings on films of another clinic."""
    results = read("longer_training")
    rows = [
        [
            row["weights"],
            number(row["mre_mm"], 2),
            with_interval(row, "difference_mm", "difference_low", "difference_high", 2, "+"),
            number(row["sdr_2"], 1),
            with_interval(row, "sdr_difference", "sdr_difference_low", "sdr_difference_high", 1, "+"),
        ]
        for row in results.rows
    ]
    header = ("local stage", "MRE (mm)", "difference in MRE (mm)", "SDR 2 mm (%)", "difference in SDR (%)")
    return [*table(header, rows), "", results.source]


def finetuning(read: Callable[[str], Results]) -> list[str]:
    """Return what ten corrected films of another clinic bring, and what is forgotten."""
    results = read("finetuning")
    rows = [
        [
            row["training"],
            with_interval(row, "mre_mm", "mre_low", "mre_high", 2),
            number(row["sdr_2"], 1),
            number(row["isbi_mre_mm"], 2),
            number(row["isbi_sdr_2"], 1),
            number(row["minutes"], 1),
        ]
        for row in results.rows
    ]
    header = (
        *("trained on", "other clinic: MRE (mm)", "SDR 2 mm (%)", "ISBI validation films: MRE (mm)", "SDR 2 mm (%)"),
        "minutes",
    )
    return [*table(header, rows), "", results.source]


def site_calibration(read: Callable[[str], Results]) -> list[str]:
    """Return what a site calibration and fine-tuning bring, by the number of marked films."""
    results = read("site_calibration")
    rows = [
        [
            row["marked_films"],
            row["method"],
            row["draws"],
            number(row["before_mm"], 2),
            with_interval(row, "mre_mm", "mre_low", "mre_high", 2) if row["draws"] != "1" else number(row["mre_mm"], 2),
            number(row["sdr_2"], 1),
            row["worse_percent"],
            row["interval_holds_percent"],
            number(row["seconds"], 1 if float(row["seconds"]) < 10 else 0),
        ]
        for row in results.rows
    ]
    header = (
        *(
            "marked films",
            "method",
            "draws",
            "MRE before (mm)",
            "after (mm)",
            "SDR 2 mm (%)",
            "draws that became worse (%)",
        ),
        *("interval holds the change (%)", "seconds"),
    )
    return [*table(header, rows), "", results.source]


def site_axes(read: Callable[[str], Results]) -> list[str]:
    """Return how well the bias of all other films predicts a film's offsets, by the axes that it is in."""
    results = read("site_offsets")
    rows = [
        [row["films"], row["choice"], number(row["spread_mm"], 3), number(row["mre_mm"], 3)]
        for row in results.rows
        if row["question"] == "axes"
    ]
    header = ("films", "axes", "spread along an axis (mm)", "MRE less the bias of all other films (mm)")
    return [*table(header, rows), "", results.source]


def site_weights(read: Callable[[str], Results]) -> list[str]:
    """Return how the error changes on other films, by what is believed of a bias."""
    results = read("site_offsets")
    chosen = [row for row in results.rows if row["question"] == "weight"]
    counts = list(dict.fromkeys(row["marked_films"] for row in chosen))
    change = {(row["films"], row["choice"], row["marked_films"]): number(row["change_mm"], 2) for row in chosen}
    pairs = dict.fromkeys((row["films"], row["choice"]) for row in chosen)
    rows = [[films, choice, *(change[films, choice, count] for count in counts)] for films, choice in pairs]
    header = ("films", "weight by", *(f"{count} film{'' if count == '1' else 's'}" for count in counts))
    return [*table(header, rows), "", results.source]


def film_uncertainty(read: Callable[[str], Results]) -> list[str]:
    """Return how well the model's uncertainty ranks films by their true error, for the measure that is used."""
    results = read("film_uncertainty")
    rows = [
        [row["films"], with_interval(row, "value", "low", "high", 2)]
        for row in results.rows
        if row["what"].startswith("rank correlation") and row["what"].endswith("(used)")
    ]
    return [*table(("films", "rank correlation with the true error"), rows), "", results.source]


def active_learning(read: Callable[[str], Results]) -> list[str]:
    """Return the error after each round of annotation, by strategy."""
    results = read("active_learning")
    counts = list(dict.fromkeys(row["labelled"] for row in results.rows))
    errors = {(row["strategy"], row["labelled"]): number(row["mre_mm"], 2) for row in results.rows}
    strategies = dict.fromkeys(row["strategy"] for row in results.rows)
    rows = [[f"`{name}`", *(errors[name, count] for count in counts)] for name in strategies]
    return [*table(("strategy", *(f"{count} films" for count in counts)), rows), "", results.source]


def _uncertainty_rows(read: Callable[[str], Results]) -> list[Row]:
    return [row for row in read("uncertainty").rows if not row["films"].endswith(UNCERTAINTY_VARIANTS)]


def uncertainty_ranking(read: Callable[[str], Results]) -> list[str]:
    """Return how well expected errors, confidences and spreads find wrong points and films."""
    columns = ("auc_2", "auc_3", "within_2", "within_3", "rank_film")
    rows = [
        [BUNDLES[row["bundle"]], row["films"], row["measure"], *(number(row[name], 2) for name in columns)]
        for row in _uncertainty_rows(read)
        if row["films"] != "altered copies"
    ]
    header = ("model", "films", "by", "> 2 mm", "> 3 mm", "> 2 mm, one landmark", "> 3 mm, one landmark", "film")
    return [*table(header, rows), "", read("uncertainty").source]


def uncertainty_coverage(read: Callable[[str], Results]) -> list[str]:
    """Return how often regions hold the landmark, and how large the errors are that were expected."""
    columns = ("cover_50", "cover_80", "cover_90", "cover_95", "ellipse_90")
    rows = [
        [
            BUNDLES[row["bundle"]],
            row["films"],
            *(number(row[name], 1) for name in columns),
            *(number(row[name], 2) for name in ("radius90", "mean_expected", "mean_error")),
        ]
        for row in read("uncertainty").rows
        if row["measure"] == "expected error"
    ]
    header = ("model", "films", *("50 %", "80 %", "90 %", "95 %", "90 % ellipse", "mean radius of 90 % (mm)"))
    return [*table((*header, "expected error (mm)", "error (mm)"), rows), "", read("uncertainty").source]


def interval_coverage(read: Callable[[str], Results]) -> list[str]:
    """Return how often an interval holds the true value."""
    results = read("interval_coverage")
    rows = [[row["films"], row["method"], row["mre"], row["median"], row["sdr_2"]] for row in results.rows]
    return [*table(("films", "method", "MRE (%)", "median (%)", "SDR 2 mm (%)"), rows), "", results.source]


def measurement_definitions(_: Callable[[str], Results]) -> list[str]:
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
        lines += [f"### {analysis}", "", *table(("name", "definition", "unit", "norm", "norm of", "note"), rows), ""]
        lines += [f"*Defined by {'; '.join(sources)}.*", ""]
    return lines[:-1]


def _mean_sd(norm: Norm) -> str:
    return f"{norm.mean:g}" + ("" if norm.sd is None else f" +- {norm.sd:g}")


def measurement_classes(_: Callable[[str], Results]) -> list[str]:
    """Return the classes of the measurements that have some."""
    rows = [
        [one.analysis, one.name, str(part.label), _range(part), one.unit, part.meaning]
        for one in MEASUREMENTS
        for part in one.classes
    ]
    return table(("analysis", "name", "class", "values", "unit", "meaning"), rows)


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


def success_classification(read: Callable[[str], Results]) -> list[str]:
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
    return [*table(("", *(AGREEMENTS[key] for key in compared)), lines), "", read("measurements").source]


def measurement_agreement(read: Callable[[str], Results]) -> list[str]:
    """Return how well each measurement agrees, one of several with the same definition."""
    compared = _agreements(read)
    different = list({(one.definition, one.unit): one for one in reversed(MEASUREMENTS)}.values())[::-1]
    lines = [
        [f"{one.definition} ({one.unit})", *(_agreement(rows[one.analysis, one.name]) for rows in compared.values())]
        for one in different
    ]
    return [*table(("", *(AGREEMENTS[key] for key in compared)), lines), "", read("measurements").source]


def measurement_intervals(read: Callable[[str], Results]) -> list[str]:
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
    return [*table(header, lines), "", read("measurements").source]


def _agreements(read: Callable[[str], Results]) -> dict[tuple[str, str], dict[tuple[str, str], Row]]:
    rows = read("measurements").rows
    return {
        key: {(row["analysis"], row["measurement"]): row for row in rows if (row["films"], row["compared"]) == key}
        for key in AGREEMENTS
    }


def _agreement(row: Row) -> str:
    limits = f"{float(row['bias']):+.1f} [{float(row['loa_low']):+.1f}, {float(row['loa_high']):+.1f}]"
    return f"{number(row['mae'], 1)}, {limits}, {number(row['dahlberg'], 1)}, {number(row['icc'], 2)}"


def fuzz_readers(read: Callable[[str], Results]) -> list[str]:
    """Return what came of damaged films, all kinds of file together."""
    results = read("fuzz_readers")
    row = results.row("seed", "all")
    names = ("inputs", "read", "refused", "reader_crashed", "over_time", "over_memory", "unclear_error")
    header = ("damaged films", "read", "refused", "reader crashed", "over 10 s", "over 2 GB", "unclear error")
    return [*table(header, [[f"{int(row[name]):,}" for name in names]]), "", results.source]


def broken_films(read: Callable[[str], Results]) -> list[str]:
    """Return what came of a folder of good and broken films."""
    results = read("broken_films")
    names = ("good_films", "broken_films", "done", "named", "exit_status")
    rows = [[row[name] for name in names] for row in results.rows]
    header = ("good films", "broken films", "films done", "broken films named", "exit status")
    return [*table(header, rows), "", results.source]


def rulers(read: Callable[[str], Results]) -> list[str]:
    """Return how often a ruler in a film was read right, read wrong or left alone."""
    names = {"hamedan": "Hamedan", "foreign": "from elsewhere", "isbi2015": "ISBI 2015 (a tick every 2 mm)"}
    results = read("rulers")
    rows = [
        [
            *(names.get(row["films"], row["films"]), row["altered"], row["number"]),
            *(row[what] for what in ("right", "wrong", "left_alone", "ms_per_film")),
        ]
        for row in results.rows
    ]
    return [*table(("films", "", "number", "right", "wrong", "left alone", "ms a film"), rows), "", results.source]


def tilted(read: Callable[[str], Results]) -> list[str]:
    """Return how films with a tilted head fare."""
    results = read("tilted")
    names = {"isbi2015": "ISBI 2015", "hamedan": "Hamedan"}
    columns = ("right_percent", "right_but_flagged_percent", "wrong_found_percent", "over_10_mm_found")
    rows = [
        [names[row["films"]], row["angle_deg"], row["number"], *(row[name] for name in columns)] for row in results.rows
    ]
    header = ("films", "turned by (degrees)", "number", "right (%)", "right but flagged (%)", "wrong, not flagged (%)")
    return [*table((*header, "points over 10 mm, not flagged"), rows), "", results.source]


def search_time(read: Callable[[str], Results]) -> list[str]:
    """Return the processor time of the search."""
    results = read("search_time")
    rows = [[row[name] for name in ("what", "number", "cpu_seconds", "slowest")] for row in results.rows]
    return [*table(("pixel size, film", "number", "CPU seconds a film", "slowest"), rows), "", results.source]


def page(read: Callable[[str], Results]) -> list[str]:
    """Return how long the page in the browser takes."""
    results = read("page")
    rows = [
        [
            row["what"],
            row["number"],
            *(
                number(row[name], 0 if float(row["median_ms"]) > 50 else 1)
                for name in ("median_ms", "p95_ms", "slowest_ms")
            ),
            row["long_tasks"] or "-",
            number(row["cpu_ms"], 0),
        ]
        for row in results.rows
    ]
    header = ("what", "number", "median (ms)", "95th percentile (ms)", "slowest (ms)", "tasks over 50 ms", "CPU (ms)")
    return [*table(header, rows), "", results.source]


TABLES: dict[str, Callable[[Callable[[str], Results]], list[str]]] = {
    made.__name__: made
    for made in (
        *(shipped_short, shipped, shipped_landmarks, models, speed_inference, speed_profile, speed_folder),
        *(
            speed_training,
            inference_ablation,
            training_ablation,
            cross_validation,
            export_precision,
            retraining,
            longer_training,
            finetuning,
            site_calibration,
            site_axes,
            site_weights,
        ),
        *(film_uncertainty, active_learning, interval_coverage),
        *(rulers, tilted, search_time, page),
        *(uncertainty_ranking, uncertainty_coverage),
        *(measurement_definitions, measurement_classes, success_classification, measurement_agreement),
        *(measurement_intervals, fuzz_readers, broken_films),
    )
}
