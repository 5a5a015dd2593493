"""Check that MONAI, its model zoo and MONAI Label accept the bundle. Run by ``make check``; see --help."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
BUNDLE = REPOSITORY / "bundles" / "cephalometric_landmarks"
LARGEST_BYTES = 25_000_000
REQUIRED = ("configs/metadata.json", "configs/inference.json", "LICENSE", "models/model.pt")
NET_IN_OUT = {"n": 4}
SECONDS = 10


class Skipped(Exception):
    """A check cannot be run here; the message says why."""


def main(argv: list[str] | None = None) -> int:
    """Run every check, print one line for each, and return 1 if one failed."""
    parser = argparse.ArgumentParser(description="Verify the bundle as MONAI's model zoo would.")
    parser.add_argument("--bundle", type=Path, default=BUNDLE, help="folder of the bundle (default: the shipped one)")
    parser.add_argument("--schema", type=Path, help="copy of the metadata schema, for machines without a network")
    arguments = parser.parse_args(argv)
    bundle, schema = arguments.bundle.resolve(), arguments.schema
    checks: dict[str, Callable[[], str]] = {
        "required files": lambda: check_files(bundle),
        "file sizes": lambda: check_sizes(bundle),
        "version in changelog": lambda: check_version(bundle),
        "metadata against schema": lambda: check_metadata(bundle, schema),
        "properties of training": lambda: check_properties(
            bundle, "train", ["train", "train_local", "own_films"], films_per_batch=1, validation_films=["phantom_001"]
        ),
        "properties of inference": lambda: check_properties(bundle, "infer", ["inference"]),
        "network input and output": lambda: check_net_in_out(bundle),
        "weights and TorchScript": lambda: check_export(bundle),
    }
    failed = 0
    for name, check in checks.items():
        try:
            with _quiet():
                outcome = f"ok       {name}: {check()}"
        except Skipped as reason:
            outcome = f"skipped  {name}: {reason}"
        except Exception as error:
            failed += 1
            outcome = f"FAILED   {name}: {type(error).__name__}: {error}"
        print(outcome, flush=True)
    return min(failed, 1)


def check_files(bundle: Path) -> str:
    """Check that all files required by the zoo exist."""
    missing = [name for name in REQUIRED if not (bundle / name).is_file()]
    if "models/model.pt" in missing:
        raise FileNotFoundError(
            f"{bundle / 'models' / 'model.pt'} is missing: no weights have been trained into this bundle yet. Train "
            f"both stages (docs/README.md of the bundle). Missing in all: {', '.join(missing)}."
        )
    if missing:
        raise FileNotFoundError(f"missing in {bundle}: {', '.join(missing)}")
    return ", ".join(REQUIRED)


def check_sizes(bundle: Path) -> str:
    """Check file types and sizes; outputs of a training in runs/ and eval/ are not part of the bundle."""
    files = [p for p in _files(bundle) if p.relative_to(bundle).parts[0] not in ("runs", "eval")]
    large = [
        f"{p.relative_to(bundle)} ({p.stat().st_size / 1e6:.1f} MB)" for p in files if p.stat().st_size > LARGEST_BYTES
    ]
    if large:
        raise ValueError(f"larger than 25 MB: {', '.join(large)}")
    return f"{len(files)} files, the largest {max(p.stat().st_size for p in files) / 1e6:.1f} MB"


def check_version(bundle: Path) -> str:
    """Check that the changelog has an entry for the version."""
    metadata = _metadata(bundle)
    if metadata["version"] not in metadata["changelog"]:
        raise ValueError(f"version {metadata['version']} is not in the changelog of configs/metadata.json")
    return str(metadata["version"])


def check_metadata(bundle: Path, schema: Path | None) -> str:
    """Run ``verify_metadata`` with a copy of the schema, or download it if there is none."""
    from monai.bundle import verify_metadata

    url = _metadata(bundle)["schema"]
    copies = [schema] if schema else [REPOSITORY.parent / "shared" / "data" / url.rsplit("/", 1)[-1]]
    copy = next((path for path in copies if path.is_file()), None)
    if schema and copy is None:
        raise FileNotFoundError(f"there is no schema at {schema}")
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "schema.json"
        if copy is not None:
            shutil.copy(copy, local)
        else:
            try:  # MONAI's own download has no timeout
                with urllib.request.urlopen(url, timeout=SECONDS) as answer:
                    local.write_bytes(answer.read())
            except OSError as error:
                raise Skipped(f"no copy at {copies[0]}, and the schema cannot be downloaded ({error})") from error
        # MONAI does not download a schema that exists.
        verify_metadata(meta_file=str(bundle / "configs" / "metadata.json"), filepath=str(local))
    return f"valid by {url.rsplit('/', 1)[-1]}" + (" (a local copy)" if copy else "")


def check_properties(bundle: Path, kind: str, configs: list[str], **overrides: Any) -> str:
    """Check that a workflow of this kind has all properties that MONAI expects.

    MONAI instantiates all of them for this check, which needs films; they are drawn.
    """
    import torch
    from monai.bundle import ConfigWorkflow

    from monai_ceph.phantoms import write_phantoms

    with tempfile.TemporaryDirectory() as folder:
        films, results = Path(folder) / "films", Path(folder) / "results"
        write_phantoms(films, 2, size=(323, 400), spacing_mm=0.6)
        workflow = ConfigWorkflow(
            config_file=[str(bundle / "configs" / f"{name}.json") for name in configs],
            meta_file=str(bundle / "configs" / "metadata.json"),
            logging_file=False,
            workflow_type=kind,
            bundle_root=str(results),
            dataset_dir=str(films),
            film_spacing_mm=0.6,
            **overrides,
        )
        # Another check covers the shipped weights; with these, this one passes without them.
        (results / "models").mkdir(parents=True)
        torch.save(workflow.parser.get_parsed_content("network_def").state_dict(), results / "models" / "model.pt")
        workflow.initialize()
        wrong = workflow.check_properties()
    if wrong:
        raise ValueError(f"missing or misnamed: {', '.join(wrong)}")
    return f"{len(workflow.properties)} properties"


def check_net_in_out(bundle: Path) -> str:
    """Check that the network's output is as described in metadata.json."""
    from monai.bundle import verify_net_in_out

    configs = bundle / "configs"
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(configs / "metadata.json"),
        config_file=str(configs / "inference.json"),
        device="cpu",
        **NET_IN_OUT,
    )
    data = _metadata(bundle)["network_data_format"]
    return f"{data['inputs']['image']['num_channels']} channel in, {data['outputs']['pred']['num_channels']} out"


