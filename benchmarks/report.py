"""Write the figures of README, docs and bundle from the committed tables in ``benchmarks/results``.

python -m benchmarks.report            rewrite what stands between the markers, the bundle's metadata and the chart
python -m benchmarks.report --check    name what is out of date, exit with status 1, write nothing

A page holds a table between two comments, ``<!-- table NAME, made by benchmarks/report.py -->`` and
``<!-- end of table NAME -->``. The names are those in ``benchmarks/report_tables.py``.
"""

from __future__ import annotations

import argparse
import functools
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.report_chart import chart, uncertainty_chart
from benchmarks.report_results import RESULTS, Read, read_results
from benchmarks.report_tables import TABLES
from monai_ceph.atomic import write_text
from monai_ceph.plots.save import as_svg, save_plot
from monai_ceph.predictor.bundle import DEFAULT

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/*.md", "benchmarks/README.md", "bundles/*/docs/README.md")
METADATA = "bundles/*/configs/metadata.json"
CHART = Path("docs/images/accuracy_against_time")
UNCERTAINTY_CHART = Path("docs/images/uncertainty")
BLOCK = re.compile(
    r"(?P<begin><!-- table (?P<name>\w+), made by benchmarks/report\.py -->\n)"
    r"(?P<content>.*?)"
    r"(?P<end><!-- end of table (?P=name) -->)",
    re.DOTALL,
)
MARKER = re.compile(r"<!-- (?:end of )?table .*?-->")

ALL = ("predictions", "all")
METRICS = {"isbi2015_validation": "validation_films", "hamedan": "another_clinic"}
"""Set of films -> what its metrics are called in a bundle's metadata."""


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write or check all figures.

    Args:
        argv: the arguments; by default those of the process.
        root: the checkout.
    Returns:
        The exit status: 1 where ``--check`` finds something out of date.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, name what is out of date")
    check: bool = parser.parse_args(argv).check
    read = functools.cache(lambda name: read_results(root / RESULTS / f"{name}.csv"))
    outdated = [path for path, text in new_texts(root, read) if text != path.read_text(encoding="utf-8")]
    figures = {root / CHART: chart(read("models").rows)}
    if (root / RESULTS / "uncertainty_bins.csv").is_file():
        coverage, bins = (read(name).rows for name in ("uncertainty", "uncertainty_bins"))
        figures[root / UNCERTAINTY_CHART] = uncertainty_chart(bins, coverage, DEFAULT)
    for path, figure in figures.items():
        picture = path.with_suffix(".svg")
        if not picture.is_file() or picture.read_text(encoding="utf-8") != as_svg(figure):
            outdated.append(picture)
    if check:
        for path in outdated:
            print(f"'{path.relative_to(root)}' is out of date; run: python -m benchmarks.report", file=sys.stderr)
        return 1 if outdated else 0
    for path, text in new_texts(root, read):
        if path in outdated:
            write_text(path, text)
    for path, figure in figures.items():
        if path.with_suffix(".svg") in outdated:
            save_plot(figure, path)
    return 0


def new_texts(root: Path, read: Read) -> Iterator[tuple[Path, str]]:
    """Yield every file that holds figures, with the text that it should have."""
    for path in sorted(path for pattern in PAGES for path in root.glob(pattern)):
        yield path, with_tables(path.read_text(encoding="utf-8"), read)
    for path in sorted(root.glob(METADATA)):
        yield path, with_metrics(path.read_text(encoding="utf-8"), path.parents[1].name, read)


def with_tables(text: str, read: Read) -> str:
    """Return a page with its tables made anew.

    Raises:
        ValueError: a marker stands alone, or names a table that there is not.
    """

    def made(block: re.Match[str]) -> str:
        name = block["name"]
        if name not in TABLES:
            raise ValueError(f"Expected a table called {', '.join(sorted(TABLES))}; got '{name}'.")
        return "\n".join([block["begin"], *TABLES[name](read), "", block["end"]])

    if left := MARKER.findall(BLOCK.sub("", text)):
        raise ValueError(
            "Expected '<!-- table NAME, made by benchmarks/report.py -->' and then '<!-- end of table NAME -->', got a "
            f"marker without its partner: '{left[0]}'."
        )
    return BLOCK.sub(made, text)


def with_metrics(text: str, bundle: str, read: Read) -> str:
    """Return a bundle's metadata with ``eval_metrics`` made anew, of every set of films that it was evaluated on.

    Raises:
        ValueError: the bundle has no row in the results.
    """
    rows = [row for row in read("shipped").rows if (row["bundle"], row["compared"], row["landmark"]) == (bundle, *ALL)]
    if not rows:
        raise ValueError(
            f"Expected rows of bundle '{bundle}' over all landmarks in shipped.csv, got none; "
            "run: python -m benchmarks.shipped"
        )
    metadata = json.loads(text)
    metadata["eval_metrics"] = {
        f"{METRICS[row['films']]}_{name}": round(float(row[column]), decimals)
        for row in rows
        for name, column, decimals in (("MRE_mm", "mre", 3), ("SDR_2mm_percent", "sdr_2", 2))
    }
    return json.dumps(metadata, indent=4, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
