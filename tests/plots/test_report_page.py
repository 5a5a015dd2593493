"""The report on paper: what it says is checked on the figure, that it is one page of A4 on the file."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text

from monai_ceph.landmarks import ISBI19
from monai_ceph.plots.film_report import check_report_extra, write_film_report
from monai_ceph.plots.report_page import report_page
from tests.reports import FILM, HOSTILE, prediction, report


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def test_page_says_what_a_reader_has_to_know() -> None:
    made = report(remarks=("the face looks to the left",))
    said = texts(report_page(FILM, made))
    for one in made.measurements.measurements:
        assert any(text.replace("\n", " ").startswith(one.name) for text in said), one.name
    words = " ".join(said).replace("\n", " ")
    for part in (
        "Research only, not a medical device",
        "film.png, 100 \N{MULTIPLICATION SIGN} 110 px",
        "2 mm (given by the user)",
        "a model, weights 0123456789ab",
        "The face looks to the left.",
        "S 0.50, N 0.53",
        "class I",
    ):
        assert part in words
    assert "nan" not in words


def test_measurements_of_doubtful_points_are_marked() -> None:
    status = ["doubtful" if symbol == "A" else "found" for symbol in ISBI19.symbols]
    said = texts(report_page(FILM, report(status=tuple(status))))
    assert "SNA ?" in said and "facial angle" in said and "facial angle ?" not in said


def test_nothing_is_written_outside_the_page_and_long_words_are_broken() -> None:
    figure = report_page(FILM, report(without="Go", spacing_mm=None, image="x" * 200 + ".png", remarks=("long " * 60,)))
    figure.draw_without_rendering()
    page = figure.bbox
    boxes = [text.get_window_extent() for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    inside = [box.x0 >= 0 and box.x1 <= page.width and box.y0 >= 0 and box.y1 <= page.height for box in boxes]
    assert all(inside)


def test_files_are_one_page_of_a4_and_a_page_of_html_with_the_same_bytes_each_time(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    # The font lacks the letters at the end of the name.
    made = report(image=HOSTILE + "\u60a3\u8005.png", spacing_mm=None)
    for name in "ab":
        write_film_report(tmp_path / f"{name}.pdf", tmp_path / f"{name}.html", FILM, made)
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-") and len(re.findall(rb"/Type /Page\b", pdf)) == 1
    [size] = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", pdf)
    assert [float(side) for side in size] == pytest.approx([595.28, 841.89], abs=0.1)
    assert b"/URI" not in pdf and b"/JavaScript" not in pdf
    html = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert html.count("<svg") == 2 and "<script" not in html and "\u60a3\u8005.png" in html
    # Only namespaces, pictures within the page and places in it.
    assert set(re.findall(r'(?:href|src)="(data:|#|.*)', html)) == {"data:", "#"}
    assert [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)] == []
    assert pdf == (tmp_path / "b.pdf").read_bytes()
    assert html == (tmp_path / "b.html").read_text(encoding="utf-8")


def test_the_example_in_the_documentation_writes_a_report(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (repository / "docs" / "report.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "report.md", "exec"), {"prediction": prediction(), "film": FILM})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.html", "film.pdf"]


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_error_without_the_extra_names_it(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"A report needs {package}; install it with: .*monai-ceph\[report\]"):
        check_report_extra()


def test_wide_film_fits_the_page() -> None:
    figure = report_page(np.zeros((300, 100), np.float32) + np.arange(100), report())
    assert all(axes.get_position().x0 >= 0 and axes.get_position().x1 <= 1 for axes in figure.axes)
