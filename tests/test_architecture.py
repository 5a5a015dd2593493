"""The project's frame: what may be imported without what, and what the files at the top say about each other."""

from __future__ import annotations

import configparser
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import monai_ceph

PACKAGE = Path(monai_ceph.__file__).parent
OPTIONAL = ("PIL", "tqdm", "ignite", "tensorboard", "fire", "jinja2", "matplotlib", "onnx", "onnxruntime", "scipy")
"""Import names of what the extras bring."""

WITHOUT_EXTRAS = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {optional}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Absent())
failed = []
for module in {modules}:
    try:
        importlib.import_module(module)
    except Exception as error:
        failed.append(module + ": " + repr(error))
sys.exit("\\n".join(failed) or 0)
"""


def _setup(repository: Path) -> configparser.ConfigParser:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(repository / "setup.cfg", encoding="utf-8")
    return setup


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def _project_name(requirement: str) -> str:
    """``PyTorch_Ignite>=0.5`` -> ``pytorch-ignite``."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def _tracked(repository: Path) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, text=True)
    if listed.returncode or not (repository / ".git").exists():
        pytest.skip("not a git checkout: there is no list of tracked files")
    return [path for name in listed.stdout.split("\0") if name and (path := repository / name).is_file()]


def test_every_module_imports_without_the_extras() -> None:
    # In a fresh interpreter: this one has imported the extras long ago. `label` has an environment of its own.
    modules = [
        module.name
        for module in pkgutil.walk_packages([str(PACKAGE)], "monai_ceph.")
        if not module.name.startswith(("monai_ceph.label", "monai_ceph.__main__"))
    ]
    assert "monai_ceph.heatmaps" in modules
    code = WITHOUT_EXTRAS.format(optional=set(OPTIONAL), modules=modules)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert ran.returncode == 0, ran.stderr


def test_the_names_of_the_landmarks_need_no_torch() -> None:
    code = "import sys, monai_ceph.landmarks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent).returncode == 0


def test_every_folder_with_code_is_a_package() -> None:
    # setuptools' `find:` leaves a folder without __init__.py out of the wheel, silently.
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_extra_all_names_every_other_extra(repository: Path) -> None:
    extras = _setup(repository)["options.extras_require"]
    named = re.fullmatch(r"monai-ceph\[(.*)\]", extras["all"].strip())[1]
    assert set(named.split(",")) == set(extras) - {"all", "label"}  # label needs another numpy


def test_constraints_pin_everything_that_is_required(repository: Path) -> None:
    setup = _setup(repository)
    required = _lines(setup["options"]["install_requires"])
    for name, extra in setup["options.extras_require"].items():
        required += [] if name in ("all", "label") else _lines(extra)
    assert {_project_name(line) for line in required} - _pinned(repository / "constraints" / "test.txt") == set()


def test_constraints_of_the_label_environment_pin_what_it_installs(repository: Path) -> None:
    extras = _setup(repository)["options.extras_require"]
    required = [line for name in ("cli", "train", "evaluate", "label") for line in _lines(extras[name])]
    required += [*_lines(_setup(repository)["options"]["install_requires"]), "pytest", "hypothesis"]
    pinned = _pinned(repository / "constraints" / "label.txt")
    assert {_project_name(line) for line in required} - pinned == set()


def _pinned(constraints: Path) -> set[str]:
    pins = _lines(constraints.read_text(encoding="utf-8"))
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []
    return {_project_name(pin) for pin in pins}


def test_pre_commit_runs_the_pinned_ruff(repository: Path) -> None:
    pinned = re.search(r"^(ruff==.*)$", (repository / "constraints" / "test.txt").read_text(encoding="utf-8"), re.M)[1]
    hooks = (repository / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"ruff==[\w.]+", hooks)) == {pinned}


def test_citation_and_changelog_know_the_version(repository: Path) -> None:
    citation = (repository / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", citation, re.M)[1].strip("\"'") == monai_ceph.__version__
    changelog = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[Unreleased\]", changelog, re.M) or f"## [{monai_ceph.__version__}]" in changelog


def test_tracked_files_name_no_machine_and_no_registry(repository: Path) -> None:
    # Each alternative is written so that this line does not match itself.
    private = re.compile(r"(?<![\w.])/(home|root|Users|mnt|work|scratch)/[\w.]|index[-]url|trusted[-]host|pypi\.or[g]")
    found = []
    for path in _tracked(repository):
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
                if private.search(line):
                    found.append(f"{path.relative_to(repository)}:{number}: {line.strip()[:120]}")
    assert found == []


def test_no_tracked_file_is_over_the_model_zoos_25_mb(repository: Path) -> None:
    assert [str(path) for path in _tracked(repository) if path.stat().st_size > 25_000_000] == []


@pytest.mark.real_films
def test_no_tracked_file_is_a_copy_of_research_data(repository: Path, real_films: Path) -> None:
    sizes = {path.stat().st_size: [] for path in _tracked(repository)}
    for path in real_films.rglob("*"):
        if path.is_file() and path.stat().st_size in sizes:
            sizes[path.stat().st_size].append(path.read_bytes())
    copies = [path for path in _tracked(repository) if path.read_bytes() in sizes[path.stat().st_size]]
    assert copies == []
