"""Turn the committed results into the tables of README and docs, as Markdown."""

from __future__ import annotations

from benchmarks.models.registry import MODELS
from benchmarks.report_measurements import (
    measurement_agreement,
    measurement_classes,
    measurement_definitions,
    measurement_intervals,
    success_classification,
)
from benchmarks.report_results import (
    BUNDLES,
    FILMS,
    Cell,
    Column,
    Read,
    Results,
    Row,
    Table,
    interval,
    markdown,
    number,
    numbers,
    rows_table,
    texts,
)

OURS = "two_stage"
UNCERTAINTY_VARIANTS = ("not widened", "offsets taken as certain")
"""Ends of the names of sets of films that only their coverage tells apart from another set."""
RECIPES = {
    "basic_unet": "`cephalometric_landmarks` (`BasicUNet`)",
    "pretrained": "`cephalometric_landmarks_pretrained`, the default",
    "pretrained_plain": "the default without the augmentation for films from elsewhere",
}
SHORT_NAMES = {"isbi2015": "ISBI 2015", "hamedan": "Hamedan"}
RULER_FILMS = {**SHORT_NAMES, "foreign": "from elsewhere", "isbi2015": "ISBI 2015 (a tick every 2 mm)"}

MRE = ("MRE (mm)", interval("mre_mm", 2))
SDR_2 = ("SDR 2 mm (%)", number("sdr_2", 1))
SDR_2_INTERVAL = ("SDR 2 mm (%)", interval("sdr_2", 1))
SDR_BEYOND = [(f"{mm} mm", number(f"sdr_{mm}", 1)) for mm in ("2.5", "3", "4")]


def shipped_short(read: Read) -> list[str]:
    """Return the README's table: MRE and SDR of each bundle and of the observers, and the time a film takes."""
    film = read("speed_inference").row("what", "shipped")
    seconds, gigabytes = float(film["ms_per_film"]) / 1e3, float(film["peak_memory_mb"]) / 1e3
    time = f"With the default model, one film takes {seconds:.2f} s and {gigabytes:.2f} GB of memory on two CPU cores."
    unseen = read("cross_validation").row("recipe", "pretrained")
    recipe = ["ISBI 2015, 150 training films, cross-validated", "the default's recipe, trained for 20 min"]
    table = _overall(read("shipped"), [("MRE (mm)", interval("mre", 2)), SDR_2_INTERVAL])
    # The default has seen all of these films, so at home only its recipe can be tested.
    cross_validated = markdown(("", ""), [[*recipe, *(cell(unseen) for _, cell in (MRE, SDR_2_INTERVAL))]])[-1]
    return [*table, cross_validated, "", time]


def shipped(read: Read) -> list[str]:
    """Return all statistics of each bundle and of the observers, over all landmarks."""
    spread = [("SD", number("sd", 2)), ("median", number("median", 2))]
    columns = [("MRE (mm)", interval("mre", 2)), *spread, SDR_2_INTERVAL, *SDR_BEYOND]
    return [*_overall(read("shipped"), columns), "", read("shipped").source]


def _overall(results: Results, columns: list[Column]) -> list[str]:
    """Return a table over all landmarks: the models of a set of films first, then its observers, once."""
    lines = []
    for films, title in FILMS.items():
        rows = [row for row in results.rows if row["films"] == films and row["landmark"] == "all"]
        shown = [(BUNDLES.get(row["bundle"], row["bundle"]), row) for row in rows if row["compared"] == "predictions"]
        # The observers are the same, whatever bundle they stand beside.
        shown += [("one observer against the other", row) for row in rows if row["compared"] == "observers"][:1]
        lines += [[title, who, *(cell(row) for _, cell in columns)] for who, row in shown]
    return markdown(("films", "comparison", *(heading for heading, _ in columns)), lines)


def shipped_landmarks(read: Read) -> list[str]:
    """Return MRE and SDR of each landmark: bundles beside the two observers."""
    results = read("shipped")
    shown: dict[str, dict[str, Row]] = {}
    for row in results.rows:
        # The observers are the same, whatever bundle they stand beside.
        of_model = row["compared"] == "predictions"
        if row["landmark"] != "all" and (of_model or row["bundle"] == results.rows[0]["bundle"]):
            who = BUNDLES.get(row["bundle"], row["bundle"]) if of_model else "observers"
            heading = f"{FILMS[row['films']].split(',')[0]}: {who}, MRE (mm), SDR 2 mm (%)"
            shown.setdefault(heading, {})[row["landmark"]] = row
    mre, sdr = number("mre", 2), number("sdr_2", 0)
    symbols = next(iter(shown.values()))
    lines = [[symbol, *(f"{mre(rows[symbol])}, {sdr(rows[symbol])}" for rows in shown.values())] for symbol in symbols]
    return markdown(("landmark", *shown), lines)


