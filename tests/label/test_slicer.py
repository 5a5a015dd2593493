"""3D Slicer's stock MONAI Label module and our button beside it, against a real server.

No Slicer is at hand: the module's own code runs on what ``fake_slicer`` puts below it, and that page says what is real.
"""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from monai_ceph.data.label_folder import LabelFolder
from monai_ceph.label import MODEL
from monai_ceph.label.slicer import SEND_LANDMARKS
from monai_ceph.landmarks import ISBI19
from monai_ceph.phantoms import draw_phantom
from tests.bundles.tiny import SPACING_MM
from tests.data.label_files import label_bytes
from tests.data.test_film import write_dicom
from tests.label.conftest import Server, running
from tests.label.fake_slicer import Node, PointList, stock_module

SIZE = (323, 400)


def write_films(folder: Path) -> dict[str, tuple[float, float]]:
    """Two numbered films, one film of every other geometry, and the spacing with which Slicer shows each."""
    folder.mkdir()
    pixels = [draw_phantom(size=SIZE, spacing_mm=SPACING_MM, seed=k).image.T for k in range(4)]
    for k in (1, 2):
        Image.fromarray(pixels[k]).save(folder / f"film {k}.PNG", dpi=(300, 300))
    Image.fromarray(pixels[0]).save(folder / "scan.tif", dpi=(254, 127))
    write_dicom(folder / "1.2.3.dcm", pixels[3], ImagerPixelSpacing=[0.15, 0.14], PixelSpacing=[0.3, 0.3])
    return SPACINGS


SPACINGS = {"film 1": (1.0, 1.0), "film 2": (1.0, 1.0), "scan": (0.1, 0.2), "1.2.3": (0.14, 0.15)}


