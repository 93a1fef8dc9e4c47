"""Saying on the command line what was written."""

from __future__ import annotations

from pathlib import Path

import click

from fxviz.errors import InputError

__all__ = ["check_folder", "say_written"]


def check_folder(output: str) -> None:
    """Raise `InputError` for a file that cannot be written since its folder does not exist: before the long work."""
    if output != "-" and not Path(output).absolute().parent.is_dir():
        raise InputError(f"cannot write {output}: there is no folder {Path(output).parent}")


def say_written(output: object) -> None:
    """Say that a file was written, on stderr: stdout is for results."""
    click.echo(f"wrote {output}", err=True)
