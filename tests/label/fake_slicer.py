"""3D Slicer's stock MONAI Label module, run without Slicer.

**Real**: the module's own code, as ``pip install monailabel`` brings it (``plugins/slicer/MONAILabel``): its widget,
its logic, its HTTP client, every request and everything it reads out of an answer; the server; the films' geometry,
which SimpleITK (an ITK like Slicer's) reads from the file that the module opened.

**Fake**: what is below that code. Qt's widgets hold what is put in and draw nothing (``Combo``, ``Table``; all others
are mocks). The scene is a list of nodes. ``loadMarkups`` and ``saveNode`` read and write .mrk.json as Slicer's
vtkMRMLMarkupsJsonStorageNode does (LPS in the file, RAS in the node; no name; ``"position": ""`` for a point that is
not placed). Message boxes are collected. Nobody has seen a picture on a screen here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import MagicMock

import numpy as np

PLUGIN = Path(sys.prefix) / "monailabel" / "plugins" / "slicer" / "MONAILabel"
LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class Widget(MagicMock):
    """A mock whose own methods are plain mocks, not widgets."""

    def _get_child_mock(self, **kwargs: Any) -> MagicMock:
        return MagicMock(**kwargs)


class Combo(Widget):
    """A QComboBox with its items and the current one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.items: list[str] = []
        self.currentIndex = -1

    @property
    def count(self) -> int:
        return len(self.items)

    @property
    def currentText(self) -> str:
        return self.items[self.currentIndex] if 0 <= self.currentIndex < self.count else ""

    @currentText.setter
    def currentText(self, text: str) -> None:
        self.currentIndex = self.findText(text)

    def addItem(self, *item: Any) -> None:
        text = item[-1] if len(item) == 2 and not isinstance(item[0], str) else item[0]
        if not isinstance(text, str):
            raise ValueError(f"Qt takes text for an item, got {text!r}")
        self.items.append(text)
        self.currentIndex = max(self.currentIndex, 0)

    def addItems(self, items: list[str]) -> None:
        for item in items:
            self.addItem(item)

    def clear(self) -> None:
        self.items, self.currentIndex = [], -1

    def findText(self, text: str) -> int:
        return self.items.index(text) if text in self.items else -1

    def itemText(self, index: int) -> str:
        return self.items[index] if 0 <= index < self.count else ""

    def setCurrentIndex(self, index: int) -> None:
        self.currentIndex = index

    def setCurrentText(self, text: str) -> None:
        if text and text not in self.items:
            self.items.append(text)
        self.currentIndex = self.findText(text)


class Table(Widget):
    """A QTableWidget of two columns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cells: dict[tuple[int, int], Any] = {}
        self.widgets: dict[tuple[int, int], Any] = {}
        self.rowCount = 0

    def clear(self) -> None:
        self.cells, self.widgets = {}, {}

    def setRowCount(self, count: int) -> None:
        self.rowCount = count

    def setItem(self, row: int, column: int, item: Any) -> None:
        self.cells[row, column] = item

    def item(self, row: int, column: int) -> Any:
        return self.cells.get((row, column))

    def setCellWidget(self, row: int, column: int, widget: Any) -> None:
        self.widgets[row, column] = widget

    def cellWidget(self, row: int, column: int) -> Any:
        return self.widgets.get((row, column))


class TableItem(Widget):
    def __init__(self, text: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._text = text

    def text(self) -> str:
        return self._text

    def flags(self) -> int:
        return 0


class Node:
    """A node of the scene with its class and name, and mocks for everything else."""

    def __init__(self, kind: str, name: str = "") -> None:
        self.kind, self.name = kind, name
        self.visible = True
        self.rest = MagicMock()

    def GetName(self) -> str:
        return self.name

    def SetName(self, name: str) -> None:
        self.name = name

    def GetID(self) -> str:
        return f"{self.kind}{id(self)}"

    def GetDisplayVisibility(self) -> bool:
        return self.visible

    def GetStorageNode(self) -> Any:
        return None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__dict__["rest"], name)


class Volume(Node):
    """A film in Slicer: its IJK-to-RAS matrix and size, read from the file with SimpleITK."""

    def __init__(self, path: Path, slices: int) -> None:
        import SimpleITK as sitk

        super().__init__("vtkMRMLScalarVolumeNode", path.name.split(".")[0])  # up to the first dot, as Slicer does
        image = sitk.ReadImage(str(path))
        n = image.GetDimension()
        self.size = (*image.GetSize()[:2], slices)
        lps = np.eye(4)
        lps[:n, :n] = np.reshape(image.GetDirection(), (n, n)) * image.GetSpacing()
        lps[:n, 3] = image.GetOrigin()
        self.ijk_to_ras = LPS_RAS @ lps
        self.file: str | None = str(path)

    def GetStorageNode(self) -> Any:
        return SimpleNamespace(GetFileName=lambda: self.file) if self.file else None

    def GetIJKToRASMatrix(self, matrix: Matrix) -> None:
        matrix.values = self.ijk_to_ras.copy()

    def GetImageData(self) -> Any:
        return SimpleNamespace(GetDimensions=lambda: self.size)

    def SetSpacing(self, spacing: tuple[float, float, float]) -> None:
        directions = self.ijk_to_ras[:3, :3] / np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)
        self.ijk_to_ras[:3, :3] = directions * spacing

    def to_px(self, ras: np.ndarray) -> np.ndarray:
        """Convert (..., 3) RAS mm to (..., 3) pixels; the third is the distance from the film's plane."""
        inverse = np.linalg.inv(self.ijk_to_ras)
        return ras @ inverse[:3, :3].T + inverse[:3, 3]

    def to_ras(self, points_px: np.ndarray) -> np.ndarray:
        """Convert (..., 2) pixels to (..., 3) RAS mm."""
        return points_px @ self.ijk_to_ras[:3, :2].T + self.ijk_to_ras[:3, 3]


