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
from tools import floor_plan

PACKAGE = Path(monai_ceph.__file__).parent
OPTIONAL = (
    *("PIL", "tqdm", "ignite", "tensorboard", "fire", "jinja2", "matplotlib", "onnx", "onnxruntime", "scipy"),
    "highdicom",
)
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
    # In a fresh interpreter: this one has imported the extras long ago. `label` has an environment of its own, and the
    # page is served with the extra `view`.
    modules = [
        module.name
        for module in pkgutil.walk_packages([str(PACKAGE)], "monai_ceph.")
        if not module.name.startswith(("monai_ceph.label", "monai_ceph.page", "monai_ceph.__main__"))
    ]
    assert "monai_ceph.heatmaps" in modules
    code = WITHOUT_EXTRAS.format(optional=set(OPTIONAL), modules=modules)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert ran.returncode == 0, ran.stderr


def test_the_floor_plan_is_the_one_of_the_import_contract(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert floor_plan.main(["--check"]) == 0, capsys.readouterr().err
    picture = (repository / floor_plan.PICTURE).read_text(encoding="utf-8")
    modules = [name for floor in floor_plan.floors(repository / "setup.cfg") for name in floor]
    assert [name for name in modules if f">{name}</text>" not in picture] == []


def test_a_step_that_is_no_module_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected modules of the import contract, got readers; correct STEPS"):
        floor_plan.draw([["cli"], ["data"]], {"cli": 1, "readers": 2})


def test_the_page_explains_every_module_of_the_contract_from_top_to_bottom(repository: Path) -> None:
    page = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = page.partition("| module | contents |")[2].partition("\n\n")[0]
    explained = re.findall(r"^\| `(\w+)` \|", rows, re.MULTILINE)
    assert explained == [name for floor in floor_plan.floors(repository / "setup.cfg") for name in floor]


def test_the_walk_of_a_film_has_the_numbers_of_the_picture(repository: Path) -> None:
    page = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    walk = page.partition("## One film through the code")[2].partition("\n## ")[0]
    steps = re.split(r"^\d+\. ", walk, flags=re.MULTILINE)[1:]
    assert len(steps) == len(floor_plan.STEPS)
    assert [name for step, name in zip(steps, floor_plan.STEPS, strict=True) if f"`{name}" not in step] == []


def test_the_api_reference_has_every_package_with_public_names(repository: Path) -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (repository / "docs" / "api").glob("*.md"))
    shown = set(re.findall(r"automodule:: ([\w.]+)", pages))
    packages = [
        f"monai_ceph.{path.parent.name}"
        for path in sorted(PACKAGE.glob("*/__init__.py"))
        if "__all__ = [" in path.read_text(encoding="utf-8") and path.parent.name != "label"
    ]
    assert "monai_ceph.transforms" in packages and set(packages) - shown == set()


def test_the_page_names_files_that_exist(repository: Path) -> None:
    page = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    roots = [repository, repository / "monai_ceph", repository / "bundles" / "cephalometric_landmarks"]
    named = set(re.findall(r"`([\w/]+(?:/|\.py|\.json|\.cfg))`", page))
    assert "metrics/summary.py" in named
    assert sorted(name for name in named if not any((root / name).exists() for root in roots)) == []


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
    required += ["axe-playwright-python", "httpx", "playwright"]
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


def test_the_wheel_holds_every_file_of_the_built_page(repository: Path) -> None:
    patterns = _lines(_setup(repository)["options.package_data"]["monai_ceph.page"])
    packed = {path for pattern in patterns for path in (PACKAGE / "page").glob(pattern) if path.is_file()}
    built = {path for path in (PACKAGE / "page" / "static").rglob("*") if path.is_file()}
    assert built == packed
    index = (PACKAGE / "page" / "static" / "index.html").read_text(encoding="utf-8")
    for asset in re.findall(r'(?:src|href)="\./([^"]+)"', index):
        assert PACKAGE / "page" / "static" / asset in packed
