"""Find analyses by name, fxviz's own and those of installed packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from fxviz.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz.analysis.facts import Analysis

__all__ = ["find_analysis"]


def find_analysis(name: str) -> Callable[..., Analysis[Any]]:
    """Return the analysis class of that name."""
    return cast("Callable[..., Analysis[Any]]", load_plugin("fxviz.analyses", name))