class PointList(Node):
    """A vtkMRMLMarkupsFiducialNode: labels and RAS positions, NaN where a point is not placed."""

    def __init__(self, name: str, labels: list[str], ras: np.ndarray) -> None:
        super().__init__("vtkMRMLMarkupsFiducialNode", name)
        self.labels, self.ras = labels, np.array(ras, dtype=np.float64).reshape(-1, 3)

    def GetNumberOfControlPoints(self) -> int:
        return len(self.labels)


class Matrix:
    values = np.eye(4)

    def GetElement(self, row: int, column: int) -> float:
        return float(self.values[row, column])


class Collection(list):
    def GetNumberOfItems(self) -> int:
        return len(self)

    def GetItemAsObject(self, index: int) -> Any:
        return self[index]


class Scene(Widget):
    """The scene's nodes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.nodes: list[Any] = []
        self.on_clear: Any = lambda: None

    def AddNewNodeByClass(self, kind: str, name: str = "") -> Any:
        made = PointList(name, [], np.zeros((0, 3))) if kind == "vtkMRMLMarkupsFiducialNode" else Node(kind, name)
        if kind == "vtkMRMLSegmentationNode":
            made.segmentation = Segmentation()
            made.GetSegmentation = lambda: made.segmentation
        return self.add(made)

    def add(self, node: Any) -> Any:
        self.nodes.append(node)
        return node

    def RemoveNode(self, node: Any) -> None:
        self.nodes = [one for one in self.nodes if one is not node]

    def GetNodesByClass(self, kind: str) -> Collection:
        return Collection(node for node in self.nodes if node.kind == kind)

    def GetFirstNodeByClass(self, kind: str) -> Any:
        return next(iter(self.GetNodesByClass(kind)), None)

    def GetNodeByID(self, name: str) -> Any:
        return next((node for node in self.nodes if node.GetID() == name), None)

    def Clear(self, *_: Any) -> None:
        self.on_clear()
        self.nodes = []


class Segmentation:
    """The names of the segments."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def AddEmptySegment(self, segment: str, name: str, colour: Any) -> None:
        self.names.append(name)

    def GetSegmentIdBySegmentName(self, name: str) -> str:
        return name if name in self.names else ""

    def GetNumberOfSegments(self) -> int:
        return len(self.names)

    def GetNthSegmentID(self, index: int) -> str:
        return self.names[index]

    def GetSegment(self, segment: str) -> Any:
        return SimpleNamespace(GetName=lambda: segment)


class Parameters(Widget):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.held: dict[str, str] = {}

    def GetParameter(self, name: str) -> str:
        return self.held.get(name, "")

    def SetParameter(self, name: str, value: str) -> None:
        self.held[name] = value

    def GetNodeReference(self, name: str) -> None:
        return None


class Box(NamedTuple):
    """A message box."""

    kind: str
    text: str
    details: str


