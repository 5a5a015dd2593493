"""Find the landmarks of a film of any size in one module that ``torch.export`` can trace."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from monai.networks.nets.basic_unet import UpCat
from monai.transforms import EnsureChannelFirstd, LoadImaged

from monai_ceph.heatmaps import second_moments
from monai_ceph.inferers.any_film import AnyFilmInferer
from monai_ceph.inferers.fast import own_probability
from monai_ceph.inferers.two_stage import TwoStageInferer, guide_prior
from monai_ceph.networks import HalfResolutionUNet, TwoStageNet
from monai_ceph.transforms.scale import scale_index

READING = (LoadImaged, EnsureChannelFirstd)
"""What a bundle does before an :class:`AnyFilmInferer`; the rest is in there, and :class:`WholeFilm` does it."""


def resampling_matrix(size: int, factor: torch.Tensor, new_size: int) -> torch.Tensor:
    """Return ``scale_pixels`` along one axis as a matrix, for a factor that is known only when the graph runs.

    Args:
        size: number of pixels, old.
        factor: () float64, new over old.
        new_size: number of pixels, new.
    Returns:
        (new_size, size) float32; a row holds the weights of one new pixel.
    """
    # In float32, as torch's own kernel counts, so that both round alike.
    step = (1 / factor).to(torch.float32)
    centre = (torch.arange(new_size, dtype=torch.float32) + 0.5) * step
    distance = torch.arange(size, dtype=torch.float32) - centre[:, None] + 0.5
    weight = (1 - (distance * (1 / step.clamp(min=1))).abs()).clamp(min=0)
    return weight / weight.sum(1, keepdim=True)


def merge_in_windows(own: torch.Tensor, starts: torch.Tensor, window: int) -> torch.Tensor:
    """Merge as ``merge_own`` does, but without a loop and in windows of a fixed size.

    Args:
        own: (N, K, P, P) heatmaps: a landmark's patches, its own channel.
        starts: (N, K, 2) int64, their first pixels.
        window: W, at least P plus the largest distance between the starts of one landmark.
    Returns:
        (N, W, W) mean heatmaps, 0 outside the patches; a window starts where a landmark's first patch does.
    """
    inside = starts - starts.amin(1, keepdim=True)
    # A patch is put in its place by a product with a matrix of zeros and ones on either side.
    row = torch.arange(window)[:, None] - torch.arange(own.shape[-1])
    in_x, in_y = [(row == inside[:, :, axis, None, None]).to(own.dtype) for axis in (0, 1)]
    total = (in_x @ own @ in_y.transpose(-1, -2)).sum(1)
    count = (in_x.sum(-1)[..., :, None] * in_y.sum(-1)[..., None, :]).sum(1)
    return total / count.clamp(min=1)


class WholeFilm(torch.nn.Module):
    """Find the points of a film from its pixels: scale, normalise, run both stages, merge and decode.

    It gives what a bundle's preprocessing, inferer (in float32, without a search) and postprocessing give for a film
    that lies upright and faces right, at the given pixel size. Intermediate sizes follow from the film's size and
    spacing, which are known only when it runs. The caller must refuse films smaller than a patch.

    Args:
        network: both stages; copied.
        inferer: the settings.
        working_mm: the spacing of the local stage.
        assumed_mm: (along x, along y), used if the film's pixel size is unknown.
    Raises:
        ValueError: the inferer merges all patches, which needs a canvas of the whole film.
    """

    def __init__(
        self, network: TwoStageNet, inferer: TwoStageInferer, working_mm: float, assumed_mm: tuple[float, float]
    ) -> None:
        super().__init__()
        if inferer.merge != "own":
            raise ValueError(f"Expected an inferer with merge 'own' to export, got '{inferer.merge}'; set \"merge\".")
        self.network = copy.deepcopy(network).to("cpu", torch.float32).eval()
        _pad_by_size(self.network)
        self.landmark_count = network.channels - 1
        self.patch_size, self.offsets = inferer.patch_size, inferer.offsets
        self.window = self.patch_size + int(self.offsets.max() - self.offsets.min())
        self.index_scale = 1 / inferer.global_scale
        self.coarse_decoder, self.decoder = inferer.coarse_decoder, inferer.decoder
        guide = inferer.guide_sigma_px
        self.guide_sigma_px = None if guide is None else torch.as_tensor(guide, dtype=torch.float32)
        # Tensors, not numbers: the exporter rounds numbers to float32, and 0.1 / 0.2 is then less than a half.
        self.global_scale = torch.tensor(inferer.global_scale, dtype=torch.float64)
        self.working_mm = torch.tensor(working_mm, dtype=torch.float64)
        self.assumed_mm = torch.tensor(assumed_mm, dtype=torch.float64)

    def forward(
        self, film: torch.Tensor, spacing_mm: torch.Tensor, start_px: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Find the landmarks of one film.

        Args:
            film: (1, 1, X, Y) float32, gray values, bone bright.
            spacing_mm: (2,) float64, (along x, along y), mm; NaN where unknown.
            start_px: (N, 2) float64, (x, y), pixels of the film, where the local stage looks; where it is NaN or not
                given, that is the point of the global stage.
        Returns:
            (N, 2) float32, (x, y), pixels of the film; (N,) float32 confidences; the same of the global stage, from
            which follows whether a face was seen; and (N, 3) float32, the spread of each heatmap around its point
            (:func:`~monai_ceph.heatmaps.second_moments`), film px^2.
        """
        local, factor = self._local_film(film, spacing_mm)
        coarse, coarse_confidence = self._coarse(local)
        coarse_px = (coarse.to(torch.float64) + 0.5) / factor - 0.5
        start = coarse
        if start_px is not None:
            start = torch.where(start_px.isnan(), coarse, ((start_px + 0.5) * factor - 0.5).to(coarse.dtype))
        # The rest follows the inferer, whose functions check and slice by sizes that torch.export does not know.
        size = torch.stack([_size_of(local, -2), _size_of(local, -1)])
        starts = start.round().long()[:, None] + self.offsets - self.patch_size // 2
        starts = torch.minimum(starts.clamp(min=0), size - self.patch_size)
        own = self._own_heatmaps(local, starts)
        merged, corner = merge_in_windows(own, starts, self.window), starts.amin(1)
        if self.guide_sigma_px is not None:
            sigma = self.guide_sigma_px.expand(len(merged))
            merged = merged * guide_prior(start, corner, (self.window, self.window), sigma)
        points = self.decoder(merged) + corner
        points = torch.where(points.isnan(), start, points)
        points_px = (points.to(torch.float64) + 0.5) / factor - 0.5
        spread = second_moments(merged, points - corner) / torch.stack([factor[0] ** 2, factor.prod(), factor[1] ** 2])
        confidence = merged.amax((-2, -1))
        return points_px.float(), confidence, coarse_px.float(), coarse_confidence, spread.float()

    def _local_film(self, film: torch.Tensor, spacing_mm: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the stages see, (1, 1, X', Y'), and the factor (2,) by which it was scaled."""
        pixels = torch.stack([_size_of(film, -2), _size_of(film, -1)]).to(torch.float64)
        factor = torch.where(spacing_mm.isnan().any(), self.assumed_mm, spacing_mm) / self.working_mm
        factor = torch.where((pixels * factor).floor() == pixels, 1.0, factor)
        size = (pixels * factor).floor().long()
        matrices = [resampling_matrix(film.shape[axis - 2], factor[axis], _as_size(size[axis])) for axis in (0, 1)]
        scaled = matrices[0] @ film @ matrices[1].T
        scaled = scaled - scaled.mean()
        deviation = scaled.square().mean().sqrt()
        return scaled / torch.where(deviation == 0, 1.0, deviation), factor

    def _coarse(self, local: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute coarse points, (N, 2), in pixels at local scale, and their confidences, (N,)."""
        size = torch.stack([_size_of(local, -2), _size_of(local, -1)])
        new_size = (size * self.global_scale).floor().long()
        matrices = [
            resampling_matrix(local.shape[axis - 2], self.global_scale, _as_size(new_size[axis])) for axis in (0, 1)
        ]
        heatmaps = self.network(matrices[0] @ local @ matrices[1].T)[0, :-1]
        coarse = scale_index(self.coarse_decoder(heatmaps), self.index_scale)
        return torch.where(coarse.isnan(), ((size - 1) / 2).to(coarse.dtype), coarse), heatmaps.amax((-2, -1))

    def _own_heatmaps(self, local: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        """Return each landmark's own heatmaps, (N, K, P, P), in the patches at (N, K, 2)."""
        index = torch.arange(self.patch_size)
        x, y = starts[..., 0, None] + index, starts[..., 1, None] + index
        patches = local[0, 0][x[..., :, None], y[..., None, :]].flatten(0, 1)[:, None]
        landmark = torch.arange(starts.shape[0]).repeat_interleave(starts.shape[1])
        return own_probability(self.network.local_net(patches), landmark).unflatten(0, starts.shape[:2])


def whole_film(network: torch.nn.Module, preprocessing: Any, inferer: Any) -> WholeFilm:
    """Join a bundle's parts in one module.

    Args:
        network: a :class:`TwoStageNet`.
        preprocessing: a ``Compose`` of :data:`READING`.
        inferer: an :class:`AnyFilmInferer`, or one around it.
    Raises:
        ValueError: the module cannot express a part; the message names it.
    """
    outer = any_film_inferer(inferer)
    steps = tuple(type(step) for step in preprocessing.transforms)
    if not isinstance(network, TwoStageNet) or steps != READING:
        raise ValueError(
            f"Expected a TwoStageNet after {_names(READING)} to export, got a {type(network).__name__} after "
            f"{_names(steps)}; other bundles run with the torch backend alone."
        )
    return WholeFilm(network, outer.inferer, outer.local_mm, outer.assumed_mm)


def any_film_inferer(inferer: Any) -> AnyFilmInferer:
    """Return the inferer for any film inside a wrapper such as the one for autocast. Raises ValueError if none is."""
    inside = inferer
    while not isinstance(inside, AnyFilmInferer):
        if not hasattr(inside, "inferer"):
            raise ValueError(f"Expected an AnyFilmInferer to export, got a {type(inferer).__name__} without one.")
        inside = inside.inferer
    return inside


class _UpCatBySize(torch.nn.Module):
    """MONAI's ``UpCat`` for symbolic sizes, of which it cannot ask whether an edge must be repeated."""

    def __init__(self, upcat: UpCat) -> None:
        super().__init__()
        self.upsample, self.convs = upcat.upsample, upcat.convs

    def forward(self, x: torch.Tensor, x_e: torch.Tensor) -> torch.Tensor:
        up = self.upsample(x)
        for axis in (-2, -1):
            up = up.index_select(axis, torch.arange(x_e.shape[axis]).clamp(max=up.shape[axis] - 1))
        out: torch.Tensor = self.convs(torch.cat([x_e, up], dim=1))
        return out


class _HalfResolutionBySize(torch.nn.Module):
    """:class:`HalfResolutionUNet` for symbolic sizes, of which it cannot ask whether they are odd."""

    def __init__(self, network: HalfResolutionUNet) -> None:
        super().__init__()
        self.encoder, self.decoder = network.encoder, network.decoder
        self.head, self.upsample = network.head, network.upsample

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        even = image
        for axis in (-2, -1):
            size = image.shape[axis]
            even = even.index_select(axis, torch.arange(size + size % 2).clamp(max=size - 1))
        logits = self.upsample(self.head(self.decoder(self.encoder(even), 4)))
        x, y = image.shape[-2], image.shape[-1]
        cropped: torch.Tensor = logits.index_select(-2, torch.arange(x)).index_select(-1, torch.arange(y))
        return cropped


def _pad_by_size(network: torch.nn.Module) -> None:
    for name, child in network.named_children():
        if isinstance(child, UpCat) and child.is_pad:
            setattr(network, name, _UpCatBySize(child))
            continue
        _pad_by_size(child)
        if isinstance(child, HalfResolutionUNet):
            setattr(network, name, _HalfResolutionBySize(child))


def _size_of(image: torch.Tensor, axis: int) -> torch.Tensor:
    return torch.scalar_tensor(image.shape[axis], dtype=torch.int64)


def _as_size(number: torch.Tensor) -> int:
    if torch.jit.is_scripting():  # type: ignore[attr-defined]
        return int(number.item())
    else:
        size = cast(int, number.item())
        if torch.compiler.is_exporting():
            # A promise, checked nowhere, to layers that ask whether a single pixel is left after four halvings, as
            # instance norm does. A film that gives less is smaller than a patch, or the network fails on it anyhow.
            torch._check(size >= 32)
        return size


def _names(types: tuple[type, ...]) -> str:
    return ", ".join(kind.__name__ for kind in types)
