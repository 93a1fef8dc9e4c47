"""An amount of memory as the value of an option."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fxviz.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["fits_option"]


def fits_option(help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option ``--fits``; its value are bytes as people write them, ``24GiB`` or ``80GB``."""
    return click.option("--fits", metavar="BYTES", callback=_read_bytes, help=help)


def _read_bytes(context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    from fxviz.text.quantity import parse_quantity

    if text is None:
        return None
    try:
        return parse_quantity(text, "B")
    except InputError as error:
        raise click.BadParameter(str(error), context, option) from error