def models(read: Read) -> list[str]:
    """Return the comparison of models: accuracy after the same training time, and cost."""
    results = read("models")
    titles = {row["model"]: MODELS[row["model"]].title for row in results.rows}
    lines = rows_table(
        "models",
        [
            ("model", lambda row: f"**{titles[row['model']]}**" if row["model"] == OURS else titles[row["model"]]),
            MRE,
            SDR_2_INTERVAL,
            ("parameters (million)", lambda row: f"{int(row['parameters']) / 1e6:.2f}"),
            *numbers(1, {"GFLOP a film": "gflop_per_film", "training (min)": "training_minutes"}),
            *texts({"iterations": "iterations"}),
            *numbers(0, {"ms a film": "ms_per_film", "memory (MB)": "peak_memory_mb"}),
            ("dtype", lambda row: row["dtype"].removesuffix(" autocast")),
            # The line below the table names the commit.
            ("library", lambda row: row["source"].removesuffix(" (this commit)")),
        ],
    )(read)
    remarks = [f"- {titles[row['model']]}: {row['remarks']}" for row in results.rows if row["remarks"]]
    return [*lines[:-1], "What each model did in that time:", "", *remarks, "", results.source]


def training_ablation(read: Read) -> list[str]:
    """Return what each choice of training is worth: a table a way of inference."""
    results = read("training_ablation")
    difference = interval("difference_mm", 2, "+")
    lines: list[str] = []
    for stage, inference in dict.fromkeys((row["stage"], row["inference"]) for row in results.rows):
        rows = [
            [
                row["training"],
                number("mre_mm", 2)(row),
                number("sdr_2", 1)(row),
                difference(row) if row["difference_low"] else "",
            ]
            for row in results.rows
            if (row["stage"], row["inference"]) == (stage, inference)
        ]
        lines += [f"**{stage.capitalize()} stage trained, {inference}**", ""]
        lines += [*markdown(("training", "MRE (mm)", "SDR 2 mm (%)", "difference in MRE (mm)"), rows), ""]
    return [*lines, results.source]


def export_precision(read: Read) -> list[str]:
    """Return accuracy, time and size of the exported model in fewer bits."""
    base = float(read("export_precision").rows[0]["cpu_ms"])
    columns = [
        *texts({"model": "model"}),
        *numbers(3, {"MRE (mm)": "mre_mm"}),
        SDR_2,
        *numbers(1, {"largest shift from float32 (px)": "max_px_from_float32"}),
        ("relative time", lambda row: f"{float(row['cpu_ms']) / base:.2f}"),
        *numbers(1, {"size (MB)": "mb"}),
    ]
    return rows_table("export_precision", columns)(read)


def site_weights(read: Read) -> list[str]:
    """Return how the error changes on other films, by what is believed of a bias."""
    results = read("site_offsets")
    chosen = [row for row in results.rows if row["question"] == "weight"]
    counts = list(dict.fromkeys(row["marked_films"] for row in chosen))
    change = {(row["films"], row["choice"], row["marked_films"]): number("change_mm", 2)(row) for row in chosen}
    pairs = dict.fromkeys((row["films"], row["choice"]) for row in chosen)
    lines = [[films, choice, *(change[films, choice, count] for count in counts)] for films, choice in pairs]
    header = ("films", "weight by", *(f"{count} film{'' if count == '1' else 's'}" for count in counts))
    return [*markdown(header, lines), "", results.source]


def active_learning(read: Read) -> list[str]:
    """Return the error after each round of annotation, by strategy."""
    results = read("active_learning")
    counts = list(dict.fromkeys(row["labelled"] for row in results.rows))
    errors = {(row["strategy"], row["labelled"]): number("mre_mm", 2)(row) for row in results.rows}
    strategies = dict.fromkeys(row["strategy"] for row in results.rows)
    lines = [[f"`{name}`", *(errors[name, count] for count in counts)] for name in strategies]
    return [*markdown(("strategy", *(f"{count} films" for count in counts)), lines), "", results.source]


def _ablation_difference(row: Row) -> str:
    return "" if row["inference"].startswith("shipped:") else interval("difference_mm", 2, "+")(row)


def _retraining(column: str, sign: str = "") -> Cell:
    """Return the cell of a statistic in mm or in percent."""
    return lambda row: interval(column, 2 if "(mm)" in row["statistic"] else 1, sign)(row)


def _milliseconds(column: str) -> Cell:
    return lambda row: number(column, 0 if float(row["median_ms"]) > 50 else 1)(row)


