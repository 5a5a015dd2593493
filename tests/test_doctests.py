"""Run the examples in the docstrings of every module of the package."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import monai_ceph

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(monai_ceph.__path__, "monai_ceph.", onerror=lambda _: None)
    if module.name.rsplit(".", 1)[-1] != "__main__"
)

# Every public class and function of these modules and packages has an example.
WITH_EXAMPLES = (
    "analysis",
    "atomic",
    "face_shape",
    "handlers",
    "landmark_status",
    "metrics",
    "geometry",
    "heatmaps",
    "inferers",
    "landmarks",
    "lazy_names",
    "losses",
    "memory",
    "networks",
    "phantoms",
    "prediction",
    "spacing",
    "training",
    "transforms",
    "wording",
)

# What examples need beyond what their modules import.
OPTIONAL = {
    "monai_ceph.calibration": "scipy",
    "monai_ceph.handlers": "ignite",
    "monai_ceph.metrics.interval": "scipy",
    "monai_ceph.metrics.paired": "scipy",
    "monai_ceph.metrics.site_offset": "scipy",
}


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if (error.name or "").partition(".")[0] in ("", "monai_ceph"):
            raise
        pytest.skip(f"{name} needs the optional package {error.name}")


PACKAGES = sorted({module.rpartition(".")[0] for module in MODULES})


@pytest.mark.parametrize("name", PACKAGES)
def test_everything_that_a_package_exports_has_an_example(name: str) -> None:
    package = _import(name)
    exported = {thing: getattr(package, thing) for thing in getattr(package, "__all__", ())}
    without = [
        thing_name
        for thing_name, thing in exported.items()
        if (inspect.isfunction(thing) or (inspect.isclass(thing) and not issubclass(thing, Exception)))
        and ">>>" not in (thing.__doc__ or "")
    ]
    assert without == [], f"add a >>> example to the docstrings of {', '.join(without)}"


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = _import(name)
    for prefix, package in OPTIONAL.items():
        if name.startswith(prefix):
            pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)  # an example may write files
    results = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert results.failed == 0, f"{results.failed} of {results.attempted} examples failed; see the captured output"


@pytest.mark.parametrize("name", [m for m in MODULES if m.split(".")[1] in WITH_EXAMPLES])
def test_every_public_class_and_function_has_an_example(name: str) -> None:
    module = _import(name)
    public = [
        thing
        for thing_name, thing in vars(module).items()
        if not thing_name.startswith("_")
        and (inspect.isclass(thing) or inspect.isfunction(thing))
        and thing.__module__ == module.__name__
    ]
    without = sorted({thing.__qualname__ for thing in public if ">>>" not in (thing.__doc__ or "")})
    assert without == [], f"add a >>> example to the docstrings of {', '.join(without)} in {name}"
