"""Load a package's public names when they are first used (PEP 562), so that importing the package stays fast."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, names: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__``.

    Args:
        package: the package's ``__name__``.
        names: submodule -> the names that the package exports from it.

    >>> getattr_, _ = lazy_names("monai_ceph", {"wording": ["count"]})
    >>> getattr_("count")(2, "film")
    '2 films'
    """
    module_of = {name: module for module, exported in names.items() for name in exported}

    def load(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{module_of[name]}"), name)

    def names_of_package() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return load, names_of_package
