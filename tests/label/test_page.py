"""The page in a real browser on a real server: an annotator's day."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.data.label_plausibility import ImplausibleLabelError, check_plausible
from monai_ceph.data.viewer_frame import viewer_frame
from monai_ceph.formats.annotations import read_annotations
from monai_ceph.formats.markups import to_markups
from monai_ceph.landmarks import ISBI19
from monai_ceph.page.app import page_app
from monai_ceph.page.film_files import FilmFiles
from monai_ceph.page.work import LabelRefusedError
from monai_ceph.prediction import annotated
from monai_ceph.predictor.predictor import Predictor
from tests.bundles.tiny import SPACING_MM
from tests.label.conftest import Server, draw_films, label_of, running, served, train

sync_api = pytest.importorskip("playwright.sync_api", reason="the page is tested with playwright; run: make test-label")

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 120_000
sync_api.expect.set_options(timeout=WAIT_MS)
DRAWN = ("phantom_000", "phantom_003")
"""Films that an expert has labelled."""

pytestmark = pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="the page needs Debian's chromium; install it")


@pytest.fixture(scope="module")
def server(label_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = draw_films(tmp_path_factory.mktemp("page") / "films", 7)
    labels = LabelFolder(folder)
    for film in DRAWN:  # what a network with random weights proposes is no face
        points = annotated(f"{film}.png", ISBI19, drawn(folder, film))
        label = json.dumps(to_markups(points, viewer_frame(labels.film(film))))
        labels.save(film, label.encode(), user="expert")
    with running(folder, "--bundle", str(label_bundle), "--spacing", str(SPACING_MM)) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


class Annotator:
    """Somebody in front of the page."""

    def __init__(self, address: str, page: Any) -> None:
        self.address, self.page = address, page

    def open(self, film: str, user: str = "") -> None:
        """Open a film, under a name if it is asked for, and wait for its points."""
        self.page.goto(f"{self.address}#film={film}")
        if user:
            self.page.get_by_label("Name", exact=True).fill(user)
            self.page.get_by_role("button", name="Go on").click()
        self.see(self.page.get_by_role("heading", name=film))
        sync_api.expect(self.page.locator("body[aria-busy]")).to_have_count(0)
        self.see(self.page.locator(".saved:not(:empty)"))
        sync_api.expect(self.film).to_have_attribute("data-film", film)

    @property
    def film(self) -> Any:
        return self.page.locator(".film")

    @property
    def view(self) -> dict[str, float]:
        """Where the film lies on the screen."""
        view: dict[str, float] = json.loads(self.film.get_attribute("data-view"))
        return view

    def wait_until(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + WAIT_MS / 1000
        while not done():
            assert time.monotonic() < until
            self.page.wait_for_timeout(20)

    def see(self, locator: Any) -> None:
        sync_api.expect(locator.first).to_be_visible()

    def saved(self, text: str) -> None:
        sync_api.expect(self.page.locator(".saved")).to_have_text(text)

    def note(self, symbol: str) -> Any:
        """Return what the list says of a landmark."""
        row = self.page.locator(".landmark", has=self.page.get_by_text(symbol, exact=True))
        return row.locator(".note")

    def on_screen(self, point: Any) -> tuple[float, float]:
        view, box = self.view, self.film.bounding_box()
        return box["x"] + point[0] * view["scale"] + view["x"], box["y"] + point[1] * view["scale"] + view["y"]

    def drag(self, start: Any, end: Any) -> None:
        self.page.mouse.move(*self.on_screen(start))
        self.page.mouse.down()
        self.page.mouse.move(*self.on_screen((np.add(start, end)) / 2))
        self.page.mouse.move(*self.on_screen(end))
        self.page.mouse.up()

    def touch(self, *ways: tuple[Any, Any]) -> None:
        """Put fingers down, move each from one place on the screen to another, and lift them."""
        send = self.page.context.new_cdp_session(self.page).send
        for kind, part in (("touchStart", 0.0), *(("touchMove", k / 5) for k in range(1, 6)), ("touchEnd", None)):
            at = [] if part is None else [np.add(start, part * np.subtract(end, start)) for start, end in ways]
            points = [{"x": float(x), "y": float(y), "id": k} for k, (x, y) in enumerate(at)]
            send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)


@contextmanager
def sitting(address: str, browser: Any, film: str, name: str = "", **device: Any) -> Iterator[Annotator]:
    """Open the page for somebody; fail if it reported an error or asked another host for anything."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **device})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            wrong.append(asked.url) if urlsplit(asked.url).netloc not in (urlsplit(address).netloc, "") else None
        ),
    )
    annotator = Annotator(address, page)
    annotator.open(film, name)
    page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
    try:
        yield annotator
    finally:
        context.close()
    assert wrong == []


