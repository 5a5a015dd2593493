from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from monai_ceph.plots import as_svg, detection_curve, error_box_plot, error_ellipses, save_plot

DRAW = """
import numpy as np
from monai_ceph.plots import as_svg, error_box_plot
print(as_svg(error_box_plot(np.arange(24.0).reshape(8, 3), ["S", "N", "<&>"])))
"""


def _figure() -> Figure:
    return error_box_plot(np.arange(24.0).reshape(8, 3), ["S", "N", "<&>"])


def test_svg_is_the_same_in_another_process(repository: Path) -> None:
    other = subprocess.run([sys.executable, "-c", DRAW], cwd=repository, capture_output=True, text=True, check=True)
    assert other.stdout.rstrip("\n") == as_svg(_figure()).rstrip("\n")


def test_layout_is_the_same_each_time_it_is_drawn(tmp_path: Path) -> None:
    figure = detection_curve({"a": np.arange(12.0), "b": np.arange(7.0)})
    first = as_svg(figure)
    svg, _ = save_plot(figure, tmp_path / "a")
    assert svg.read_text(encoding="utf-8") == as_svg(figure) == first


def test_svg_is_well_formed_and_keeps_its_text() -> None:
    root = ElementTree.fromstring(as_svg(_figure()))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "<&>" in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_svg_has_no_addresses_and_no_date() -> None:
    svg = as_svg(_figure())
    assert set(re.findall(r'[\w:]*="https?://[^"]*"', svg)) <= {
        'xmlns="http://www.w3.org/2000/svg"',
        'xlink="http://www.w3.org/1999/xlink"',
        'xmlns:xlink="http://www.w3.org/1999/xlink"',
    }
    assert svg.count("http") == svg.count("xmlns")
    assert "date" not in svg


def test_svg_has_no_group_ids_that_could_clash_in_a_page() -> None:
    assert re.findall(r'<g id="', as_svg(_figure())) == []


def test_threads_give_the_same_svg() -> None:
    def draw(k: int) -> str:
        if k % 2:
            return as_svg(_figure())
        draws = np.random.default_rng(k).normal(size=(2, 5, 3, 2))
        return as_svg(error_ellipses(*draws, ["S", "N", "Po"]))

    alone = [draw(k) for k in range(6)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, range(6))) == alone


def test_svg_with_missing_glyphs_does_not_warn(recwarn: pytest.WarningsRecorder) -> None:
    as_svg(error_box_plot(np.ones((2, 1)), ["\u9f52"]))
    assert [str(warning.message) for warning in recwarn] == []


def test_svg_and_png_are_written(tmp_path: Path) -> None:
    svg, png = save_plot(_figure(), tmp_path / "errors.v1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["errors.v1.png", "errors.v1.svg"]
    assert svg.read_text(encoding="utf-8").startswith("<svg")
    with Image.open(png) as picture:
        assert picture.format == "PNG"
        assert picture.info.get("Software") is None


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"Cannot write '.*nowhere.errors\.svg'"):
        save_plot(_figure(), tmp_path / "nowhere" / "errors")
