"""Which bundles run without ``--trust-bundle``. Each attack leaves a file if it runs."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monai_ceph.cli import main
from monai_ceph.predictor import load_predictor, trust
from monai_ceph.predictor.bundle import default_bundle, paper_bundle, read_config
from monai_ceph.predictor.torch_predictor import load_torch_predictor
from monai_ceph.predictor.trust import UntrustedBundleError, check_trusted
from tests.bundles.tiny import SPACING_MM
from tests.tiny_bundle import make_bundle

SHIPPED = [pytest.param(make, id=make.__name__) for make in (default_bundle, paper_bundle)]
MARK = "ran"


def config(bundle: Path, *names: str) -> dict[str, Any]:
    return read_config(*(bundle / "configs" / f"{name}.json" for name in names or ("inference",)))


@pytest.mark.parametrize("shipped", SHIPPED)
@pytest.mark.parametrize("overlay", [(), ("paper",), ("swap_network",), ("evaluate",)])
def test_copies_of_shipped_bundles_and_their_overlays_need_no_trust(
    shipped: Callable[[], Path], overlay: tuple[str, ...], tmp_path: Path
) -> None:
    if all((shipped() / "configs" / f"{name}.json").is_file() for name in overlay):
        check_trusted(tmp_path, config(shipped(), "inference", *overlay))


@pytest.mark.parametrize("shipped", SHIPPED)
@pytest.mark.parametrize("stage", ["global", "local"])
def test_training_of_a_copy_needs_no_trust(shipped: Callable[[], Path], stage: str, tmp_path: Path) -> None:
    check_trusted(tmp_path, config(shipped(), "train", f"train_{stage}", "finetune"), "training")


@pytest.mark.parametrize(
    "changes",
    [
        {"patch_size": 96, "low_confidence": 0.5, "scheme": "my scheme.json", "dataset_dir": "/films", "note": "mine"},
        {"stage_net": {"_target_": "UNet", "spatial_dims": 2, "channels": [8, 16], "act": "relu", "bias": "@amp"}},
        {"stage_net": {"_target_": "monai.networks.nets.SegResNet", "out_channels": "$len(@landmark_scheme) + 1"}},
        {"stage_net": {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 20, "kernel_size": 1}},
        {"low_confidence": None, "merge": "all"},
    ],
)
def test_numbers_texts_and_networks_may_differ(changes: dict[str, Any], tmp_path: Path) -> None:
    check_trusted(tmp_path, {**config(default_bundle()), **changes})


def attacks(mark: Path) -> dict[str, dict[str, Any]]:
    """Return changes of a config that run code when a predictor is loaded or used: all make a file."""
    shell = {"_target_": "os.system", "command": f"touch '{mark}'"}
    expression = f"$__import__('pathlib').Path({str(mark)!r}).touch()"
    films = {"_target_": "LoadImaged", "keys": "image"}
    return {
        "target": {"network": shell},
        "expression": {"network": expression},
        "expression in a knob": {"low_confidence": expression},
        "target in a network": {"stage_net": {"_target_": "torch.nn.Sequential", "modules": [shell]}},
        "expression in a network": {"stage_net": {"_target_": "torch.nn.Identity", "x": expression}},
        "requirement of a network": {"stage_net": {"_target_": "torch.nn.Identity", "_requires_": [expression]}},
        "debugger": {"stage_net": {"_target_": "torch.nn.Identity", "_mode_": "debug"}},
        "import": {"imports": ["$import torch", "$import antigravity"]},
        "reference to a part": {"bad": shell, "network": "@bad"},
        "part among parts": {"preprocessing": {"_target_": "Compose", "transforms": [shell]}},
        "key of one level further": {"preprocessing#transforms": [shell]},
        "target by reference": {"bad": "os.system", "network": {"_target_": "@bad", "command": f"touch '{mark}'"}},
        "target by expression": {"network": {"_target_": "$os.system", "command": f"touch '{mark}'"}},
        "macro of another file": {"network": f"%{mark.parent}/other.json"},
        "name that a stock part calls": {
            "preprocessing": {
                "_target_": "Compose",
                "transforms": [{**films, "reader": "os.system", "command": f"touch '{mark}'"}],
            }
        },
        "reader left out": {"preprocessing": {"_target_": "Compose", "transforms": [films]}},
        "stock function that loads code": {"network": {"_target_": "monai.bundle.load", "name": "x"}},
        "stock part that writes": {"stage_net": {"_target_": "monai.networks.utils.convert_to_onnx", "x": 1}},
        "folder that is written to": {"output_dir": str(mark.parent)},
    }


@pytest.mark.parametrize("attack", attacks(Path("mark")))
def test_config_that_runs_code_is_refused(attack: str, tmp_path: Path) -> None:
    file = tmp_path / "attack.json"
    content = {key: value for key, value in config(default_bundle()).items() if key not in attacks(file)[attack]}
    file.write_text(json.dumps({**content, **attacks(tmp_path / MARK)[attack]}), encoding="utf-8")
    with pytest.raises(UntrustedBundleError, match=r"can run code of its own: .* allow them with --trust-bundle"):
        check_trusted(tmp_path, read_config(file))


def test_part_of_a_training_is_not_known_in_an_inference(tmp_path: Path) -> None:
    training = config(default_bundle(), "train", "train_local")
    with pytest.raises(UntrustedBundleError, match="train#checkpoint#ema"):
        check_trusted(tmp_path, {**config(default_bundle()), "train": training["train"]})


def test_nothing_runs_before_the_user_trusts_the_bundle(
    shipped_bundle: Path, phantom_films: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bundle = make_bundle(shipped_bundle, tmp_path / "bundle")
    path = bundle / "configs" / "inference.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    ran = tmp_path / MARK
    content["postprocessing"]["transforms"].append({"_target_": "os.system", "command": f"touch '{ran}'"})
    path.write_text(json.dumps(content), encoding="utf-8")
    film = str(next(phantom_films.glob("*.png")))
    predict = ["predict", film, "--output", str(tmp_path / "out"), "--device", "cpu", "--bundle", str(bundle)]
    for command in (predict, ["export", "--output", str(tmp_path / "model.onnx"), "--bundle", str(bundle)]):
        assert main(command) == 1
        assert f"The bundle '{bundle}' can run code of its own" in capfd.readouterr().err
    with pytest.raises(UntrustedBundleError, match=r"_target_.*os\.system"):
        load_predictor(bundle)
    assert not ran.exists()
    main([*predict, "--trust-bundle"])
    assert ran.exists()


def test_shipped_bundles_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "_known", lambda kind: pytest.fail("compared"))
    check_trusted(default_bundle(), {"network": "$print('mine')"})


def test_all_parts_are_counted(tmp_path: Path) -> None:
    content = copy.deepcopy(config(default_bundle()))
    content["initialize"] = [f"$print({k})" for k in range(5)]
    with pytest.raises(UntrustedBundleError, match=r"initialize: \$print\(0\); .*; and 2 more"):
        check_trusted(tmp_path, content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "is not a config: expected a JSON object, got list"),
        ("3", "expected a JSON object, got int"),
        ('{"a": ', "is not a config: it is not JSON"),
        ("[" * 100_000, "is not a config: it is not JSON"),
        ("{}", "is not the config of a bundle"),
        ('{"bundle_root": 1, "network": [], "preprocessing": {}}', "is not the config of a bundle"),
    ],
    ids=["list", "number", "cut", "deep", "empty", "other"],
)
def test_config_of_another_form_is_an_error_in_a_sentence(text: str, message: str, tiny_bundle: Path) -> None:
    (tiny_bundle / "configs" / "inference.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_torch_predictor(tiny_bundle, SPACING_MM, "cpu")
