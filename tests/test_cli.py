from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from monai_ceph import __version__
from monai_ceph.cli import main
from monai_ceph.predictor.lean_imports import load_lean_predictor
from monai_ceph.predictor.onnx_predictor import load_onnx_predictor
from monai_ceph.predictor.torch_predictor import load_torch_predictor

PREDICT = ["predict", "film.png", "--output", "out"]


class _Recorder:
    """Stands in for what a subcommand does; remembers how it was called."""

    def __init__(self, result: Any = 0) -> None:
        self.result, self.arguments, self.options = result, (), {}

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.arguments, self.options = arguments, options
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def _stand_in(monkeypatch: pytest.MonkeyPatch, command: str, result: Any = 0) -> _Recorder:
    module, recorder = types.ModuleType(f"monai_ceph.commands.{command}"), _Recorder(result)
    module.run = recorder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return recorder


def test_predict_with_the_least_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    predict = _stand_in(monkeypatch, "predict")
    assert main(PREDICT) == 0
    assert predict.arguments == ([Path("film.png")], Path("out"))
    assert predict.options == {
        "spacing_mm": None,
        "bundle": None,
        "device": "auto",
        "formats": ("csv", "markups", "overlay"),
        "overwrite": False,
        "backend": "torch",
        "scheme": None,
        "name_from_dicom": False,
        "site": None,
        "load": load_torch_predictor,
    }


def test_predict_with_every_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    predict = _stand_in(monkeypatch, "predict")
    options = [
        "--spacing",
        "0.127",
        "--bundle",
        "b",
        "--device",
        "cuda:0",
        "--format",
        "overlay, csv,csv,report",
        "--name-from-dicom",
        "--site",
        "site.json",
        "--overwrite",
    ]
    assert main(["predict", "a b.png", "folder", "--output", "out", *options]) == 0
    assert predict.arguments == ([Path("a b.png"), Path("folder")], Path("out"))
    assert predict.options == {
        "spacing_mm": 0.127,
        "bundle": Path("b"),
        "device": "cuda:0",
        "formats": ("overlay", "csv", "report"),
        "overwrite": True,
        "backend": "torch",
        "scheme": None,
        "name_from_dicom": True,
        "site": Path("site.json"),
        "load": load_torch_predictor,
    }


def test_process_of_its_own_starts_with_less_of_monai(monkeypatch: pytest.MonkeyPatch) -> None:
    predict = _stand_in(monkeypatch, "predict")
    monkeypatch.setattr(sys, "argv", ["monai-ceph", *PREDICT])
    assert main() == 0
    assert predict.options["load"] is load_lean_predictor


@pytest.mark.parametrize(("backend", "load"), [("torch", load_torch_predictor), ("onnx", load_onnx_predictor)])
def test_backend_chooses_what_predicts(monkeypatch: pytest.MonkeyPatch, backend: str, load: Any) -> None:
    predict = _stand_in(monkeypatch, "predict")
    assert main([*PREDICT, "--backend", backend]) == 0
    assert predict.options["load"] is load


def test_superimpose_with_every_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    superimpose = _stand_in(monkeypatch, "superimpose", None)
    options = ["--output", "o", "--spacing", "0.1", "--spacing", "0.2", "--bundle", "b", "--device", "cpu"]
    options += ["--annotations", "a.csv", "--scheme", "s.json", "--site", "site.json"]
    assert main(["superimpose", "a.png", "b.png", *options]) == 0
    assert superimpose.arguments == (Path("a.png"), Path("b.png"), Path("o"))
    assert superimpose.options == {
        "annotations": [Path("a.csv")],
        "spacing_mm": [0.1, 0.2],
        "bundle": Path("b"),
        "device": "cpu",
        "scheme": "s.json",
        "site": Path("site.json"),
    }


def test_name_without_a_report_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*PREDICT, "--name-from-dicom"]) == 1
    assert "--name-from-dicom writes a name on reports; add report to --format." in capsys.readouterr().err


def test_exit_status_is_one_however_many_films_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    # The number itself would be 0 to a shell when 256 films failed.
    _stand_in(monkeypatch, "predict", 256)
    assert main(PREDICT) == 1