@pytest.fixture(scope="module")
def server(label_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("slicer") / "films of a clinic"
    write_films(folder)
    with running(folder, "--bundle", str(label_bundle), "--spacing", str(SPACING_MM)) as started:
        yield started


@pytest.fixture
def slicer(server: Server, tmp_path: Path) -> Iterator[Any]:
    """Slicer with its module connected to the server, which has no labels."""
    folder = LabelFolder(server.folder)
    for film in folder.labels():
        folder.remove(film, "final")
    with stock_module(tmp_path, server.url) as opened:
        opened.settings["MONAILabel/clientId"] = "anna"
        opened.module.onClickFetchInfo()
        yield opened


@pytest.fixture
def script(slicer: Any) -> ModuleType:
    """send_landmarks.py in Slicer's Python."""
    spec = importlib.util.spec_from_file_location("send_landmarks", SEND_LANDMARKS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def predicted_px(server: Server, film: str) -> np.ndarray:
    """Return the server's landmarks over REST, (19, 2), film pixels."""
    answer = server.post(f"/infer/{MODEL}", params={"image": film, "output": "json"}).json()
    assert [one["symbol"] for one in answer["landmarks"]] == list(ISBI19.symbols)
    return np.array([[one["x_px"], one["y_px"]] for one in answer["landmarks"]], dtype=np.float64)


def next_sample(slicer: Any) -> str:
    slicer.module.onNextSampleButton()
    return str(slicer.module.current_sample["id"]) if slicer.module.current_sample else ""


def test_connecting_lists_model_strategies_and_training_options(slicer: Any) -> None:
    assert slicer.told == []
    ui = slicer.module.ui
    assert ui.segmentationModelSelector.items == [MODEL]
    assert {"random", "first"} <= set(ui.strategyBox.items)
    assert ui.appComboBox.items == ["monai_ceph"]


@pytest.mark.parametrize("section", range(4), ids=["infer", "train", "activelearning", "scoring"])
def test_every_option_survives_the_modules_table(slicer: Any, section: int) -> None:
    # The module shows options in a table and lists in combo boxes, which only take text.
    module, kind = slicer.module, ["models", "trainers", "strategies", "scoring"][section]
    before = json.dumps(module.info[kind])
    for name in ("infer", "train", "activelearning", "scoring"):
        if name not in module.ui.optionsSection.items:
            module.ui.optionsSection.addItem(name)
    module.ui.optionsSection.setCurrentIndex(section)
    module.onSelectOptionsSection(section)
    for index in range(module.ui.optionsName.count):
        module.ui.optionsName.setCurrentIndex(index)
        module.onSelectOptionsName(index)
        module.invalidateConfigTable()
    assert json.dumps(module.info[kind]) == before


def test_accuracy_in_the_module_is_a_fraction(slicer: Any) -> None:
    for stats in slicer.module.info["train_stats"].values():
        assert isinstance(stats, dict)
        assert 0 <= stats.get("best_metric", 0) <= 1


def test_an_annotator_corrects_every_film(slicer: Any, script: ModuleType, server: Server) -> None:
    labels = LabelFolder(server.folder)
    # Slicer caches downloads by file name, and the cache holds films of another clinic.
    for k in (1, 2):
        Image.new("L", SIZE).save(slicer.cache / f"film {k}.PNG")
    seen = []
    while film := next_sample(slicer):
        assert film not in seen
        seen.append(film)
        assert slicer.told == []
        volume = slicer.volume()
        assert volume.size == (*SIZE, 1)
        np.testing.assert_allclose(np.linalg.norm(volume.ijk_to_ras[:3, :2], axis=0), SPACINGS[film], rtol=1e-6)

        [shown] = slicer.lists()  # "Auto-Run" is on, as it is by default
        assert shown.labels == list(ISBI19.symbols)
        ijk = volume.to_px(shown.ras)
        np.testing.assert_allclose(ijk[:, :2], predicted_px(server, film), atol=0.002)
        np.testing.assert_allclose(ijk[:, 2], 0, atol=1e-6)

        shown.ras[3] = volume.to_ras(np.array([100.25, 200.5]))  # the annotator drags the porion
        script.send()
        said = slicer.said()
        assert (said.kind, said.text) == ("info", f"19 landmarks of '{film}' are saved as anna's final label.")
        saved = labels.points_px(film, labels.annotators()["anna"][film])
        expected = ijk[:, :2].copy()
        expected[3] = (100.25, 200.5)
        np.testing.assert_allclose(saved, expected, atol=1e-3)
        np.testing.assert_allclose(labels.points_px(film, labels.labels()[film]), saved)
        slicer.module.fetchInfo()
        assert slicer.module.info["datastore"]["completed"] == len(seen)
    assert sorted(seen) == sorted(SPACINGS)
    assert "Unlabeled samples or images not found" in slicer.said().text


def test_stack_of_films_is_not_sent(slicer: Any, script: ModuleType, server: Server) -> None:
    # This happens to films opened by hand; Next Sample prevents it, see test_an_annotator_corrects_every_film.
    volume = slicer.load_volume(str(server.folder / "film 2.PNG"))
    assert volume.size == (*SIZE, 2)
    slicer.scene.add(PointList("F", list(ISBI19.symbols), np.zeros((19, 3))))
    script.send()
    assert "'film 2' is a stack of 2 films" in slicer.said().text


def test_second_visible_point_list_is_refused(slicer: Any, script: ModuleType, server: Server) -> None:
    film = next_sample(slicer)
    slicer.module.onClickSegmentation()
    first, _ = slicer.lists()
    script.send()
    said = slicer.said()
    assert said.kind == "error"
    assert said.text == (
        f"2 point lists are visible ({film}, {film}), but '{film}' can have only one; hide or delete the others in the "
        "Data module."
    )
    assert LabelFolder(server.folder).labels() == {}
    first.visible = False
    script.send()
    assert slicer.said().kind == "info"
    assert list(LabelFolder(server.folder).labels()) == [film]


def test_point_list_of_another_film_is_not_sent(slicer: Any, script: ModuleType) -> None:
    film = next_sample(slicer)
    [shown] = slicer.lists()
    shown.name = next(one for one in ("scan", "film 1") if one != film)
    script.send()
    assert f"There is no visible point list for '{film}'" in slicer.said().text


def test_unplaced_point_is_saved_as_missing(slicer: Any, script: ModuleType, server: Server) -> None:
    film = next_sample(slicer)
    slicer.lists()[0].ras[5] = np.nan
    script.send()
    assert slicer.said().text.startswith(f"18 landmarks of '{film}'")
    labels = LabelFolder(server.folder)
    saved = labels.points_px(film, labels.labels()[film])
    assert np.flatnonzero(np.isnan(saved).any(-1)).tolist() == [5]


def test_refusal_of_the_server_is_shown_and_nothing_is_saved(slicer: Any, script: ModuleType, server: Server) -> None:
    next_sample(slicer)
    slicer.lists()[0].ras[0] = slicer.volume().to_ras(np.array([5000.0, 20.0]))
    script.send()
    said = slicer.said()
    assert said.kind == "error"
    assert said.text.startswith("Nothing was saved. ")
    assert "landmark S at (5000.0, 20.0) px is off the 323 x 400 film" in said.text and "{" not in said.text
    assert LabelFolder(server.folder).labels() == {}


def test_changed_spacing_is_refused(slicer: Any, script: ModuleType, server: Server) -> None:
    film = next_sample(slicer)
    spacing = np.linalg.norm(slicer.volume().ijk_to_ras[:3, :2], axis=0)
    slicer.volume().SetSpacing((spacing[0] / 2, spacing[1] / 2, 1.0))  # in the Volumes module, to measure in mm
    slicer.lists()[0].ras /= 2  # on the same pixels
    script.send()
    assert f"another geometry than the file of '{film}'" in slicer.said().text
    assert LabelFolder(server.folder).labels() == {}


def test_stock_submit_label_is_refused_with_a_hint(slicer: Any, server: Server) -> None:
    # It sends boxes instead of fiducials. Slicer's error box shows the server's whole answer.
    next_sample(slicer)
    slicer.module.onSaveLabel()
    said = slicer.said()
    assert said.kind == "error"
    assert "Status: 400" in said.text and "Send landmarks" in said.text
    assert LabelFolder(server.folder).labels() == {}


@pytest.mark.parametrize("suffix", [".nii.gz", ".png"])
def test_film_opened_by_hand_is_identified_by_its_file(
    slicer: Any, script: ModuleType, server: Server, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # "Run" uploads the volume in the format of Slicer's settings; the button labels the film on disk.
    import SimpleITK as sitk

    volume = slicer.load_volume(str(server.folder / "scan.tif"))
    volume.name = "scan_1"  # Slicer's name for the second of two
    slicer.settings["MONAILabel/fileExtension"] = suffix
    monkeypatch.setattr(
        "slicer.util.saveNode",
        lambda node, path: (
            slicer.save_node(node, path) if node is not volume else sitk.WriteImage(sitk.ReadImage(volume.file), path)
        ),
    )
    slicer.module.updateGUIFromParameterNode()
    slicer.module.onClickSegmentation()
    if suffix == ".nii.gz":  # as PNG, the film has lost its spacing, and its points lie elsewhere on the screen
        ijk = volume.to_px(slicer.lists()[0].ras)
        np.testing.assert_allclose(ijk[:, :2], predicted_px(server, "scan"), atol=0.002)
    assert slicer.told == []
    slicer.lists()[0].ras = volume.to_ras(predicted_px(server, "scan"))
    script.send()
    assert slicer.said().text == "19 landmarks of 'scan' are saved as anna's final label."


@pytest.mark.parametrize(
    ("node", "file", "sample", "film"),
    [
        ("scan", None, None, "scan"),
        ("scan.tif", None, None, "scan"),
        ("Doe^Jane", r"C:\films\SCAN.tif".replace("SCAN", "scan"), None, "scan"),
        ("Doe^Jane", None, {"id": "scan", "VolumeNodeName": "Doe^Jane"}, "scan"),
        ("film 1", None, {"id": "scan", "VolumeNodeName": "Doe^Jane"}, "film 1"),
        ("1.2.3", "/films/1.2.3.DCM", {"id": "Doe^Jane", "VolumeNodeName": "1.2.3", "session": True}, "1.2.3"),
        ("scan_1", "/films/film 1.PNG", None, "film 1"),
    ],
)
def test_film_of_a_volume(script: ModuleType, node: str, file: str | None, sample: Any, film: str) -> None:
    volume = Node("vtkMRMLScalarVolumeNode", node)
    if file:
        storage = Node("vtkMRMLVolumeArchetypeStorageNode")
        storage.GetFileName = lambda: file  # type: ignore[method-assign]
        volume.GetStorageNode = lambda: storage  # type: ignore[method-assign]
    assert script.film_of(volume, sample, {"scan": {}, "film 1": {}, "1.2.3": {}}) == film


def test_film_unknown_to_the_server_is_not_sent(slicer: Any, script: ModuleType, tmp_path: Path) -> None:
    script.send()
    assert slicer.said().text == "No film is shown in the red slice view; fetch one with Next Sample."
    Image.new("L", (9, 9)).save(tmp_path / "scan.v2.png")
    slicer.load_volume(str(tmp_path / "scan.v2.png"))
    script.send()
    assert "'scan.v2.png', is not among the 4 films on the server" in slicer.said().text


def test_annotators_name_is_asked_for_once(slicer: Any, script: ModuleType) -> None:
    slicer.settings["MONAILabel/clientId"] = "user-xyz"  # what the module fills in
    slicer.answers = ["", "Dr. Bo"]
    next_sample(slicer)
    script.send()
    assert slicer.said().text == "Nothing was sent: a label needs the name of its annotator."
    for _ in range(2):
        script.send()
        assert slicer.said().text.endswith("are saved as Dr. Bo's final label.")
    assert slicer.answers == []


def test_another_annotators_label_is_replaced_after_a_question(slicer: Any, script: ModuleType, server: Server) -> None:
    film = next_sample(slicer)
    script.send()
    slicer.settings["MONAILabel/clientId"] = "bo"
    slicer.said()
    for yes, said in ((False, "as bo's. The film's final label is still anna's"), (True, "as bo's final label.")):
        slicer.says_yes = yes
        script.send()
        assert said in slicer.said().text
        assert slicer.asked.pop() == f"'{film}' has a final label by anna. Replace it? If not, yours is kept beside it."
    assert LabelFolder(server.folder).label_info(film)["user"] == "bo"


def test_odd_label_is_sent_again_after_a_question(
    slicer: Any, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []

    def save_label(film: str, path: str, info: dict[str, Any]) -> dict[str, str]:
        sent.append(info)
        if not info.get("force"):
            raise RuntimeError('Status: 409; Response: {"detail": "S N lie oddly; send it again with force=true."}')
        return {"saved": "Done."}

    next_sample(slicer)
    monkeypatch.setattr(slicer.module.logic, "save_label", save_label)
    slicer.says_yes = False
    script.send()
    assert slicer.said().text == "Nothing was saved. S N lie oddly; send it again with force=true."
    slicer.says_yes = True
    script.send()
    assert slicer.said().text == "Done." and [info.get("force") for info in sent] == [None, None, True]
    assert slicer.asked[-1].endswith("Save it nevertheless?")


def test_stopped_server_is_reported(slicer: Any, script: ModuleType) -> None:
    next_sample(slicer)
    slicer.module.ui.serverComboBox.setCurrentText("http://127.0.0.1:9")
    script.send()
    assert slicer.said().text.startswith("The server does not answer (")


def test_training_can_be_started_watched_and_stopped(
    slicer: Any, script: ModuleType, server: Server, tmp_path: Path
) -> None:
    labels, film = LabelFolder(server.folder), next_sample(slicer)
    script.send()
    assert slicer.said().kind == "info"
    points_px = labels.points_px(film, labels.label(film))
    slicer.module.fetchInfo()
    slicer.module.onTraining()
    assert "1 films have a label; label at least 5 before training." in slicer.said().text

    for k in range(4):
        path = server.folder / f"more {k}.png"
        Image.new("L", SIZE, k).save(path)
        labels.save(path.stem, label_bytes(path, points_px, ISBI19))
    try:
        slicer.module.fetchInfo()
        slicer.module.onTraining()
        # The module fails by itself when a training is stopped before its first line of output.
        until = time.monotonic() + 120
        while not slicer.module.isTrainingRunning(check_only=False)["details"] and time.monotonic() < until:
            time.sleep(0.3)
        slicer.module.onStopTraining()
        assert slicer.told == []
        slicer.module.fetchInfo()
        assert slicer.told == []
    finally:
        for k in range(4):
            labels.remove_film(f"more {k}")


def test_uploaded_film_is_in_the_folder(slicer: Any, server: Server, tmp_path: Path) -> None:
    Image.fromarray(draw_phantom(size=SIZE, spacing_mm=SPACING_MM, seed=9).image.T).save(tmp_path / "new.png")
    client = slicer.module.logic._client()
    try:
        assert client.upload_image(str(tmp_path / "new.png"), "new") == {"image": "new"}
        assert (server.folder / "new.png").read_bytes() == (tmp_path / "new.png").read_bytes()
    finally:
        (server.folder / "new.png").unlink(missing_ok=True)


def test_running_the_script_again_keeps_one_button(slicer: Any, script: ModuleType) -> None:
    import slicer as fake

    bars: dict[str, Any] = {}
    window = fake.util.mainWindow()
    window.findChild = lambda kind, name: bars.get(name)
    window.addToolBar.side_effect = lambda title: bars.setdefault("SendLandmarksToolBar", Bar())
    script.add_button()
    script.add_button()
    assert window.addToolBar.call_count == 1
    [(text, connected)] = bars["SendLandmarksToolBar"].actions
    assert text == "Send landmarks"
    assert connected.connect.call_args.args == ("triggered()", script.send)


class Bar:
    """A QToolBar."""

    def __init__(self) -> None:
        self.actions: list[tuple[str, Any]] = []

    def setObjectName(self, name: str) -> None:
        assert name == "SendLandmarksToolBar"

    def clear(self) -> None:
        self.actions.clear()

    def addAction(self, text: str) -> Any:
        from unittest.mock import MagicMock

        self.actions.append((text, MagicMock()))
        return self.actions[-1][1]
