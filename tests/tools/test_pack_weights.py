import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="module")
def tool(repository: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("pack_weights", repository / "tools" / "pack_weights.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def state(value: float) -> dict[str, torch.Tensor]:
    return {
        "global_net.conv.weight": torch.full((2, 1, 3, 3), value),
        "global_net.norm.running_var": torch.full((2,), 1e6 * value),
        "local_net.conv.weight": torch.full((2, 1, 3, 3), value),
        "symbols": torch.tensor([83, 78], dtype=torch.uint8),
    }


def test_each_stage_comes_from_its_own_file(tool: ModuleType) -> None:
    packed = tool.pack(state(1.0), state(2.0))
    assert packed["global_net.conv.weight"].unique().tolist() == [1.0]
    assert packed["local_net.conv.weight"].unique().tolist() == [2.0]


def test_only_weights_of_convolutions_are_halved(tool: ModuleType) -> None:
    packed = tool.pack(state(1.5), state(1.5))
    assert packed["local_net.conv.weight"].dtype == torch.float16
    assert packed["global_net.norm.running_var"].tolist() == [1.5e6, 1.5e6]  # more than float16 can hold
    assert packed["symbols"].dtype == torch.uint8


def test_weights_of_another_network_are_refused(tool: ModuleType) -> None:
    other = {**state(1.0), "local_net.more.weight": torch.ones(1, 1)}
    with pytest.raises(ValueError, match=r"only one file has 'local_net\.more\.weight'"):
        tool.pack(state(1.0), other)
