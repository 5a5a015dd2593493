"""Take the pictures of docs/annotation_page.md: the page on phantoms, in Chromium. Run it with .venv-label; a minute.

.venv-label/bin/python tools/page_pictures.py
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai_ceph.phantoms import write_phantoms

REPOSITORY = Path(__file__).resolve().parents[1]
FILMS: dict[str, Any] = {"count": 6, "seed": 4, "size": (968, 1200), "spacing_mm": 0.2}
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "images", help="default: docs/images")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="default: Debian's")
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory() as folder,
        served(drawn(Path(folder)), 0.2) as address,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=arguments.chromium, args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{address}/page/")
        page.get_by_label("Name", exact=True).fill("anna")
        page.get_by_role("button", name="Go on").click()
        page.locator(".saved:not(:empty)").wait_for(timeout=120_000)
        drag(page, 8, (9, 12))
        page.mouse.up()
        drag(page, 9, (-14, 16))
        page.locator(".loupe").wait_for()
        page.wait_for_timeout(1000)  # the measurements and the tracing follow the points
        page.screenshot(path=arguments.output / "annotation_page.jpg", quality=85)
        page.mouse.up()
        page.get_by_role("tab", name="Measure").click()
        page.wait_for_timeout(500)
        page.screenshot(path=arguments.output / "annotation_page_measure.jpg", quality=85)
        browser.close()


def drawn(folder: Path) -> Path:
    """Draw films into a folder of a folder, and return it."""
    write_phantoms(folder / "films", **FILMS)
    return folder / "films"


@contextmanager
def served(films: Path, spacing_mm: float) -> Iterator[str]:
    """Serve a folder of films and yield the server's address."""
    command = [sys.executable, "-m", "monai_ceph", "label", str(films), "--port", "0", "--spacing", str(spacing_mm)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            address = next(match[1] for line in server.stdout if (match := re.search(r"(http://\S+)/page/", line)))
            while True:
                try:
                    urllib.request.urlopen(f"{address}/page/api/info", timeout=60).close()
                    break
                except OSError:
                    time.sleep(0.5)
            yield address
        finally:
            server.terminate()


def drag(page: Any, landmark: int, step: tuple[int, int]) -> None:
    """Take a landmark of the film by the mouse and move it, pixels of the screen; the button stays down."""
    x, y = on_screen(page, "phantom_000", landmark)
    page.mouse.move(x, y)
    page.mouse.down()
    for part in (0.5, 1):
        page.mouse.move(x + part * step[0], y + part * step[1])


def on_screen(page: Any, film: str, landmark: int) -> tuple[float, float]:
    """Return where the page shows a film's proposal of a landmark."""
    asking = "film => fetch(`api/prediction?film=${film}`).then(answer => answer.json())"
    point = page.evaluate(asking, film)["points"][landmark]
    view, box = json.loads(page.locator(".film").get_attribute("data-view")), page.locator(".film").bounding_box()
    return box["x"] + point[0] * view["scale"] + view["x"], box["y"] + point[1] * view["scale"] + view["y"]


if __name__ == "__main__":
    main()
