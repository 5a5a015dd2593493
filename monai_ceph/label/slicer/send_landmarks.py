"""A button for 3D Slicer that sends the landmarks of the film on the screen to the annotation server as a final label.

Slicer's MONAI Label module shows the model's landmarks, but its Submit Label button only sends segmentations and boxes.
Run this script with ``Slicer --python-script send_landmarks.py`` or from Slicer's application startup file. It adds
"Send landmarks" (Ctrl+Shift+L) to the toolbars and uses the module's server, login and user name.

It needs only Slicer 5 (Python 3.9 or later) and its MONAI Label extension.

Source: Slicer's script repository (toolbar action, saving a node, volume shown in a slice view); MONAI Label 0.8.5,
plugins/slicer/MONAILabel (updateServerSettings, logic, current_sample).
"""

from __future__ import annotations

import json
import re
import tempfile
import traceback
from pathlib import Path
from typing import Any

import qt
import slicer
import vtk

TITLE = "Send landmarks"
NOBODY = ("", "user-xyz")
"""Client ids of the MONAI Label module that identify nobody: an empty one, and its default."""
FILM_SUFFIX = re.compile(r"\.(png|jpe?g|bmp|tiff?|mh[ad]|nii|nii\.gz|dcm|dicom)$", re.IGNORECASE)


class CannotSend(Exception):
    """Nothing was sent; the message says why and what to do."""


def send() -> None:
    """Send the landmarks and show the server's answer or the error in a message box."""
    try:
        slicer.util.infoDisplay(send_landmarks())
    except Exception as error:  # Slicer prints uncaught errors to a console that users do not see
        slicer.util.errorDisplay(explain(error), windowTitle=TITLE, detailedText=traceback.format_exc())


def send_landmarks() -> str:
    """Send the one visible point list as the film's final label, and return the server's message on what was saved.

    Another annotator's final label is replaced, and a label that the server calls odd is saved, only after a question.
    """
    user = user_name()
    module = slicer.util.getModuleWidget("MONAILabel")
    module.updateServerSettings()
    films = module.logic.datastore()["objects"]
    volume = volume_on_screen()
    film = film_of(volume, module.current_sample, films)
    points = points_of(film, films)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "landmarks.mrk.json")
        if not slicer.util.saveNode(points, str(path)):
            raise CannotSend(f"Slicer could not write the point list '{points.GetName()}' to a file.")
        info: dict[str, Any] = {"user": user, "screen": screen(volume)}
        other = final_user(films[film])
        if other not in (None, user):
            info["replace"] = ask(
                f"'{film}' has a final label by {other}. Replace it? If not, yours is kept beside it."
            )
        try:
            answer = module.logic.save_label(film, str(path), info)
        except Exception as error:
            reason = explain(error)
            if "force=true" not in reason or not ask(f"{reason}\n\nSave it nevertheless?"):
                raise
            answer = module.logic.save_label(film, str(path), {**info, "force": True})
    return str((answer or {}).get("saved") or f"The landmarks of '{film}' are saved.")


def final_user(film: dict[str, Any]) -> str | None:
    """Return whose final label a film of the server has; None if it has none."""
    label = film.get("labels", {}).get("final")
    return None if label is None else str(label.get("info", {}).get("user") or "somebody")


def ask(question: str) -> bool:
    """Return whether the annotator says yes."""
    return bool(slicer.util.confirmYesNoDisplay(question, windowTitle=TITLE))


def user_name() -> str:
    """Return the annotator: the module's Client/User-ID, which is asked for once if it identifies nobody."""
    name = str(slicer.util.settingsValue("MONAILabel/clientId", "") or "").strip()
    if name in NOBODY:
        name = (qt.QInputDialog.getText(slicer.util.mainWindow(), TITLE, "Your name, for the labels:") or "").strip()
        if not name:
            raise CannotSend("Nothing was sent: a label needs the name of its annotator.")
        qt.QSettings().setValue("MONAILabel/clientId", name)
    return name


