"""Measure the page in the browser: how long films take to open, and how smoothly points, film and list move.

    .venv-label/bin/python -m benchmarks.page

writes ``benchmarks/results/page.csv``. It draws eight phantoms of 1935 x 2400 px, links to them until there are 1,000
films, serves these by ``monai-ceph label``, and opens the page in Chromium. The films' proposals are made before the
clock starts: inference has benchmarks of its own. While something moves, the page hears of a movement
in every frame. The time of a frame is that between two animation frames, so 16.7 ms are 60 frames a second; a long task
keeps the page busy for more than 50 ms. The processor time is that of server and browser together, all threads: what
the times would be at most on one idle core.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import torch

from benchmarks.provenance import command_line, commit, machine_name, versions, write_results
from monai_ceph.active_learning.uncertainty import FilmRecord
from monai_ceph.film_records import STATE_FOLDER, FilmRecords
from monai_ceph.phantoms import write_phantoms
from tools.page_pictures import CHROMIUM, on_screen, served

COLUMNS = ("what", "number", "median_ms", "p95_ms", "slowest_ms", "long_tasks", "cpu_ms")
DRAWN = 8
"""How many different films there are; the others are these under other names."""
SPACING_MM = 0.1

RECORDER = """
let tasks = 0;
new PerformanceObserver(list => { tasks += list.getEntries().length; }).observe({ type: "longtask" });
window.requests = { open: 0, last: 0 };
const ask = window.fetch;
window.fetch = async (...request) => {
  window.requests.open++;
  try {
    return await ask(...request);
  } finally {
    window.requests.open--;
    window.requests.last = performance.now();
  }
};
// Does something in every frame; resolves with the times of the frames and how many tasks were long.
window.everyFrame = (count, act) => new Promise(resolve => {
  const [frames, before] = [[], tasks];
  const next = now => {
    frames.push(now);
    if (frames.length > count) return setTimeout(() => resolve({ frames, tasks: tasks - before }), 200);
    act(frames.length);
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
});
// Moves the mouse, whose button is down, in circles.
window.circle = (x, y, radius) => step => {
  const angle = 2 * Math.PI * step / 60;
  const at = {
    clientX: x + radius * Math.sin(angle), clientY: y + radius * (1 - Math.cos(angle)) / 2,
    bubbles: true, buttons: 1, pointerId: 1, isPrimary: true, pointerType: "mouse",
  };
  const target = document.querySelector(".stage canvas");
  target.dispatchEvent(new PointerEvent("pointermove", at));
  target.dispatchEvent(new MouseEvent("mousemove", at));
};
// Resolves when the points of a film have been painted, with the time since `start`, ms.
window.painted = (film, start) => new Promise(resolve => {
  const look = () => {
    if (document.querySelector(".film")?.dataset.film !== film) return;
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.now() - start));
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-film"] });
  look();
});
"""


def main() -> None:
    parser = command_line(__doc__, "page.csv")
    parser.add_argument("--films", type=int, default=1000, help="films in the work list (default: 1000)")
    parser.add_argument("--repeat", type=int, default=10, help="films that are opened in each way (default: 10)")
    parser.add_argument("--moves", type=int, default=600, help="frames with a movement in each drag (default: 600)")
    parser.add_argument("--beside", default="nothing", help="what else the machine did, for the table's first line")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="default: Debian's")
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        films = make_films(Path(folder) / "films", arguments.films)
        with served(films, SPACING_MM) as address, sync_playwright() as play:
            browser = play.chromium.launch(executable_path=arguments.chromium, args=CHROMIUM)
            chromium, rows = browser.version, []
            for row in measure(browser, f"{address}/page/", arguments.films, arguments.repeat, arguments.moves):
                print(*row, sep=", ", flush=True)
                rows.append(row)
            browser.close()
    threads = os.cpu_count() or 1
    made = [
        f"phantoms of 1935 x 2400 px, {arguments.films} films in the list, page of 1280 x 720",
        f"{machine_name(torch.device('cpu'), threads)}, drawn without a GPU, beside it {arguments.beside}",
        commit(),
        f"Chromium {chromium}, {versions('playwright', 'starlette')}",
        f"command: python -m benchmarks.page --repeat {arguments.repeat} --moves {arguments.moves}",
    ]
    write_results(arguments.output, made, COLUMNS, rows)


def make_films(folder: Path, count: int) -> Path:
    """Write films and what the server knows of each, so that it scores none of them meanwhile."""
    from monai_ceph.label.model import CurrentModel, own_bundle

    drawn = write_phantoms(folder, min(count, DRAWN))
    films = [folder / f"phantom_{k:03d}.png" for k in range(count)]
    for k, film in enumerate(films[len(drawn) :]):
        os.link(drawn[k % len(drawn)], film)
    weights = CurrentModel(own_bundle(folder / STATE_FOLDER)).weights_id()
    records, doubt = FilmRecords(folder / STATE_FOLDER / "uncertainty"), np.random.default_rng(0).random(count)
    for film, uncertainty in zip(films, doubt, strict=True):
        status = film.stat()
        record = FilmRecord(weights, status.st_size, status.st_mtime_ns, float(uncertainty), (0.0,) * 64)
        records.write(film.stem, asdict(record))
    return folder


def measure(browser: Any, address: str, count: int, repeat: int, moves: int) -> Iterator[Sequence[Any]]:
    """Yield the rows of the table."""

    def propose(film: str) -> None:
        urlopen(f"{address}api/prediction?{urlencode({'film': film})}", timeout=600).close()

    names = [f"phantom_{k:03d}" for k in range(count)]
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(600_000)
    page.add_init_script(RECORDER)
    page.add_init_script("localStorage.setItem('monai_ceph_annotator', 'anna')")

    # Films that were never opened: some by the address of a new page, others in a page that is open.
    apart = max(1, count // (2 * repeat + 2))
    fresh, others = (names[start::apart][1 : repeat + 1] for start in (0, apart // 2))
    for film in [*fresh, *others]:
        propose(film)
    times: list[float] = []
    cpu: list[float] = []
    for film in fresh:
        page.goto("about:blank")
        before = processor_ms()
        page.goto(f"{address}#film={film}")
        times.append(page.evaluate("film => painted(film, 0)", film))
        cpu.append(processor_ms() - before)
        assert page.locator(".row").count() > 0
        settle(page)
    yield row("page opened at a film, to its points", times, "", cpu)
    times, cpu = [], []
    for film in others:
        before = processor_ms()
        opening = """film => {
            const start = performance.now();
            location.hash = `film=${film}`;
            return painted(film, start);
        }"""
        times.append(page.evaluate(opening, film))
        cpu.append(processor_ms() - before)
        settle(page)
    yield row("another film opened, to its points", times, "", cpu)

    times, cpu = [], []
    at = names.index(others[-1])
    for film in names[at + 1 : at + 1 + repeat]:
        propose(film)
        settle(page)
        pressing = """film => {
            const start = performance.now();
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "PageDown", bubbles: true }));
            return painted(film, start);
        }"""
        before = processor_ms()
        times.append(page.evaluate(pressing, film))
        cpu.append(processor_ms() - before)
    yield row("next film opened, to its points", times, "", cpu)

    def dragged(what: str, start: tuple[float, float], radius: float) -> Sequence[Any]:
        settle(page)
        page.mouse.move(*start)
        page.mouse.down()
        found = frames(page, what, f"everyFrame({moves}, circle({start[0]}, {start[1]}, {radius}))")
        page.mouse.up()
        return found

    film, box = names[at + repeat], page.locator(".film").bounding_box()
    corner = box["x"] + 30, box["y"] + box["height"] - 60
    yield dragged("a point is dragged", on_screen(page, film, 0), 60)
    page.keyboard.press("Control+z")
    yield dragged("the film is moved", corner, 40)
    page.get_by_role("button", name="Zoom in").click(click_count=4)
    yield dragged("a point is dragged, zoomed in", on_screen(page, film, 0), 60)
    page.keyboard.press("Control+z")
    page.keyboard.press("f")
    page.get_by_role("button", name="Window", exact=True).click()
    yield dragged("window and level change", corner, 40)
    settle(page)
    page.evaluate("() => { window.list = document.querySelector('.rows'); window.list.scrollTop = 0; }")
    yield frames(page, "the list is scrolled", f"everyFrame({moves}, step => {{ list.scrollTop = step * 100; }})")


def settle(page: Any) -> None:
    """Wait until the page has asked the server for nothing for a second, as while somebody looks at a film."""
    while page.evaluate("() => window.requests.open > 0 || performance.now() - window.requests.last < 1000"):
        page.wait_for_timeout(100)


def frames(page: Any, what: str, act: str) -> Sequence[Any]:
    """Return the row of the times between frames while something is done in the page."""
    before = processor_ms()
    recorded = page.evaluate(f"() => {act}")
    times = np.diff(recorded["frames"])
    return row(f"frame while {what}", times, recorded["tasks"], [(processor_ms() - before) / len(times)])


def processor_ms() -> float:
    """Return the processor time of the server and of all processes of the browser so far."""
    import psutil

    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            used = process.cpu_times()
        except psutil.NoSuchProcess:  # ended meanwhile
            continue
        total += used.user + used.system
    return 1000 * total


def row(what: str, times_ms: Sequence[float], long_tasks: int | str, cpu_ms: Sequence[float]) -> list[Any]:
    numbers: tuple[Any, ...] = np.median(times_ms), np.percentile(times_ms, 95), np.max(times_ms)
    return [what, len(times_ms), *(f"{number:.1f}" for number in numbers), long_tasks, f"{np.median(cpu_ms):.1f}"]


if __name__ == "__main__":
    main()