@pytest.fixture
def anna(server: Server, browser: Any) -> Iterator[Annotator]:
    with sitting(f"{server.url}/page/", browser, "phantom_000", "anna") as annotator:
        yield annotator


def viewed(kind: type[FilmFiles], server: Server, output: Path) -> FilmFiles:
    """Return the films that an expert has labelled, as ``monai-ceph view --annotations`` has them."""

    def no_predictor() -> Predictor:
        raise AssertionError("the points are given")

    films = [server.folder / f"{film}.png" for film in DRAWN]
    return kind(films, output, ISBI19, no_predictor, read_annotations(server.folder / "points.csv"), SPACING_MM)


def drawn(folder: Path, film: str) -> np.ndarray:
    """Return where a drawn film has its landmarks."""
    return read_annotations(folder / "points.csv").points_px[film]


def stored(server: Server, film: str, user: str) -> np.ndarray:
    """Return a user's label as the package reads it from the disk."""
    folder = LabelFolder(server.folder)
    return folder.points_px(film, folder.annotators()[user][film])


def drags(points: np.ndarray, count: int) -> list[tuple[int, np.ndarray]]:
    """Return landmarks and where to drag each, so that no other point is near its start or its end."""
    points, chosen = points.copy(), []
    for k in range(len(points)):
        others = np.delete(points, k, 0)
        for step in ((-40, 0), (40, 0), (0, -40), (0, 40), (-60, 60), (60, 60), (-90, -20), (-90, 20)):
            end = points[k] + step
            ways = np.linalg.norm(others[:, None] - np.stack([points[k], end]), axis=-1)
            if np.nanmin(ways) > 20 and 20 < end[0] < 300 and 20 < end[1] < 380:
                points[k] = end
                chosen.append((k, end))
                break
        if len(chosen) == count:
            return chosen
    raise AssertionError(f"All points lie too close to each other: {points}")


def test_dragged_points_are_where_they_were_left_after_saving_and_reloading(server: Server, anna: Annotator) -> None:
    points = drawn(server.folder, "phantom_000")
    wanted = points.copy()
    chosen = drags(points, 3)
    last = chosen[-1][0]
    note = anna.note(ISBI19.symbols[last])
    before = note.text_content()
    for k, end in chosen:
        wanted[k] = end
        anna.drag(points[k], end)
    anna.saved("changed")
    sync_api.expect(note).not_to_have_text(before)
    anna.press("Control+z")
    sync_api.expect(note).to_have_text(before)
    anna.press("Control+Shift+z")
    sync_api.expect(note).not_to_have_text(before)
    anna.press("Shift+ArrowRight")
    wanted[last, 0] += 1 / SPACING_MM
    anna.press("ArrowUp")
    wanted[last, 1] -= 0.1 / SPACING_MM
    anna.press("Control+s")
    anna.saved("saved")
    label = stored(server, "phantom_000", "anna")
    np.testing.assert_allclose(label, wanted, atol=1.5)  # a pixel of the screen is 0.7 of the film's
    untouched = np.setdiff1d(np.arange(19), [k for k, _ in chosen])
    np.testing.assert_allclose(label[untouched], points[untouched], atol=1e-3)
    shown = note.text_content()
    anna.page.reload()
    anna.saved("saved")
    sync_api.expect(note).to_have_text(shown)
    np.testing.assert_array_equal(stored(server, "phantom_000", "anna"), label)


def test_enter_saves_and_opens_the_next_film_without_a_label(server: Server, anna: Annotator) -> None:
    anna.open("phantom_001")
    anna.press("v")
    anna.press("Enter")
    anna.see(anna.page.get_by_role("heading", name="phantom_002"))
    assert np.isnan(stored(server, "phantom_001", "anna")).all(1).sum() == 1  # the most doubtful one, "not visible"
    anna.see(anna.page.locator(".row.labelled", has_text="phantom_001"))


def test_a_second_annotator_sees_the_first_ones_points_and_the_distance(
    server: Server, browser: Any, anna: Annotator
) -> None:
    anna.open("phantom_003")
    anna.press("Control+s")
    anna.saved("saved")
    first = stored(server, "phantom_003", "anna")
    with sitting(f"{server.url}/page/", browser, "phantom_003", "bo") as bo:
        bo.see(bo.page.get_by_text("expert has labelled this film"))
        bo.see(bo.page.get_by_text("anna is on this film, too"))
        [(k, end)] = drags(first, 1)
        bo.drag(first[k], end)
        bo.press("Control+s")
        bo.saved("saved")
        bo.page.get_by_role("tab", name="Compare").click()
        row = bo.page.get_by_role("table", name="Distance to other annotators").get_by_role("row").nth(k + 1)
        shown = float(row.get_by_role("cell").first.text_content())
    second = stored(server, "phantom_003", "bo")
    assert shown == pytest.approx(np.linalg.norm(second[k] - first[k]) * SPACING_MM, abs=0.02)
    np.testing.assert_array_equal(stored(server, "phantom_003", "anna"), first)


