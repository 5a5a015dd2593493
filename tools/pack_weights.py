"""Pack the weights of both stages into one ``model.pt`` that is small enough to ship.

    python tools/pack_weights.py --global_stage runs/a/model.pt --local_stage runs/b/model.pt --output model.pt

Both files hold whole networks; the global stage is taken from the first and the local stage from the second, so the
stages can be trained at the same time. Convolution weights are stored in half precision, because the model zoo takes no
file over 25 MB. Statistics and biases keep their precision.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from monai_ceph.atomic import atomic_path


def pack(global_stage: dict[str, torch.Tensor], local_stage: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return one state dict of both stages, convolution weights in float16.

    Args:
        global_stage, local_stage: state dicts of the whole network.
    Raises:
        ValueError: the two are not of one network.
    """
    if global_stage.keys() != local_stage.keys():
        differing = sorted(global_stage.keys() ^ local_stage.keys())
        raise ValueError(f"Expected weights of one network; only one file has {differing[0]!r}.")
    chosen = {name: global_stage[name] if name.startswith("global_net.") else local_stage[name] for name in local_stage}
    return {
        name: value.half() if value.is_floating_point() and value.dim() > 1 else value.clone()
        for name, value in chosen.items()
    }


def read(path: Path) -> dict[str, torch.Tensor]:
    """Return the state dict in a checkpoint."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    state: dict[str, torch.Tensor] = content.get("model", content)
    return state


def main() -> None:
    """Read both files and write one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--global_stage", required=True, type=Path, help="weights whose global stage to take")
    parser.add_argument("--local_stage", required=True, type=Path, help="weights whose local stage to take")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    packed = pack(read(arguments.global_stage), read(arguments.local_stage))
    with atomic_path(arguments.output) as path:
        torch.save(packed, path)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
