"""``fxviz completion``: completion of commands and options in a shell."""

from __future__ import annotations

import click

from fxviz.command.options import command
from fxviz.errors import InputError

__all__ = ["completion"]


@command(click.argument("shell", type=click.Choice(["bash", "zsh", "fish"])))
def completion(shell: str) -> None:
    """Print the script that completes commands and options in SHELL.

    For bash, add to ~/.bashrc:  eval "$(fxviz completion bash)"
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    if complete is None:
        raise InputError(f"click has no completion for {shell}")
    program = click.get_current_context().find_root().command
    click.echo(complete(program, {}, "fxviz", "_FXVIZ_COMPLETE").source())