def test_a_label_saved_without_a_connection_is_sent_when_it_is_back(server: Server, anna: Annotator) -> None:
    anna.open("phantom_004")
    anna.page.context.set_offline(True)
    anna.press("Shift+ArrowDown")
    anna.press("Control+s")
    anna.saved("kept in this browser, not sent yet")
    anna.see(anna.page.get_by_text("No connection to the server."))
    assert "phantom_004" not in LabelFolder(server.folder).labels()
    anna.page.context.set_offline(False)
    anna.saved("saved")
    assert "phantom_004" in LabelFolder(server.folder).labels()


def test_changes_that_were_not_saved_survive_a_reload(anna: Annotator) -> None:
    anna.open("phantom_005")
    anna.press("Shift+ArrowDown")
    anna.saved("changed")
    anna.page.reload()
    anna.see(anna.page.get_by_text("Unsaved changes of"))
    anna.press("Control+z")
    sync_api.expect(anna.page.get_by_role("button", name="Undo")).to_be_disabled()


def test_training_shows_the_error_and_earlier_weights_can_be_used_again(server: Server, anna: Annotator) -> None:
    for k in range(5):
        assert server.put_label(f"phantom_{k:03}", label_of(server, f"phantom_{k:03}", shift=2)).ok
    weights = server.folder / ".monai_ceph" / "bundle" / "models" / "model.pt"
    earlier = weights.parent / "previous" / "20260102T030405.000000Z.pt"
    earlier.parent.mkdir(exist_ok=True)
    shutil.copyfile(weights, earlier)
    train(earlier)
    page = anna.page
    page.get_by_role("tab", name="Train").click()
    page.get_by_label("Epochs").fill("1")
    with page.expect_response(lambda answer: answer.request.method == "POST", timeout=WAIT_MS) as started:
        page.get_by_role("button", name="Train", exact=True).click()
    assert started.value.ok
    server.wait_for("train")
    anna.see(page.get_by_text("The training is done."))
    sync_api.expect(page.locator(".training-result")).to_have_text(
        re.compile(r"Error on 1 held-out films?: [\d.]+ mm before, [\d.]+ mm after")
    )
    page.get_by_role("list", name="Earlier weights").get_by_role("button").last.click()
    with page.expect_response("**/api/weights", timeout=WAIT_MS) as answer:
        page.get_by_role("dialog").get_by_role("button", name="Use again").click()
    assert answer.value.ok
    anna.see(page.get_by_text("Other weights are in use now"))
    assert weights.read_bytes() == earlier.read_bytes()


