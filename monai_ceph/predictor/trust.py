"""Decide whether a bundle's configs may run without the user's consent.

A config can run any code: in an expression (``$...``), as a ``_target_``, or as an argument that a stock part takes for
the name of a function. So a config runs only if all such parts are those of the shipped bundles. Numbers, plain texts
outside of parts, and the networks may differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from monai_ceph.predictor.bundle import DEFAULT, PAPER, shipped_bundle

Kind = Literal["inference", "training"]
Part = tuple[tuple[str, ...], str]
"""Where a part stands, empty where it may stand anywhere, and the part as text."""

NETWORKS = {
    *("BasicUNet", "BasicUNetPlusPlus", "UNet", "AttentionUnet", "SegResNet", "DynUNet", "SwinUNETR", "UNETR"),
    *("monai_ceph.networks.DivisibleNet", "monai_ceph.networks.HalfResolutionUNet"),
}
"""Networks that take any arguments: none of them opens a file or calls what an argument names. Each class of
``torch.nn`` that is a module is one as well."""
_WRITTEN = ("model_dir", "run_dir", "output_dir")  # folders that a training or an evaluation writes to
_OVERLAYS: dict[Kind, tuple[str, ...]] = {
    "inference": ("paper", "swap_network", "evaluate"),
    "training": ("finetune", "own_films", "all_films", "swap_network"),
}
_CODE = ("$", "@", "%")  # MONAI's marks of an expression, a reference and a macro
_SHOWN = 3


class UntrustedBundleError(ValueError):
    """A bundle whose configs can run code that no shipped bundle has; the message names the parts and the remedy."""


def check_trusted(bundle: Path, config: Mapping[str, Any], kind: Kind = "inference", trust: bool = False) -> None:
    """Check that a bundle's config runs nothing but parts of the shipped bundles and known networks.

    Args:
        bundle: its folder; a shipped one is not checked.
        config: the content of its config, overlays merged.
        kind: which of the shipped configs to compare with.
        trust: skip the check.
    Raises:
        UntrustedBundleError: the config has other parts.
    """
    if trust or bundle.resolve() in {shipped.resolve() for shipped in _shipped()}:
        return
    foreign = sorted(set(_parts(config)) - _known(kind), key=str)
    if foreign:
        shown = "; ".join(_shown(part) for part in foreign[:_SHOWN])
        more = f"; and {len(foreign) - _SHOWN} more" if len(foreign) > _SHOWN else ""
        raise UntrustedBundleError(
            f"The bundle '{bundle}' can run code of its own: its {kind} config has parts that no shipped bundle has "
            f"({shown}{more}). Read them; if you trust whoever wrote them, allow them with --trust-bundle (in Python: "
            "trust=True)."
        )


def _shipped() -> list[Path]:
    paths = []
    for name in (DEFAULT, PAPER):
        with suppress(FileNotFoundError):
            paths.append(shipped_bundle(name))
    return paths


@lru_cache
def _known(kind: Kind) -> frozenset[Part]:
    from monai.bundle import ConfigParser

    known: set[Part] = set()
    for bundle in _shipped():
        bases = [("inference",)] if kind == "inference" else [("train", f"train_{s}") for s in ("global", "local")]
        for base in bases:
            for overlay in ((), *((name,) for name in _OVERLAYS[kind])):
                paths = [bundle / "configs" / f"{name}.json" for name in (*base, *overlay)]
                if all(path.is_file() for path in paths):
                    known.update(_parts(ConfigParser.load_config_files(paths)))
    return frozenset(known)


def _parts(value: Any, place: tuple[str, ...] = ()) -> Iterator[Part]:
    """Yield everything in a config that can run code."""
    if isinstance(value, Mapping):
        if "_target_" not in value:
            for key, inner in value.items():
                yield from _parts(inner, (*place, str(key)))
        elif _is_network(value):
            yield from _parts_of_network(value)
        else:
            yield (), json.dumps(_skeleton(value), sort_keys=True)
            yield from _components(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _parts(inner, place)
    elif isinstance(value, str) and (value.startswith(_CODE) or place[-1:] in [(name,) for name in _WRITTEN]):
        yield place, value


def _components(value: Any) -> Iterator[Part]:
    """Yield the parts of the components inside a component's arguments."""
    if isinstance(value, Mapping) and "_target_" in value:
        yield from _parts(value)
    elif isinstance(value, (Mapping, list, tuple)):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _components(inner)


def _parts_of_network(value: Any) -> Iterator[Part]:
    """Yield a network's expressions, macros and special keys; its other arguments are free."""
    if isinstance(value, Mapping) and "_target_" in value and not _is_network(value):
        yield from _parts(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if str(key).startswith("_") and key != "_target_":
                yield (), json.dumps({key: inner}, sort_keys=True)
            yield from _parts_of_network(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _parts_of_network(inner)
    elif isinstance(value, str) and value.startswith(("$", "%")):
        yield ("network",), value


def _skeleton(value: Any, outermost: bool = True) -> Any:
    """Return a component without its numbers and without the components inside, which are checked separately."""
    if isinstance(value, Mapping):
        if "_target_" in value and not outermost:
            return "component"
        return {
            key: inner if str(key).startswith("_") else _skeleton(inner, False)
            for key, inner in value.items()
            if str(key).startswith("_") or not _is_number(inner)
        }
    if isinstance(value, (list, tuple)):
        items = {json.dumps(_skeleton(inner, False), sort_keys=True) for inner in value if not _is_number(inner)}
        return sorted(items)
    return value


def _is_number(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_number, value))
    return value is None or isinstance(value, (bool, int, float))


def _is_network(value: Mapping[str, Any]) -> bool:
    target = value["_target_"]
    if not isinstance(target, str):
        return False
    if target.removeprefix("monai.networks.nets.") in NETWORKS:
        return True
    import torch

    package, _, name = target.rpartition(".")
    part = getattr(torch.nn, name, None) if package == "torch.nn" else None
    return isinstance(part, type) and issubclass(part, torch.nn.Module)


def _shown(part: Part) -> str:
    place, text = part
    if place and place != ("network",):
        text = f"{'#'.join(place)}: {text}"
    return text if len(text) <= 120 else f"{text[:120]} ..."
