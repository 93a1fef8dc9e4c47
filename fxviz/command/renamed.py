"""Options under a new name: the old one is accepted for a version, and not shown."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["Renamed"]


class Renamed(click.Option):
    """An option that is also known by an ``old`` name: ``click.option("--new", cls=Renamed, old="--old")``."""

    def __init__(self, *args: Any, old: str, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.old = old

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser know both names; the help, errors and completion know the new one."""
        shown = self.opts
        self.opts = [*shown, self.old]
        try:
            super().add_to_parser(parser, ctx)
        finally:
            self.opts = shown
