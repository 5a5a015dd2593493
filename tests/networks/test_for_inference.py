import pytest
import torch
from monai.networks.nets import AttentionUnet, BasicUNet

from monai_ceph.networks import for_inference

BATCH, INSTANCE = ("batch", {"affine": True}), ("instance", {"affine": True})


def trained(norm: object = BATCH, **settings: object) -> BasicUNet:
    """A network whose batch norms have seen something, so that leaving one out shows."""
    torch.manual_seed(0)
    network = BasicUNet(2, 1, 4, features=(8, 8, 16, 16, 32, 8), norm=norm, **settings)
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, -0.3, 0.5)
    network.train()
    for _ in range(3):
        network(torch.randn(4, 1, 32, 32) * 3 + 1)
    return network.eval()


def batch_norms(network: torch.nn.Module) -> int:
    return sum(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in network.modules())


@pytest.mark.parametrize("norm", [BATCH, INSTANCE])
@pytest.mark.parametrize("upsample", ["deconv", "nontrainable"])
@pytest.mark.parametrize("size", [(64, 64), (50, 67), (33, 48)])
def test_gives_the_same(norm: object, upsample: str, size: tuple[int, int]) -> None:
    network = trained(norm, upsample=upsample)
    film = torch.randn(2, 1, *size)
    with torch.no_grad():
        before, after = network(film), for_inference(network)(film)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5 * float(before.abs().max()))


def test_no_batch_norm_is_left_and_the_network_is_not_changed() -> None:
    network = trained().train()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    folded = for_inference(network)
    assert batch_norms(folded) == 0 < batch_norms(network)
    assert network.training and not folded.training
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in state.items())


def test_a_network_of_other_parts_gives_the_same() -> None:
    torch.manual_seed(0)
    network = AttentionUnet(2, 1, 4, channels=(8, 16, 32), strides=(2, 2)).train()
    for _ in range(3):
        network(torch.randn(4, 1, 32, 32) * 3 + 1)
    film = torch.randn(1, 1, 48, 64)
    with torch.no_grad():
        torch.testing.assert_close(for_inference(network)(film), network.eval()(film), rtol=1e-4, atol=1e-5)


def test_batch_statistics_of_the_batch_itself_are_not_folded() -> None:
    network = trained(("batch", {"affine": True, "track_running_stats": False}))
    film = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(for_inference(network)(film), network(film))


def test_no_copy_where_nothing_is_padded() -> None:
    folded = for_inference(trained())
    with torch.profiler.profile() as seen, torch.no_grad():
        folded(torch.randn(1, 1, 64, 64))
    assert not [event.key for event in seen.key_averages() if "pad" in event.key]


def test_torchscript_gives_the_same() -> None:
    folded, film = for_inference(trained()), torch.randn(1, 1, 50, 67)
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.script(folded)(film), folded(film))