class FakeSlicer:
    """Slicer with the MONAI Label module open. ``module`` is its widget, ``told`` the message boxes' texts."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.scene = Scene()
        self.settings: dict[str, Any] = {}
        self.told: list[Box] = []
        self.asked: list[str] = []
        self.says_yes = True
        self.answers: list[str] = []
        self.module: Any = None

    # --- files
    def load_volume(self, path: str, *_: Any) -> Volume:
        """Read as vtkITKArchetypeImageSeriesReader without SingleFile: numbered files are one volume."""
        import itk

        slices = 1 if path.endswith(".dcm") else len(itk.ArchetypeSeriesFileNames.New(Archetype=path).GetFileNames())
        return self.scene.add(Volume(Path(path), slices))

    def download(self, nodeNames: str, fileNames: str, uris: str, checksums: str | None) -> list[Volume]:
        """Download as SampleDataLogic: a cached file is reused if there is no checksum."""
        path = self.cache / fileNames
        if path.exists() and checksums and checksums != f"SHA256:{hashlib.sha256(path.read_bytes()).hexdigest()}":
            path.unlink()
        if not path.exists():
            urllib.request.urlretrieve(uris, path)
        volume = self.load_volume(str(path))
        volume.name, volume.file = nodeNames, None
        return [volume]

    def load_markups(self, path: str) -> PointList:
        [markup] = json.loads(Path(path).read_text(encoding="utf-8"))["markups"]
        if markup["type"] != "Fiducial" or markup["coordinateSystem"] != "LPS" or markup["coordinateUnits"] != "mm":
            raise ValueError(f"expected LPS fiducials in mm, got {markup['type']} {markup['coordinateSystem']}")
        points = markup["controlPoints"]
        defined = [point.get("positionStatus", "defined") == "defined" for point in points]
        lps = [p["position"] if d else [np.nan] * 3 for p, d in zip(points, defined, strict=True)]
        ras = np.array(lps, dtype=np.float64).reshape(-1, 3) * (-1, -1, 1)
        name = markup.get("name") or Path(path).name.split(".")[0]
        return self.scene.add(PointList(name, [point["label"] for point in points], ras))

    def save_node(self, node: Any, path: str) -> bool:
        points = []
        labelled = zip(node.labels, node.ras, strict=True) if isinstance(node, PointList) else ()
        for label, ras in labelled:
            placed = bool(np.isfinite(ras).all())
            points.append(
                {
                    "id": str(len(points) + 1),
                    "label": label,
                    "description": "",
                    "associatedNodeID": "",
                    "position": [-ras[0], -ras[1], ras[2]] if placed else "",
                    "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
                    "selected": True,
                    "locked": False,
                    "visibility": True,
                    "positionStatus": "defined" if placed else "undefined",
                }
            )
        markup = {
            "type": node.kind.removeprefix("vtkMRMLMarkups").removesuffix("Node"),
            "coordinateSystem": "LPS",
            "coordinateUnits": "mm",
            "locked": False,
            "fixedNumberOfControlPoints": False,
            "labelFormat": "%N-%d",
            "lastUsedControlPointNumber": len(points),
            "controlPoints": points,
            "measurements": [],
            "display": {"visibility": True, "opacity": 1.0},
        }
        schema = (
            "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
            "markups-schema-v1.0.3.json#"
        )
        Path(path).write_text(json.dumps({"@schema": schema, "markups": [markup]}, indent=4), encoding="utf-8")
        return True

    # --- the user's view
    def lists(self) -> list[PointList]:
        return [node for node in self.scene.nodes if isinstance(node, PointList) and node.labels]

    def volume(self) -> Volume:
        [volume] = [node for node in self.scene.nodes if isinstance(node, Volume)]
        return volume

    def said(self) -> Box:
        """Return the last message box and close it."""
        return self.told.pop()

    def modules(self) -> dict[str, ModuleType]:
        """Return the stand-ins for Slicer's Python packages in ``sys.modules``."""
        vtk_like = MagicMock()
        vtk_like.vtkMatrix4x4 = Matrix
        util = ModuleType("slicer.util")
        util.VTKObservationMixin = type(  # type: ignore[attr-defined]
            "VTKObservationMixin",
            (),
            {"addObserver": lambda *_: None, "removeObserver": lambda *_: None, "removeObservers": lambda *_: None},
        )
        for name, does in {
            "loadVolume": self.load_volume,
            "loadMarkups": self.load_markups,
            "saveNode": self.save_node,
            "getNodesByClass": lambda kind: list(self.scene.GetNodesByClass(kind)),
            "getModuleWidget": lambda name: {"MONAILabel": self.module}[name],
            "settingsValue": self._setting,
            "toBool": bool,
            "tempDirectory": lambda name: tempfile.mkdtemp(dir=self.cache),
            "infoDisplay": lambda text, **more: self.told.append(Box("info", text, more.get("detailedText", ""))),
            "warningDisplay": lambda text, **more: self.told.append(Box("warning", text, "")),
            "errorDisplay": lambda text, **more: self.told.append(Box("error", text, more.get("detailedText", ""))),
            "confirmOkCancelDisplay": lambda *_, **__: True,
            "confirmYesNoDisplay": lambda text, **_: self.asked.append(text) or self.says_yes,
            "createProgressDialog": MagicMock(),
            "mainWindow": MagicMock(),
            "loadUI": MagicMock(),
            "childWidgetVariables": lambda _: Widgets(),
        }.items():
            setattr(util, name, does)
        slicer: Any = ModuleType("slicer")
        slicer.util, slicer.mrmlScene, slicer.modules = util, self.scene, SimpleNamespace()
        slicer.app = MagicMock()
        slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode().GetBackgroundVolumeID = self._shown
        slicer.vtkMRMLMarkupsNode = slicer.vtkMRMLSegmentEditorNode = MagicMock()
        i18n: Any = ModuleType("slicer.i18n")
        i18n.tr, i18n.translate = lambda text: text, lambda _, text: text
        bases: Any = ModuleType("slicer.ScriptedLoadableModule")
        bases.ScriptedLoadableModule = bases.ScriptedLoadableModuleTest = type("Base", (), {})
        bases.ScriptedLoadableModuleWidget = WidgetBase
        bases.ScriptedLoadableModuleLogic = type("Logic", (), {"getParameterNode": lambda self: _parameters(self)})
        qt = MagicMock()
        qt.QDialog, qt.QCheckBox = type("QDialog", (), {}), type("QCheckBox", (), {})
        qt.QComboBox, qt.QTableWidgetItem = Combo, TableItem
        qt.Qt.ItemIsEditable = 0
        qt.QSettings.return_value.value = self.settings.get
        qt.QSettings.return_value.setValue = self.settings.__setitem__
        qt.QInputDialog.getText = lambda *_: self.answers.pop(0)
        ctk = MagicMock()
        ctk.ctkSettingsPanel = type("ctkSettingsPanel", (), {})
        sample_data = MagicMock()
        sample_data.SampleDataLogic.return_value.downloadFromURL = self.download
        return {
            "slicer": slicer,
            "slicer.util": util,
            "slicer.i18n": i18n,
            "slicer.ScriptedLoadableModule": bases,
            "qt": qt,
            "ctk": ctk,
            "vtk": vtk_like,
            "vtkSegmentationCore": MagicMock(),
            "SampleData": sample_data,
            "sitkUtils": MagicMock(),
        }

    def _setting(self, key: str, default: Any, converter: Any = lambda value: value) -> Any:
        return converter(self.settings[key]) if key in self.settings else default

    def _shown(self) -> str | None:
        volume = self.scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        return volume.GetID() if volume else None