def volume_on_screen() -> Any:
    """Return the volume in the background of the red slice view, where Slicer shows a film."""
    shown = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode().GetBackgroundVolumeID()
    volume = slicer.mrmlScene.GetNodeByID(shown) if shown else None
    if volume is None:
        raise CannotSend("No film is shown in the red slice view; fetch one with Next Sample.")
    return volume


def film_of(volume: Any, sample: dict[str, Any] | None, films: dict[str, Any]) -> str:
    """Return the server's id of a volume's film.

    The node's own name is the least reliable: it may be a patient's name, ``film_1`` if ``film`` was already open, or
    ``film`` for the file ``film.v2.png``. So it is used only for a volume that was neither fetched by the module nor
    read from a file.

    Args:
        volume: the volume node.
        sample: the MONAI Label module's current sample; ``session`` marks a film that is not from the server.
        films: the server's films by id.
    """
    storage = volume.GetStorageNode()
    if sample and not sample.get("session") and sample.get("VolumeNodeName") == volume.GetName():
        name = sample["id"]
    elif storage and storage.GetFileName():
        name = re.split(r"[\\/]", storage.GetFileName())[-1]
    else:
        name = volume.GetName()
    for film in (name, FILM_SUFFIX.sub("", name)):
        if film in films:
            return film
    raise CannotSend(
        f"The film on the screen, '{name}', is not among the {len(films)} films on the server; fetch it with Next "
        "Sample, or open the server's file."
    )


def points_of(film: str, films: dict[str, Any]) -> Any:
    """Return the one visible point list, ignoring empty lists and lists named after another film."""
    lists = [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
        if node.GetNumberOfControlPoints() and node.GetDisplayVisibility()
        if node.GetName() == film or node.GetName() not in films
    ]
    if len(lists) == 1:
        return lists[0]
    if not lists:
        raise CannotSend(f"There is no visible point list for '{film}'; press Run in the MONAI Label module.")
    names = ", ".join(node.GetName() for node in lists)
    raise CannotSend(
        f"{len(lists)} point lists are visible ({names}), but '{film}' can have only one; "
        "hide or delete the others in the Data module."
    )


def screen(volume: Any) -> dict[str, Any]:
    """Return how Slicer shows the film, so that the server can refuse points if its spacing was changed in Slicer.

    Returns:
        ``size``: pixels along x and y; ``ijk_to_lps``: 4 x 4, row by row, mm.
    """
    *size, slices = volume.GetImageData().GetDimensions()
    if slices != 1:
        raise CannotSend(
            f"'{volume.GetName()}' is a stack of {slices} films: Slicer reads numbered files of a folder as slices of "
            "one volume. Fetch the film with Next Sample, or open it with the option Single File."
        )
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    signs = (-1, -1, 1, 1)  # RAS -> LPS
    rows = [[signs[row] * matrix.GetElement(row, column) for column in range(4)] for row in range(4)]
    return {"size": size, "ijk_to_lps": rows}


def explain(error: Exception) -> str:
    """Return a message for the annotator: the server's own if it sent one."""
    if isinstance(error, OSError):
        return f"The server does not answer ({error}); check that it runs, and its address in the MONAI Label module."
    message = str(getattr(error, "msg", None) or error)
    answer = re.search(r"Response: (\{.*\})", message, re.DOTALL)
    try:
        detail = json.loads(answer[1])["detail"] if answer else message
    except (ValueError, KeyError):
        detail = message
    return f"Nothing was saved. {detail}" if answer else str(detail)


def add_button() -> None:
    """Add the toolbar with the button, or replace it when the script runs again."""
    window = slicer.util.mainWindow()
    toolbar = window.findChild("QToolBar", "SendLandmarksToolBar")
    if not toolbar:
        toolbar = window.addToolBar(TITLE)
        toolbar.setObjectName("SendLandmarksToolBar")
    toolbar.clear()
    action = toolbar.addAction(TITLE)
    action.setToolTip("Send the landmarks of this film to the MONAI Label server (Ctrl+Shift+L)")
    action.setShortcut(qt.QKeySequence("Ctrl+Shift+L"))
    action.connect("triggered()", send)


if __name__ == "__main__":
    add_button()
