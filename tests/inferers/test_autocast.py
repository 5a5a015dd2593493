from __future__ import annotations

import warnings

import pytest
import torch
from monai.inferers import SlidingWindowInferer

from monai_ceph.inferers import AutocastInferer
from monai_ceph.inferers.autocast import fastest_dtype

NETWORK = torch.nn.Conv2d(1, 3, 3, padding=1)
FILM = torch.rand(1, 1, 12, 12)


@pytest.mark.parametrize("dtype", ["bfloat16", torch.bfloat16])
def test_network_runs_in_the_lower_precision(dtype: str | torch.dtype) -> None:
    found = AutocastInferer(dtype=dtype)(FILM, NETWORK)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), NETWORK(FILM), atol=0.02, rtol=0.02)


def test_float32_turns_it_off_without_a_word() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = AutocastInferer(dtype="float32")(FILM, NETWORK)
    assert torch.equal(found, NETWORK(FILM))


def test_inner_inferer_runs_and_gets_all_arguments() -> None:
    seen: list[object] = []

    def inner(inputs: torch.Tensor, network: object, *args: object, **kwargs: object) -> str:
        seen.extend([inputs, network, args, kwargs, torch.is_autocast_enabled("cpu")])
        return "done"

    assert AutocastInferer(inner, "bfloat16")(FILM, NETWORK, 1, two=2) == "done"  # type: ignore[arg-type]
    assert seen == [FILM, NETWORK, (1,), {"two": 2}, True]
    assert not torch.is_autocast_enabled("cpu")


def test_around_monai_s_own_inferer() -> None:
    pointwise = torch.nn.Conv2d(1, 3, 1)  # the same whatever the window
    found = AutocastInferer(SlidingWindowInferer(roi_size=8), "bfloat16")(FILM, pointwise)
    torch.testing.assert_close(found.float(), pointwise(FILM), atol=0.05, rtol=0.05)


@pytest.mark.parametrize("dtype", ["bfloat", "nn", 16])
def test_dtype_that_is_none(dtype: object) -> None:
    with pytest.raises(ValueError, match=f"the name of a torch dtype such as 'bfloat16', got {dtype!r}"):
        AutocastInferer(dtype=dtype)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amx", "avx", "fastest"),
    [
        (True, False, torch.bfloat16),
        (False, True, torch.bfloat16),
        (False, False, torch.float32),
    ],
)
def test_auto_takes_bfloat16_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, amx: bool, avx: bool, fastest: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx, raising=False)
    assert AutocastInferer()(FILM, NETWORK).dtype == fastest


def test_auto_without_torch_s_private_questions_is_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert AutocastInferer(dtype="auto")(FILM, NETWORK).dtype == torch.float32


def test_auto_on_a_gpu_is_float16() -> None:
    assert fastest_dtype(torch.device("cuda:0")) == torch.float16
