"""``fxviz completion``: commands and options completed by the shell."""

from __future__ import annotations

import click

from fxviz.command.options import command
from fxviz.errors import InputError

__all__ = ["completion"]


@command(click.argument("shell", type=click.Choice(["bash", "zsh", "fish"])))
def completion(shell: str) -> None:
    """Print what makes SHELL complete fxviz's commands and options.

    For bash, add to ~/.bashrc:  eval "$(fxviz completion bash)"
    """
    from click.shell_completion import get_completion_class

    from fxviz.cli import main

    complete = get_completion_class(shell)
    if complete is None:
        raise InputError(f"click knows no completion for {shell}")
    click.echo(complete(main, {}, "fxviz", "_FXVIZ_COMPLETE").source())
