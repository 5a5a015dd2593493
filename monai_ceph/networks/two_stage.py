"""Hold both stages in one module, so that one ``model.pt`` is the whole detector."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from monai_ceph.landmarks import LandmarkScheme


class WeightsError(ValueError):
    """A checkpoint that cannot be used; the message names the file and the remedy.

    Example:
        >>> from monai_ceph.networks import WeightsError
        >>> issubclass(WeightsError, ValueError)
        True
    """


class TwoStageNet(torch.nn.Module):
    """Hold the global and the local stage of a landmark detector.

    ``forward`` runs the global stage alone, which bundle checks and exports call; an inferer runs both stages.

    Args:
        global_net, local_net: (B, C, X, Y) -> (B, N + 1, X, Y) logits, N landmarks and background.
        scheme: the landmarks. Its symbols are stored with the weights, so that weights of another scheme with the same
            number of landmarks are rejected instead of naming points wrongly.
    Example:
        >>> import torch
        >>> from monai.networks.nets import BasicUNet
        >>> from monai_ceph.landmarks import ISBI19
        >>> from monai_ceph.networks import TwoStageNet
        >>> stages = [BasicUNet(2, 1, 20, features=(4, 4, 4, 4, 4, 4)) for _ in range(2)]
        >>> TwoStageNet(*stages, ISBI19)(torch.rand(1, 1, 48, 64)).shape
        torch.Size([1, 20, 48, 64])
    """

    def __init__(self, global_net: torch.nn.Module, local_net: torch.nn.Module, scheme: LandmarkScheme) -> None:
        super().__init__()
        self.global_net = global_net
        self.local_net = local_net
        self.channels = len(scheme) + 1
        # A tensor, because checkpoints read with weights_only=True and TorchScript exports both keep one.
        self.symbols: torch.Tensor
        self.register_buffer("symbols", torch.tensor(list(" ".join(scheme.symbols).encode()), dtype=torch.uint8))

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        """Compute the global heatmaps.

        Args:
            film: (B, C, X, Y), at the global stage's scale, intensities normalised.
        Returns:
            (B, N + 1, X, Y) probabilities, summing to 1 over the channels.
        """
        return torch.softmax(self.global_net(film).to(torch.float32), dim=1)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        theirs = state_dict.get(prefix + "symbols")
        if theirs is not None and _text(theirs) != _text(self.symbols):
            error_msgs = args[-1]
            error_msgs.append(
                f"the weights are for the landmarks '{_text(theirs)}', the network is for '{_text(self.symbols)}'"
            )
            state_dict = {**state_dict, prefix + "symbols": self.symbols}
        super()._load_from_state_dict(state_dict, prefix, *args)


def _text(symbols: Any) -> str:
    if not isinstance(symbols, torch.Tensor) or symbols.dtype != torch.uint8:
        return "(unreadable)"
    return bytes(symbols.flatten().tolist()).decode(errors="replace")


def load_weights(network: torch.nn.Module, path: str | Path) -> torch.nn.Module:
    """Load a checkpoint of the whole network; every key has to match.

    Args:
        network: the network, changed in place and returned.
        path: a file with a state dict, or with one under the key ``"model"``.
    Raises:
        WeightsError: the file is missing, is not a checkpoint, is damaged or cut short, belongs to another network or
            scheme, or holds numbers that are not finite.
    Example:
        >>> import torch
        >>> from monai_ceph.networks import load_weights
        >>> network = torch.nn.Conv2d(1, 20, kernel_size=1)
        >>> torch.save(network.state_dict(), "model.pt")
        >>> load_weights(network, "model.pt") is network
        True
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"No weights at '{path}'; train the bundle first, or give the path of a model.pt.")
    try:
        _check_sums(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # on arbitrary bytes the unpickler can raise anything
        raise WeightsError(
            f"Cannot read weights from '{path}' ({type(error).__name__}); expected a checkpoint written by torch.save "
            "that holds tensors only. The file may be damaged or cut short: copy or train it again."
        ) from error
    state = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise WeightsError(
            f"'{path}' holds a {type(content).__name__} that is not a state dict; expected the network's weights."
        )
    broken = [key for key, value in state.items() if isinstance(value, torch.Tensor) and not value.isfinite().all()]
    if broken:
        raise WeightsError(
            f"The weights in '{path}' hold numbers that are not finite ({broken[0]}{', ...' * (len(broken) > 1)}); "
            "was the file damaged, or did the training diverge? Copy or train it again."
        )
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(
            f"The weights in '{path}' do not fit this network: {_first_reason(error)}. Use the network "
            "definition and the landmark scheme that they were trained with: the scheme is the key 'scheme' in the "
            "bundle's configs/inference.json, or --scheme."
        ) from error
    return network


def _check_sums(path: Path) -> None:
    """Check the checksum of each tensor in a checkpoint, which ``torch.save`` writes and ``torch.load`` ignores.

    Raises:
        zipfile.BadZipFile: one does not match, or the file is not of the form that ``torch.save`` writes today.
    """
    with zipfile.ZipFile(path) as file:
        damaged = file.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the checksum of {damaged} does not match")


def _first_reason(error: RuntimeError, length: int = 300) -> str:
    """Return one of torch's many reasons, shortened; another landmark scheme takes precedence."""
    reasons = [line.strip().rstrip(".") for line in str(error).splitlines()[1:]]
    reason = next((r for r in reasons if r.startswith("the weights are for the landmarks")), reasons[0])
    return reason if len(reason) <= length else f"{reason[:length]} ..."