class Widgets:
    """The widgets that the module's .ui file names."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        kind = Table if name == "configTable" else MagicMock
        kind = Combo if name.endswith(("Selector", "Box", "optionsSection", "optionsName")) else kind
        setattr(self, name, kind())
        return self.__dict__[name]


class WidgetBase:
    def __init__(self, parent: Any = None) -> None:
        self.parent = parent or MagicMock()
        self.layout = MagicMock()

    def setup(self) -> None:
        pass

    def resourcePath(self, name: str) -> str:
        return name


def _parameters(logic: Any) -> Parameters:
    return logic.__dict__.setdefault("_parameters", Parameters())


@contextmanager
def stock_module(cache: Path, server: str) -> Iterator[FakeSlicer]:
    """Open the stock module in Slicer and enter ``server``, without connecting."""
    fake = FakeSlicer(cache)
    replaced = {name: sys.modules.get(name) for name in (*fake.modules(), "MONAILabelLib", "MONAILabelLib.client")}
    sys.modules.update(fake.modules())
    sys.path.insert(0, str(PLUGIN))
    try:
        spec = importlib.util.spec_from_file_location("MONAILabel", PLUGIN / "MONAILabel.py")
        assert spec is not None and spec.loader is not None
        stock = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(stock)
        fake.module = stock.MONAILabelWidget(MagicMock())
        fake.module.setup()
        fake.scene.on_clear = lambda: fake.module.onSceneStartClose(None, None)
        fake.module.ui.serverComboBox.setCurrentText(server)
        yield fake
        fake.module.cleanup()
    finally:
        sys.path.remove(str(PLUGIN))
        for name, module in replaced.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