TABLES: dict[str, Table] = {
    "shipped_short": shipped_short,
    "shipped": shipped,
    "shipped_landmarks": shipped_landmarks,
    "models": models,
    # The time that a film takes, by way of computing it.
    "speed_inference": rows_table(
        "speed_inference",
        [
            *texts({"": "what"}),
            *numbers(0, {"ms a film": "ms_per_film"}),
            *numbers(1, {"times faster": "times_faster"}),
            *numbers(0, {"memory (MB)": "peak_memory_mb", "GFLOP": "gflop_per_film"}),
            *numbers(2, {"share of peak": "share_of_peak"}),
            *texts({"dtype": "dtype"}),
        ],
    ),
    # Where the time of a film goes.
    "speed_profile": rows_table(
        "speed_profile",
        [*texts({"part": "what"}), *numbers(1, {"ms a film": "ms_per_film"}), *texts({"%": "percent"}, "-")],
    ),
    # How many films of a folder are done in a second.
    "speed_folder": rows_table(
        "speed_folder",
        [
            *texts({"": "what"}),
            *numbers(1, {"films/s": "films_per_second"}),
            *texts({"% of the networks alone": "of_the_networks_alone_percent"}),
        ],
    ),
    # How many training samples are made and used in a second.
    "speed_training": rows_table(
        "speed_training",
        [
            *texts({"": "what"}),
            *numbers(0, {"samples/s": "samples_per_second"}),
            *texts({"% of the slower part": "of_the_slower_part_percent"}, "-"),
        ],
    ),
    # What each choice of inference is worth, beside the shipped one.
    "inference_ablation": rows_table(
        "inference_ablation",
        [
            (
                "inference",
                lambda row: f"**{row['inference']}**" if row["inference"].startswith("shipped:") else row["inference"],
            ),
            ("MRE +- SD (mm)", lambda row: f"{number('mre_mm', 2)(row)} +- {number('sd_mm', 2)(row)}"),
            *((f"SDR {mm} mm (%)", number(f"sdr_{mm}", 1)) for mm in ("2", "2.5", "3", "4")),
            ("difference in MRE (mm)", _ablation_difference),
        ],
    ),
    "training_ablation": training_ablation,
    # How accurate each recipe is on films that it has not seen, after the same computing time.
    "cross_validation": rows_table(
        "cross_validation",
        [
            ("recipe", lambda row: RECIPES[row["recipe"]]),
            *texts({"films": "films"}),
            MRE,
            SDR_2_INTERVAL,
            ("difference from `BasicUNet` (mm)", interval("difference_mm", 2, "+")),
            ("difference from the default (mm)", interval("from_default_mm", 3, "+")),
        ],
    ),
    "export_precision": export_precision,
    # How weights of another training compare with the shipped ones.
    "retraining": rows_table(
        "retraining",
        [
            *texts({"films": "films", "": "statistic"}),
            ("shipped weights", _retraining("shipped")),
            ("trained again", _retraining("retrained")),
            ("difference", _retraining("difference", "+")),
        ],
    ),
    # What more training of the default's local stage brings on films of another clinic.
    "longer_training": rows_table(
        "longer_training",
        [
            *texts({"local stage": "weights"}),
            *numbers(2, {"MRE (mm)": "mre_mm"}),
            ("difference in MRE (mm)", interval("difference_mm", 2, "+")),
            SDR_2,
            ("difference in SDR (%)", interval("sdr_difference", 1, "+")),
        ],
    ),
    # What ten corrected films of another clinic bring, and what is forgotten.
    "finetuning": rows_table(
        "finetuning",
        [
            *texts({"trained on": "training"}),
            ("other clinic: MRE (mm)", interval("mre_mm", 2)),
            SDR_2,
            *numbers(2, {"ISBI validation films: MRE (mm)": "isbi_mre_mm"}),
            *numbers(1, {"SDR 2 mm (%)": "isbi_sdr_2", "minutes": "minutes"}),
        ],
    ),
    # What a site calibration and fine-tuning bring, by the number of marked films.
    "site_calibration": rows_table(
        "site_calibration",
        [
            *texts({"marked films": "marked_films", "method": "method", "draws": "draws"}),
            *numbers(2, {"MRE before (mm)": "before_mm"}),
            ("after (mm)", lambda row: (number if row["draws"] == "1" else interval)("mre_mm", 2)(row)),
            SDR_2,
            *texts({"draws that became worse (%)": "worse_percent"}),
            *texts({"interval holds the change (%)": "interval_holds_percent"}),
            ("seconds", lambda row: number("seconds", 1 if float(row["seconds"]) < 10 else 0)(row)),
        ],
    ),
    # How well the bias of all other films predicts a film's offsets, by the axes that it is in.
    "site_axes": rows_table(
        "site_offsets",
        [
            *texts({"films": "films", "axes": "choice"}),
            *numbers(3, {"spread along an axis (mm)": "spread_mm"}),
            *numbers(3, {"MRE less the bias of all other films (mm)": "mre_mm"}),
        ],
        only=lambda row: row["question"] == "axes",
    ),
    "site_weights": site_weights,
    # How well the model's uncertainty ranks films by their true error, for the measure that is used.
    "film_uncertainty": rows_table(
        "film_uncertainty",
        [
            *texts({"films": "films"}),
            ("rank correlation with the true error", interval("value", 2, bounds=("low", "high"))),
        ],
        only=lambda row: row["what"].startswith("rank correlation") and row["what"].endswith("(used)"),
    ),
    "active_learning": active_learning,
    # How often an interval holds the true value.
    "interval_coverage": rows_table(
        "interval_coverage",
        [
            *texts({"films": "films", "method": "method", "MRE (%)": "mre", "median (%)": "median"}),
            *texts({"SDR 2 mm (%)": "sdr_2"}),
        ],
    ),
    # How often a ruler in a film was read right, read wrong or left alone.
    "rulers": rows_table(
        "rulers",
        [
            ("films", lambda row: RULER_FILMS.get(row["films"], row["films"])),
            *texts({"": "altered", "number": "number", "right": "right", "wrong": "wrong"}),
            *texts({"left alone": "left_alone", "ms a film": "ms_per_film"}),
        ],
    ),
    # How films with a tilted head fare.
    "tilted": rows_table(
        "tilted",
        [
            ("films", lambda row: SHORT_NAMES[row["films"]]),
            *texts({"turned by (degrees)": "angle_deg", "number": "number", "right (%)": "right_percent"}),
            *texts({"right but flagged (%)": "right_but_flagged_percent"}),
            *texts({"wrong, not flagged (%)": "wrong_found_percent"}),
            *texts({"points over 10 mm, not flagged": "over_10_mm_found"}),
        ],
    ),
    # The processor time of the search.
    "search_time": rows_table(
        "search_time",
        [
            *texts({"pixel size, film": "what", "number": "number", "CPU seconds a film": "cpu_seconds"}),
            *texts({"slowest": "slowest"}),
        ],
    ),
    # How long the page in the browser takes.
    "page": rows_table(
        "page",
        [
            *texts({"what": "what", "number": "number"}),
            ("median (ms)", _milliseconds("median_ms")),
            ("95th percentile (ms)", _milliseconds("p95_ms")),
            ("slowest (ms)", _milliseconds("slowest_ms")),
            *texts({"tasks over 50 ms": "long_tasks"}, "-"),
            *numbers(0, {"CPU (ms)": "cpu_ms"}),
        ],
    ),
    # How well expected errors, confidences and spreads find wrong points and films.
    "uncertainty_ranking": rows_table(
        "uncertainty",
        [
            ("model", lambda row: BUNDLES[row["bundle"]]),
            *texts({"films": "films", "by": "measure"}),
            *numbers(2, {"> 2 mm": "auc_2", "> 3 mm": "auc_3", "> 2 mm, one landmark": "within_2"}),
            *numbers(2, {"> 3 mm, one landmark": "within_3", "film": "rank_film"}),
        ],
        only=lambda row: row["films"] != "altered copies" and not row["films"].endswith(UNCERTAINTY_VARIANTS),
    ),
    # How often regions hold the landmark, and how large the errors are that were expected.
    "uncertainty_coverage": rows_table(
        "uncertainty",
        [
            ("model", lambda row: BUNDLES[row["bundle"]]),
            *texts({"films": "films"}),
            *((f"{level} %", number(f"cover_{level}", 1)) for level in (50, 80, 90, 95)),
            *numbers(1, {"90 % ellipse": "ellipse_90"}),
            *numbers(2, {"mean radius of 90 % (mm)": "radius90", "expected error (mm)": "mean_expected"}),
            *numbers(2, {"error (mm)": "mean_error"}),
        ],
        only=lambda row: row["measure"] == "expected error",
    ),
    "measurement_definitions": measurement_definitions,
    "measurement_classes": measurement_classes,
    "success_classification": success_classification,
    "measurement_agreement": measurement_agreement,
    "measurement_intervals": measurement_intervals,
    # What came of damaged films, all kinds of file together.
    "fuzz_readers": rows_table(
        "fuzz_readers",
        [
            ("damaged films", lambda row: f"{int(row['inputs']):,}"),
            ("read", lambda row: f"{int(row['read']):,}"),
            ("refused", lambda row: f"{int(row['refused']):,}"),
            *texts({"reader crashed": "reader_crashed", "over 10 s": "over_time", "over 2 GB": "over_memory"}),
            *texts({"unclear error": "unclear_error"}),
        ],
        only=lambda row: row["seed"] == "all",
    ),
    # What came of a folder of good and broken films.
    "broken_films": rows_table(
        "broken_films",
        [
            *texts({"good films": "good_films", "broken films": "broken_films", "films done": "done"}),
            *texts({"broken films named": "named", "exit status": "exit_status"}),
        ],
    ),
}
"""Name of each table in the pages -> how it is made."""
