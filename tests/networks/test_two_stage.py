from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import torch
from monai.networks.nets import BasicUNet

from monai_ceph.landmarks import ISBI19, Landmark, LandmarkScheme
from monai_ceph.networks import TwoStageNet, WeightsError, load_weights


def _scheme(*symbols: str) -> LandmarkScheme:
    return LandmarkScheme("mine", tuple(Landmark(s, s) for s in symbols))


AB = _scheme("A", "B")


def _net(scheme: LandmarkScheme = AB, width: int = 4, seed: int = 0) -> TwoStageNet:
    torch.manual_seed(seed)
    layers = [
        (torch.nn.Conv2d(1, width, 3, padding=1), torch.nn.Conv2d(width, len(scheme) + 1, 3, padding=1)) for _ in "gl"
    ]
    return TwoStageNet(*(torch.nn.Sequential(*pair) for pair in layers), scheme).eval()


def _unet() -> TwoStageNet:
    return TwoStageNet(*(BasicUNet(2, 1, len(AB) + 1, features=(4, 4, 8, 8, 8, 4)) for _ in "gl"), AB).eval()


FILM = torch.rand(1, 1, 48, 52, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    torch.save(_net(seed=1).state_dict(), path)
    return path


def test_forward_gives_the_global_stage_s_probabilities() -> None:
    network = _net()
    heatmaps = network(FILM)
    assert heatmaps.shape == (1, 3, 48, 52)
    torch.testing.assert_close(heatmaps, torch.softmax(network.global_net(FILM), 1))
    torch.testing.assert_close(heatmaps.sum(1), torch.ones(1, 48, 52))


def test_forward_is_single_precision_under_autocast() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        heatmaps = _net()(FILM)
    assert heatmaps.dtype == torch.float32
    torch.testing.assert_close(heatmaps.sum(1), torch.ones(1, 48, 52))


@pytest.mark.parametrize("wrap", [False, True])
def test_round_trip_of_both_stages(tmp_path: Path, wrap: bool) -> None:
    trained, path = _net(seed=1), tmp_path / "model.pt"
    torch.save({"model": trained.state_dict()} if wrap else trained.state_dict(), path)
    network = _net(seed=2)
    assert not torch.equal(network(FILM), trained(FILM))
    assert load_weights(network, path) is network
    assert torch.equal(network(FILM), trained(FILM))
    assert torch.equal(network.local_net(FILM), trained.local_net(FILM))


def test_symbols_of_any_alphabet_survive(tmp_path: Path) -> None:
    scheme = _scheme("Pog'", "Ó", "門")
    torch.save(_net(scheme).state_dict(), tmp_path / "m.pt")
    load_weights(_net(scheme), str(tmp_path / "m.pt"))


def test_missing_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pt", tmp_path):
        with pytest.raises(WeightsError, match=re.escape(f"No weights at '{path}'; train the bundle first")):
            load_weights(_net(), path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(weights: Path, value: float) -> None:
    content = torch.load(weights, weights_only=True)
    state = content.get("model", content)
    key = next(key for key, tensor in state.items() if torch.is_tensor(tensor) and tensor.is_floating_point())
    state[key].view(-1)[0] = value
    torch.save(content, weights)
    with pytest.raises(
        WeightsError, match=rf"hold numbers that are not finite \({re.escape(key)}\); was the file damaged"
    ):
        load_weights(_net(), weights)


def test_truncated_file_is_named_wherever_it_was_cut(weights: Path) -> None:
    whole, draw = weights.read_bytes(), random.Random(0)
    for length in [0, 1, 2, 3, 50, len(whole) - 1] + [draw.randrange(len(whole)) for _ in range(10)]:
        weights.write_bytes(whole[:length])
        with pytest.raises(
            WeightsError, match=r"Cannot read weights from '.*model\.pt' \(.*The file may be damaged or cut short"
        ):
            load_weights(_net(), weights)


def test_flipped_bytes_never_change_the_weights(weights: Path) -> None:
    torch.save(_net(width=200, seed=1).state_dict(), weights)
    whole, expected, draw, refused = weights.read_bytes(), _net(width=200, seed=1).state_dict(), random.Random(2), 0
    for count in [1000] + [1] * 100:
        damaged = bytearray(whole)
        for place in draw.sample(range(len(whole)), count):
            damaged[place] ^= draw.randrange(1, 256)
        weights.write_bytes(damaged)
        try:
            loaded = load_weights(_net(width=200), weights)
        except WeightsError as error:
            assert re.search(r"Cannot read weights from '.*model\.pt' \(.*The file may be damaged", str(error))
            refused += 1
        else:  # the byte was between the tensors
            torch.testing.assert_close(loaded.state_dict(), expected, rtol=0, atol=0)
    assert refused > 75


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_file_of_anything_else_is_named(weights: Path) -> None:
    draw = random.Random(1)
    # b"." and b"0" are the shortest of those that make the unpickler fail in an unusual way: its stack is empty.
    for content in [b".", b"0", b"hello, world\n"] + [draw.randbytes(draw.randrange(1, 200)) for _ in range(60)]:
        weights.write_bytes(content)
        with pytest.raises(WeightsError, match="Cannot read weights from"):
            load_weights(_net(), weights)


class _Evil:
    """What torch.load without weights_only would run."""

    ran = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _run, ()


def _run() -> dict[str, object]:
    _Evil.ran = True
    return {}


def test_code_in_a_file_is_not_run(weights: Path) -> None:
    torch.save({"model": _Evil()}, weights)
    with pytest.raises(WeightsError, match="that holds tensors only"):
        load_weights(_net(), weights)
    assert not _Evil.ran


@pytest.mark.parametrize(
    "content", [torch.zeros(3), [1, 2], {"model": 3}, {1: torch.zeros(2)}, {"model": {0: torch.zeros(1)}}]
)
def test_content_that_is_no_state_dict(weights: Path, content: object) -> None:
    torch.save(content, weights)
    with pytest.raises(WeightsError, match=r"is not a state dict; expected the network's weights"):
        load_weights(_net(), weights)


def test_other_scheme_with_as_many_landmarks_is_refused(weights: Path) -> None:
    """The weights would fit, and every point would get another landmark's name."""
    for scheme, names in ((_scheme("A", "C"), "A C"), (_scheme("B", "A"), "B A"), (_scheme("A", "B'"), "A B'")):
        message = f"the weights are for the landmarks 'A B', the network is for '{names}'. Use the network definition"
        with pytest.raises(WeightsError, match=re.escape(message)):
            load_weights(_net(scheme), weights)


def test_other_scheme_of_another_number_is_told_as_that(weights: Path) -> None:
    message = "the weights are for the landmarks 'A B', the network is for 'S N Or"
    with pytest.raises(WeightsError, match=re.escape(message)):
        load_weights(_net(ISBI19), weights)


def test_refused_scheme_leaves_the_network_s_own_symbols(weights: Path) -> None:
    network = _net(_scheme("A", "C"))
    with pytest.raises(WeightsError):
        load_weights(network, weights)
    assert bytes(network.symbols.tolist()) == b"A C"


def test_other_width_is_refused(weights: Path) -> None:
    with pytest.raises(WeightsError, match=r"do not fit this network: size mismatch for global_net\.0"):
        load_weights(_net(width=8), weights)


def test_other_network_is_refused_in_one_sentence(weights: Path) -> None:
    torch.save(_unet().state_dict(), weights)  # some 60 layers, which nobody wants to read
    with pytest.raises(WeightsError, match=r"do not fit this network: Missing key\(s\)") as caught:
        load_weights(_net(), weights)
    assert len(str(caught.value)) < 700
    assert "\n" not in str(caught.value)


def test_one_stage_alone_is_refused(tmp_path: Path) -> None:
    torch.save(_net().global_net.state_dict(), tmp_path / "m.pt")
    with pytest.raises(WeightsError, match=r"Missing key\(s\) in state_dict: \"symbols\", \"global_net"):
        load_weights(_net(), tmp_path / "m.pt")


@pytest.mark.parametrize("symbols", [[65], torch.zeros(3), torch.zeros(2, 2), None])
def test_symbols_that_are_none(weights: Path, symbols: object) -> None:
    torch.save({**_net().state_dict(), "symbols": symbols}, weights)
    with pytest.raises(WeightsError, match=r"do not fit this network: (the weights are for|.*symbols)"):
        load_weights(_net(), weights)


def test_weights_know_their_scheme_inside_another_module(weights: Path) -> None:
    """As under DistributedDataParallel, which puts everything one level down."""
    outer = torch.nn.Sequential(_net(_scheme("A", "C")))
    state = {f"0.{key}": value for key, value in _net().state_dict().items()}
    with pytest.raises(RuntimeError, match="the weights are for the landmarks 'A B', the network is for 'A C'"):
        outer.load_state_dict(state)


@pytest.mark.filterwarnings("ignore:.*torch.jit", "ignore:Converting a tensor to a Python boolean")
@pytest.mark.parametrize("export", [torch.jit.script, lambda n: torch.jit.trace(n, FILM, check_trace=False)])
def test_exported_module_gives_the_same(tmp_path: Path, export: object) -> None:
    network = _unet()
    export(network).save(str(tmp_path / "model.ts"))  # type: ignore[operator]
    loaded = torch.jit.load(tmp_path / "model.ts")
    torch.testing.assert_close(loaded(FILM), network(FILM))
    assert bytes(loaded.symbols.tolist()) == b"A B"


def test_deep_copy_is_its_own_network() -> None:
    """As the moving average of the weights is made."""
    import copy

    network = _net()
    twin = copy.deepcopy(network)
    with torch.no_grad():
        next(iter(twin.parameters())).add_(1)
    assert torch.equal(twin.symbols, network.symbols)
    assert not torch.equal(twin(FILM), network(FILM))
