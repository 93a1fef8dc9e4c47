"""The options of formats on the command line: each is a field of the exporters that have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fxviz.command.options import packed
from fxviz.exporters.base import exporter_options, find_exporter, make_exporter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fxviz.exporters import Exporter

__all__ = ["FormatOptions", "format_options"]


@dataclass(frozen=True)
class FormatOptions:
    """Options of formats, by the names of their exporters' fields; None leaves it to the exporter."""

    direction: str | None
    data: bool | None
    external_data: bool | None
    opset: int | None
    optimize: bool | None
    verify: bool | None
    keep_custom: bool | None

    def exporters(self, formats: Mapping[str, str]) -> dict[str, Exporter]:
        """Return the exporter of each output for the format of each, with those options that the format has.

        An option that none of them has is a usage error.
        """
        wanted = {name: value for name, value in vars(self).items() if value is not None}
        known = {format: exporter_options(find_exporter(format)) for format in formats.values()}
        for name in wanted:
            if not any(name in options for options in known.values()):
                names = " or ".join(format.removeprefix(".") for format in known)
                raise click.UsageError(f"{_flag(name)} is not an option of {names}{_hint(name, known)}")
        return {
            output: make_exporter(format, {name: wanted[name] for name in wanted if name in known[format]})
            for output, format in formats.items()
        }


def _flag(name: str) -> str:
    """Return an option as it is typed."""
    parameters = click.get_current_context().command.params
    return next(parameter.opts[0] for parameter in parameters if parameter.name == name)


def _hint(option: str, formats: Iterable[str]) -> str:
    forms = [find_exporter(form) for format in formats if (form := find_exporter(format).runnable) is not None]
    return ": add --runnable" if any(option in exporter_options(form) for form in forms) else ""


format_options = packed(
    "options",
    FormatOptions,
    click.option(
        "--direction", type=click.Choice(("TB", "LR")), help="Pictures: draw from top to bottom or from left to right."
    ),
    click.option("--data/--no-data", default=None, help="ONNX: write the weights' data; by default if it is runnable."),
    click.option(
        "--external-data", is_flag=True, default=None, help="ONNX: write weights to FILE.data, as is done from 2 GB on."
    ),
    click.option("--opset", type=int, help="Runnable ONNX: the version of the operators; by default torch's choice."),
    click.option(
        "--no-optimize", "optimize", flag_value=False, default=None, help="Runnable ONNX: do not fold or fuse."
    ),
    click.option(
        "--verify",
        is_flag=True,
        default=None,
        help="Runnable ONNX: compare onnxruntime with torch; fail on differences.",
    ),
    click.option(
        "--keep-custom",
        is_flag=True,
        default=None,
        help="Runnable ONNX: keep custom operators that ONNX does not know.",
    ),
)
"""How formats are written: the argument ``options``, a `FormatOptions`."""