def test_evaluate_with_every_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = _stand_in(monkeypatch, "evaluate", [])
    options = ["--spacing", "0.1", "--protocol", "each", "--scheme", "s.json", "--json", "m.json", "--csv", "e.csv"]
    options += [
        "--summary",
        "s.csv",
        "--exclude",
        "007",
        "--exclude",
        "isbi2015-duplicates",
        "--exclude-landmark",
        "Go",
        "--html",
        "r.html",
        "--figures",
        "f",
        "--agreement",
        "a.csv",
    ]
    assert main(["evaluate", "p.csv", "a.csv", "b", *options]) == 0
    assert evaluate.arguments == (Path("p.csv"), [Path("a.csv"), Path("b")])
    assert evaluate.options == {
        "spacing_mm": 0.1,
        "films": None,
        "protocol": "each",
        "scheme": "s.json",
        "exclude": ["007", "isbi2015-duplicates"],
        "exclude_landmarks": ["Go"],
        "json_file": Path("m.json"),
        "csv_file": Path("e.csv"),
        "agreement_file": Path("a.csv"),
        "summary_file": Path("s.csv"),
        "html_file": Path("r.html"),
        "figures_dir": Path("f"),
    }


def test_compare_with_every_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    compare = _stand_in(monkeypatch, "compare")
    options = ["--spacing", "0.1", "--protocol", "anna", "--scheme", "s.json", "--json", "m.json"]
    options += ["--exclude", "007", "--exclude-landmark", "Go"]
    assert main(["compare", "a.csv", "b.csv", "r.csv", "folder", *options]) == 0
    assert compare.arguments == (Path("a.csv"), Path("b.csv"), [Path("r.csv"), Path("folder")])
    assert compare.options == {
        "spacing_mm": 0.1,
        "films": None,
        "protocol": "anna",
        "scheme": "s.json",
        "exclude": ["007"],
        "exclude_landmarks": ["Go"],
        "json_file": Path("m.json"),
    }


@pytest.mark.parametrize(
    ("options", "format", "bundle"),
    [([], "onnx", None), (["--format", "torchscript", "--bundle", "b"], "torchscript", Path("b"))],
)
def test_export(monkeypatch: pytest.MonkeyPatch, options: list[str], format: str, bundle: Path | None) -> None:
    export = _stand_in(monkeypatch, "export")
    assert main(["export", "--output", "m.onnx", *options]) == 0
    assert export.arguments == (Path("m.onnx"),)
    assert export.options == {"format": format, "bundle": bundle, "trust": False}


@pytest.mark.parametrize(
    "error", [ValueError("'a.png' is no image."), OSError("Cannot write 'b'."), ImportError("needs Pillow")]
)
def test_error_of_the_input_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    _stand_in(monkeypatch, "predict", error)
    assert main(PREDICT) == 1
    assert capsys.readouterr().err == f"monai-ceph predict: error: {error}\n"


def test_error_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch, "predict", ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        main(PREDICT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["predict", "film.png"], "the following arguments are required: --output"),
        (["predict", "--output", "out"], "the following arguments are required: FILM|FOLDER"),
        ([*PREDICT, "--spacing", "0"], "expected a positive number of mm for one film pixel, such as 0.1; got '0'"),
        ([*PREDICT, "--spacing", "-0.1"], "got '-0.1'"),
        ([*PREDICT, "--spacing", "nan"], "got 'nan'"),
        ([*PREDICT, "--spacing", "inf"], "got 'inf'"),
        ([*PREDICT, "--spacing", "0,1"], "got '0,1'"),
        (
            [*PREDICT, "--format", "csv,pdf"],
            "expected some of csv, markups, overlay, measurements, report, dicom-sr separated by commas; got 'csv,pdf'",
        ),
        ([*PREDICT, "--format", ""], "expected some of csv, markups, overlay"),
        ([*PREDICT, "--backend", "tflite"], "invalid choice: 'tflite'"),
        (["export"], "the following arguments are required: --output"),
        (["export", "--output", "m", "--format", "h5"], "invalid choice: 'h5'"),
        (["convert", "in.csv", "--to", "csv"], "the following arguments are required: --output"),
        (["convert", "in.csv", "--to", "xls", "--output", "o"], "invalid choice: 'xls'"),
        (
            ["convert", "i", "--to", "csv", "--output", "o", "--rename", "Ls"],
            "expected two symbols, such as Ls=UL; got 'Ls'",
        ),
        (["evaluate", "p.csv", "--spacing", "0.1"], "the following arguments are required: REFERENCE"),
    ],
)
def test_arguments_that_cannot_be_used_exit_with_two(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"monai-ceph {__version__}\n"


def test_module_runs_and_help_imports_nothing_heavy(repository: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "monai_ceph", "evaluate", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=repository)
    assert run.returncode == 0
    assert "--protocol mean|each|OBSERVER" in run.stdout
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in run.stderr.splitlines()}
    assert "monai_ceph" in imported
    assert imported.isdisjoint({"torch", "monai", "numpy", "pandas", "PIL", "itk"})


def test_ctrl_c_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(*args: object, **kwargs: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("monai_ceph.commands.predict.run", stop)
    assert main(PREDICT) == 130
    assert capsys.readouterr().err == ("monai-ceph predict: stopped; run the same command again to continue\n")