@pytest.mark.parametrize("tab", ["Points", "Measure", "Compare", "Train"])
def test_axe_finds_nothing_serious(anna: Annotator, tab: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="run: make test-label")
    anna.page.get_by_role("tab", name=tab).click()
    found = axe.Axe().run(anna.page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []


def test_uploaded_film_is_opened(server: Server, anna: Annotator, tmp_path: Path) -> None:
    film = (server.folder / "phantom_006.png").read_bytes()
    # A drop, as a browser makes it: there is no other way to hand a file over.
    transfer = anna.page.evaluate_handle(
        """bytes => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], 'neu & ünü.png'));
            return transfer;
        }""",
        list(film),
    )
    anna.page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    anna.see(anna.page.get_by_role("heading", name="neu & ünü"))
    assert (server.folder / "neu & ünü.png").read_bytes() == film


def test_points_are_dragged_and_the_film_moved_and_zoomed_by_fingers(server: Server, browser: Any) -> None:
    tablet = {"viewport": {"width": 1024, "height": 768}, "has_touch": True}
    with sitting(f"{server.url}/page/", browser, "phantom_003", "tina", **tablet) as tina:
        points = drawn(server.folder, "phantom_003")
        [(k, end)] = drags(points, 1)
        note = tina.note(ISBI19.symbols[k])
        before = note.text_content()
        tina.touch((tina.on_screen(points[k]), tina.on_screen(end)))
        tina.saved("changed")
        sync_api.expect(note).not_to_have_text(before)
        view, box = tina.view, tina.film.bounding_box()
        # Beside the film, where no point is.
        left, right = ((box["x"] + x, box["y"] + box["height"] / 2) for x in (15, box["width"] - 15))
        tina.touch((left, np.add(left, (0, 60))))
        tina.wait_until(lambda: tina.view["y"] == pytest.approx(view["y"] + 60, abs=1))
        assert tina.view["scale"] == view["scale"]
        tina.touch((left, np.add(left, (100, 0))), (right, np.add(right, (-100, 0))))
        width = right[0] - left[0]
        tina.wait_until(lambda: tina.view["scale"] == pytest.approx(view["scale"] * (width - 200) / width, rel=0.01))


def test_ruler_between_two_clicks(server: Server, anna: Annotator) -> None:
    before = anna.page.locator(".saved").text_content()
    anna.press("m")
    sync_api.expect(anna.page.get_by_role("button", name="Ruler")).to_have_attribute("aria-pressed", "true")
    for mark in ((40, 60), (100, 140)):
        anna.page.mouse.click(*anna.on_screen(mark))
    anna.page.get_by_role("tab", name="Measure").click()
    shown = anna.page.get_by_text(re.compile(r"^[\d.]+ px = [\d.]+ mm"))
    anna.see(shown)
    px, mm = map(float, re.findall(r"([\d.]+) (?:px|mm)", shown.text_content())[:2])
    assert px == pytest.approx(100, abs=1.5) and mm == pytest.approx(px * SPACING_MM, abs=0.05)
    anna.saved(before)  # a click with the ruler places no point


def test_downloads_hold_what_is_saved(server: Server, anna: Annotator, tmp_path: Path) -> None:
    anna.open("phantom_003")
    anna.press("Control+s")
    anna.saved("saved")
    export = anna.page.get_by_label("Export")
    files = {}
    for option in ("table", "markups"):
        with anna.page.expect_download(timeout=WAIT_MS) as downloaded:
            export.select_option(option)
        files[option] = tmp_path / downloaded.value.suggested_filename
        downloaded.value.save_as(files[option])
    assert [path.name for path in files.values()] == ["landmarks.csv", "phantom_003.mrk.json"]
    table = read_annotations(files["table"]).points_px["phantom_003"]
    np.testing.assert_allclose(table, stored(server, "phantom_003", "expert"), atol=1e-3)  # theirs is the final label
    label = LabelFolder(server.folder).annotators()["anna"]["phantom_003"]
    own, kept = (json.loads(file.read_text())["markups"][0]["controlPoints"] for file in (files["markups"], label))
    np.testing.assert_allclose([p["position"] for p in own], [p["position"] for p in kept], atol=1e-3)


def test_corrected_points_are_saved_without_a_server(server: Server, browser: Any, tmp_path: Path) -> None:
    work = viewed(FilmFiles, server, tmp_path)
    with served(page_app(work)) as address, sitting(f"{address}/", browser, "phantom_000.png") as viewer:
        points = drawn(server.folder, "phantom_000")
        [(k, points[k])] = drags(start := points.copy(), 1)
        viewer.drag(start[k], points[k])
        viewer.saved("changed")
        viewer.press("Control+s")
        viewer.saved("saved")
    for file in ("landmarks.csv", "phantom_000.png.mrk.json"):
        saved = read_annotations(tmp_path / file).points_px["phantom_000"]
        np.testing.assert_allclose(saved, points, atol=1.5)
        np.testing.assert_allclose(np.delete(saved, k, 0), np.delete(points, k, 0), atol=1e-3)


class Doubting(FilmFiles):
    """Films whose labels are refused if they are no face, as on the annotation server."""

    def save(self, film_id: str, points_px: np.ndarray, user: str, force: bool = False, replace: bool = False) -> bool:
        try:
            check_plausible(points_px, None if force else self.face_shape())
        except ImplausibleLabelError as error:
            raise LabelRefusedError(str(error)) from error
        return super().save(film_id, points_px, user)


def test_impossible_face_is_saved_only_after_a_question(server: Server, browser: Any, tmp_path: Path) -> None:
    work = viewed(Doubting, server, tmp_path)
    with served(page_app(work)) as address, sitting(f"{address}/", browser, "phantom_000.png") as viewer:
        viewer.page.locator(".landmark", has=viewer.page.get_by_text("Me", exact=True)).click()
        viewer.page.mouse.click(*viewer.on_screen((15, 15)))
        viewer.saved("changed")
        question = viewer.page.get_by_role("dialog", name="Question")
        viewer.press("Control+s")
        sync_api.expect(question).to_contain_text("leave no room")
        question.get_by_role("button", name="Cancel").click()
        sync_api.expect(question).to_have_count(0)
        viewer.saved("changed")
        assert not (tmp_path / "landmarks.csv").exists()
        viewer.press("Control+s")
        question.get_by_role("button", name="Save it anyway").click()
        viewer.saved("saved")
    saved = read_annotations(tmp_path / "landmarks.csv").points_px["phantom_000"]
    np.testing.assert_allclose(saved[ISBI19.index("Me")], (15, 15), atol=1.5)
