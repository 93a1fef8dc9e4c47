"""Plugins: analyses, exporters, rules, zoos and commands that packages offer through entry points, fxviz's own included.

Listing names imports nothing; a plugin is imported on first use.
"""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, EntryPoints, entry_points
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from fxviz.errors import FxvizError, InputError, MissingDependency, PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

__all__ = [
    "DisplayedInNotebooks",
    "Group",
    "load_all",
    "load_plugin",
    "plugin_names",
    "suggest",
]

Group: TypeAlias = Literal[
    "fxviz.analyses", "fxviz.commands", "fxviz.exporters", "fxviz.integrations", "fxviz.rules", "fxviz.zoos"
]

_KIND = {
    "fxviz.analyses": "analysis",
    "fxviz.commands": "command",
    "fxviz.exporters": "format",
    "fxviz.integrations": "integration",
    "fxviz.rules": "rule table",
    "fxviz.zoos": "zoo",
}


def plugin_names(group: Group) -> tuple[str, ...]:
    """Return the names in ``group``, sorted; nothing is imported.

    >>> "flops" in plugin_names("fxviz.analyses")
    True
    """
    return tuple(sorted(_offered(group).names))


def load_plugin(group: Group, name: str) -> Any:
    """Return the object behind the entry point ``name`` of ``group``.

    Raises `InputError` for an unknown name, `PluginError` for one that two distributions claim or that cannot be loaded, and `MissingDependency` where a package that the plugin needs is not installed.
    """
    # A distribution that is on the path twice (a checkout beside an installation) is still one.
    offers = {(_owner(point), point.value): point for point in _offered(group).select(name=name)}
    if not offers:
        raise InputError(f"unknown {_KIND[group]} {name!r}{suggest(name, plugin_names(group), most=40)}")
    if len(offers) > 1:
        claims = " and ".join(f"{owner} ({value})" for owner, value in sorted(offers))
        raise PluginError(f"the {_KIND[group]} {name!r} is claimed by {claims}; uninstall one of them")
    return _load(group, next(iter(offers.values())))


def load_all(group: Group) -> Iterator[tuple[str, Any]]:
    """Yield every plugin of ``group`` beside its name, sorted by name."""
    return ((name, load_plugin(group, name)) for name in plugin_names(group))


class DisplayedInNotebooks:
    """Shows itself in notebooks, by the integration ``notebook``, which is imported when a notebook asks for it.

    A base class of graphs and views: they stand below the exporters that draw them, so they cannot import these.
    """

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        show = cast("Callable[..., dict[str, str]]", load_plugin("fxviz.integrations", "notebook"))
        return show(self, include, exclude)


def suggest(name: str, known: Iterable[str], most: int = 20) -> str:
    """Return the end of an error message about an unknown name: the closest known names, and all if they are few.

    >>> suggest("mermiad", ["dot", "mermaid"])
    '; did you mean mermaid? known are dot, mermaid'
    """
    known = list(known)
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    meant = f"; did you mean {' or '.join(close)}?" if close else ""
    listing = f"{' ' if meant else '; '}known are {', '.join(known)}" if 0 < len(known) <= most else ""
    return meant + listing


def _offered(group: Group) -> EntryPoints:
    """Return the entry points of ``group``, cached: reading all packages takes as long as counting a small model's FLOPs."""
    return _read_offered(group, tuple((folder, _changed_at(folder)) for folder in sys.path))


@lru_cache(maxsize=len(_KIND))
def _read_offered(group: Group, folders: tuple[tuple[str, int | None], ...]) -> EntryPoints:
    """Return the entry points as of ``folders``, the import path: installing a package changes its folder."""
    return entry_points(group=group)


def _changed_at(folder: str) -> int | None:
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return None


def _owner(point: EntryPoint) -> str:
    return _name_of(point.dist) if point.dist else "an unnamed distribution"


@lru_cache
def _name_of(distribution: Distribution) -> str:
    """Return the name of a distribution, cached: each access parses its metadata."""
    return distribution.name


def _load(group: Group, point: EntryPoint) -> Any:
    what = f"the {_KIND[group]} {point.name!r} of {_owner(point)}"
    try:
        return point.load()
    except FxvizError:
        raise
    except ModuleNotFoundError as error:
        if error.name is None or point.module.startswith(error.name):
            raise PluginError(f"{what} cannot be loaded: {error}; reinstall {_owner(point)}") from error
        extra = f"[{','.join(point.extras)}]" if point.extras else ""
        command = f"pip install '{_owner(point)}{extra}'" if extra else f"pip install {error.name.partition('.')[0]}"
        raise MissingDependency(
            f"{what} needs the package {error.name!r}, which is not installed: {command}"
        ) from error
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"{what} cannot be loaded: {type(error).__name__}: {error}; reinstall {_owner(point)}"
        ) from error
