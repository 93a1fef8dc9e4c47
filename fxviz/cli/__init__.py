"""The command line: ``fxviz summary``, ``fxviz export``, ``fxviz netron`` and the other commands.

The only package that prints. Each command is a module of its own and an entry point of the group ``fxviz.commands``; what
takes long to import is imported in its function, so that ``--help`` is quick.
"""

from __future__ import annotations

import click

from fxviz.command.group import Commands

__all__ = ["main"]


HELP = """Know a PyTorch model before you run it: shapes, FLOPs and memory, in tables and readable diagrams.

\b
fxviz summary torchvision:resnet50
fxviz export transformers:gpt2 -o gpt2.html
"""
CONTEXT = {"help_option_names": ["-h", "--help"]}


@click.group("fxviz", cls=Commands, help=HELP, invoke_without_command=True, context_settings=CONTEXT)
@click.version_option(package_name="fxviz", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Run a command; without one, print the help."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
