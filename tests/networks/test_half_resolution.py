import pytest
import torch

from monai_ceph.networks import HalfResolutionUNet, for_inference


def network() -> HalfResolutionUNet:
    torch.manual_seed(0)
    net = HalfResolutionUNet(1, 4, "efficientnet-lite0", decoder_channels=(16, 12, 8, 8)).train()
    for _ in range(3):
        net(torch.randn(2, 1, 64, 64))
    return net.eval()


@pytest.mark.parametrize("size", [(64, 64), (57, 70), (33, 91), (128, 32)])
def test_any_size_comes_back(size: tuple[int, int]) -> None:
    assert network()(torch.zeros(2, 1, *size)).shape == (2, 4, *size)


def test_logits_are_those_of_half_resolution_between_pixel_centres() -> None:
    net, image = network(), torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        half = net.head(net.decoder(net.encoder(image), skip_connect=4))
        full = net(image)
    expected = (half[:, :, 4:6, 4:6] * weights()).sum((-2, -1))
    torch.testing.assert_close(full[:, :, 10, 10], expected, rtol=1e-4, atol=1e-4)


def weights() -> torch.Tensor:
    """Of the half-resolution pixels 4 and 5 at full-resolution index 10, which lies at 10 / 2 - 1 / 4 = 4.75."""
    side = torch.tensor([0.25, 0.75])
    return side[:, None] * side


@pytest.mark.parametrize("size", [(64, 64), (50, 71)])
def test_folded_for_inference_it_gives_the_same(size: tuple[int, int]) -> None:
    net, image = network(), torch.randn(2, 1, *size)
    folded = for_inference(net)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    with torch.no_grad():
        torch.testing.assert_close(folded(image), net(image), rtol=1e-3, atol=1e-4)


def test_becomes_torchscript() -> None:
    net, image = network(), torch.randn(1, 1, 45, 64)
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.script(net)(image), net(image))