def check_export(bundle: Path) -> str:
    """Check that the weights fit and that the network's TorchScript gives the same output."""
    import torch
    from monai.bundle import ConfigParser, ckpt_export

    from monai_ceph.networks import load_weights

    weights = bundle / "models" / "model.pt"
    if not weights.is_file():
        raise Skipped(f"there is no {weights}")
    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / "inference.json"))
    network = load_weights(parser.get_parsed_content("network_def"), weights).eval()
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "model.ts"
        ckpt_export(
            net_id="network_def",
            filepath=str(exported),
            ckpt_file=str(weights),
            config_file=str(bundle / "configs" / "inference.json"),
            meta_file=str(bundle / "configs" / "metadata.json"),
            key_in_ckpt="model" if "model" in torch.load(weights, weights_only=True, map_location="cpu") else "",
            bundle_root=str(bundle),
        )
        image = torch.rand(1, 1, 64, 64)
        with torch.no_grad():
            difference = (torch.jit.load(str(exported))(image) - network(image)).abs().max().item()
    if difference > 1e-5:
        raise ValueError(f"TorchScript differs from the network by {difference:.1e}")
    return f"TorchScript within {difference:.0e} of the network"


def _metadata(bundle: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((bundle / "configs" / "metadata.json").read_text(encoding="utf-8"))
    return content


def _files(bundle: Path) -> list[Path]:
    return sorted(p for p in bundle.rglob("*") if p.is_file())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Mute MONAI, which prints all its arguments; only the outcome matters here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            open(os.devnull, "w") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))  # verify the bundle with the package in the same checkout
    sys.exit(main())
