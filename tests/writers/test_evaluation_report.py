from __future__ import annotations

import math
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from monai_ceph import __version__
from monai_ceph.evaluation.evaluation import Evaluation
from monai_ceph.metrics.interval import METHOD
from monai_ceph.metrics.reference_scores import ReferenceScores
from monai_ceph.writers.evaluation_report import Picture, html_report, worst_films, worst_points, write_report

HOSTILE = """<script src='http://x.example/a.js'></script>"&amp;"""
VOID = {"meta", "br", "path", "use", "image"}


class Page(HTMLParser):
    """Parser that fails on unbalanced tags and collects every table as rows of text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in VOID:
            return
        self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data if "small" not in self.open else f" [{data}]"


def _scores(films: tuple[str, ...] = ("001", "002", "003"), name: str = "mean", seed: int = 0) -> ReferenceScores:
    draw = np.random.default_rng(seed)
    target = draw.uniform(20, 100, (len(films), 3, 2))
    points = target + draw.normal(0, 1.5, target.shape)
    return ReferenceScores("predictions", name, ("S", "N", "Pog'"), films, points, target)


def _evaluation(scores: ReferenceScores | None = None) -> Evaluation:
    return Evaluation(
        scores=(scores or _scores(),),
        observers=(_scores(name="senior.csv", seed=1),),
        retest=(_scores(("278 = 159", "282 = 80"), seed=2),),
        predictions="out/landmarks.csv",
        references=("senior.csv", "junior.csv"),
        scheme="isbi19",
        spacing_mm=(0.1, 0.2),
        excluded_films={"isbi2015-duplicates": ("278", "282"), "017": ("017",)},
        excluded_landmarks=("Go",),
        remarks=("junior.csv: film 3 has no S",),
    )


def test_page_has_every_statistic_with_its_interval() -> None:
    evaluation = _evaluation()
    overall, landmarks, *_ = Page(html_report(evaluation)).tables
    assert [row[0] for row in overall[1:]] == [
        "n", "missing", "MRE (mm)", "SD (mm)", "median (mm)", "SDR 2 mm (%)", "2.5 mm (%)", "3 mm (%)", "4 mm (%)",
    ]  # fmt: skip
    for column, scores in enumerate(evaluation.all_scores, 1):
        statistics, bounds = scores.summary["overall"], scores.intervals["overall"]
        low, high = bounds["mre"]
        assert overall[3][column] == f"{statistics['mre']:.3f} [{low:.2f}\N{EN DASH}{high:.2f}]"
        assert overall[1][column] == str(statistics["n"])
        assert overall[6][column].split(" ")[0] == f"{statistics['sdr_percent']['2']:.2f}"
    assert [row[0] for row in landmarks] == ["landmark", "all", "S", "N", "Pog'"]
    summary = evaluation.scores[0].summary["per_landmark"]["N"]
    assert landmarks[3][3].split(" ")[0] == f"{summary['mre']:.3f}"
    assert landmarks[3][5].split(" ")[0] == f"{summary['median']:.3f}"


def test_page_states_the_settings() -> None:
    text = " ".join(Page(html_report(_evaluation())).text.split())
    for part in (
        "out/landmarks.csv",
        "senior.csvjunior.csv",
        "mean: against the mean of the references",
        "scheme isbi19, 3 scored; left out: Go",
        "0.1 \N{MULTIPLICATION SIGN} 0.2 mm",
        "isbi2015-duplicates (2 films: 278, 282); 017",
        METHOD,
        f"monai_ceph {__version__}",
        "junior.csv: film 3 has no S",
        "not a medical device",
    ):
        assert part in text


def test_page_loads_and_executes_nothing() -> None:
    picture = '<svg xmlns="http://www.w3.org/2000/svg"><path d=""/></svg>'
    page = html_report(_evaluation(_scores((HOSTILE, "002"))), [Picture(picture, HOSTILE)])
    tags = Page(page).tags
    assert not {"script", "link", "iframe", "img", "a"} & {tag for tag, _ in tags}
    addresses = [value for _, attributes in tags for key, value in attributes.items() if key in ("src", "href")]
    assert addresses == []
    assert re.findall(r"url\(|@import", page) == []
    (policy,) = [attributes["content"] for tag, attributes in tags if "http-equiv" in attributes]
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("field", ["predictions", "references", "scheme", "remarks", "reference", "film"])
def test_hostile_names_are_escaped(field: str) -> None:
    scores = _scores((HOSTILE, "002")) if field == "film" else _scores()
    if field == "reference":
        scores = _scores(name=HOSTILE)
    others = {"references": (HOSTILE,), "remarks": (HOSTILE,), "predictions": HOSTILE, "scheme": HOSTILE}
    evaluation = Evaluation((scores,), **({field: others[field]} if field in others else {}))
    page = Page(html_report(evaluation))
    assert HOSTILE in page.text
    assert "script" not in [tag for tag, _ in page.tags]


def test_pictures_are_embedded_with_their_captions() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'
    page = html_report(_evaluation(), [Picture(svg, "errors < 2 mm")])
    assert svg in page
    assert "<figcaption>errors &lt; 2 mm</figcaption>" in page
    assert "<h2>Figures</h2>" not in html_report(_evaluation())


def test_missing_landmarks_and_unscored_films_are_listed() -> None:
    scores = _scores()
    points = scores.points_mm.copy()
    points[1, 2] = np.nan
    incomplete = replace(scores, points_mm=points, without_reference=("9",))
    page = Page(html_report(_evaluation(incomplete)))
    assert "Missing: annotated, without a prediction (1)" in page.text
    assert "002: Pog'" in page.text
    assert "not scored (1)" in page.text
    assert "Missing: annotated" not in Page(html_report(_evaluation())).text


def test_each_reference_has_its_own_tables() -> None:
    evaluation = Evaluation((_scores(name="a"), _scores(name="b", seed=3)), protocol="each")
    page = Page(html_report(evaluation))
    assert len(page.tables) == 1 + 2 + 2 * 2
    assert "By landmark, against b" in page.text


def test_page_of_one_film_has_no_intervals() -> None:
    page = Page(html_report(Evaluation((_scores(("1",)),))))
    assert page.text.count("no interval") == 2
    assert "nan" not in page.text.lower()


def test_page_without_scipy_has_no_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    page = Page(html_report(_evaluation()))
    assert "none: they need SciPy" in page.text
    assert "[" not in "".join(cell for row in page.tables[0][1:] for cell in row)


def test_error_without_jinja_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"needs Jinja2.*monai-ceph\[evaluate\]"):
        html_report(_evaluation())


def test_page_is_reproducible(tmp_path: Path) -> None:
    write_report(tmp_path / "a.html", _evaluation())
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == html_report(_evaluation())


def _with_errors(errors: list[list[float]]) -> ReferenceScores:
    """Return scores with given errors along x: NaN means no reference, infinity no prediction."""
    values = np.array(errors)
    target = np.stack([np.zeros_like(values), np.zeros_like(values)], -1)
    target[np.isnan(values)] = np.nan
    points = np.stack([np.where(np.isinf(values), np.nan, values), np.zeros_like(values)], -1)
    names = tuple(f"f{k}" for k in range(len(values)))
    return ReferenceScores("predictions", "r", tuple("ABC"[: values.shape[1]]), names, points, target)


def test_worst_films_are_those_without_landmarks_then_by_mean_error() -> None:
    scores = _with_errors([[1, 2, 3], [9, math.nan, math.inf], [math.inf] * 3, [1, 1, 10]])
    worst = worst_films(scores)
    assert [film.film for film in worst] == ["f2", "f1", "f3", "f0"]
    assert [film.missing for film in worst] == [3, 1, 0, 0]
    assert worst[1][1:4] == (9, 9, "A")
    assert worst[2][1:4] == (4, 10, "C")
    assert [film.film for film in worst_films(scores, 2)] == ["f2", "f1"]


def test_worst_points_are_the_largest_finite_errors() -> None:
    worst = worst_points(_with_errors([[1, -7], [math.inf, math.nan], [3, 5]]), 3)
    assert [(point.film, point.symbol, point.error_mm, point.dx_mm) for point in worst] == [
        ("f0", "B", 7, -7), ("f2", "B", 5, 5), ("f2", "A", 3, 3),
    ]  # fmt: skip
    assert len(worst_points(_with_errors([[1, -7], [math.inf, math.nan]]))) == 2
