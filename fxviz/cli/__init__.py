"""The command line: ``fxviz summary``, ``fxviz export``, ``fxviz netron`` and their siblings.

The only package that prints. Each command is a module of its own; what takes long to import is imported in the
commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import click

from fxviz.command.ending import Commands

__all__ = ["COMMANDS", "main"]

COMMANDS = (
    "summary",
    "export",
    "netron",
    "memory",
    "sweep",
    "parameters",
    "runs",
    "app",
    "serve",
    "docs",
    "diff",
    "check",
    "completion",
)
"""Each is a module of this package, and in it the command of the same name."""


@click.group("fxviz", cls=Commands, names=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fxviz", message="%(prog)s %(version)s")
def main() -> None:
    """Know a PyTorch model before you run it: its shapes, FLOPs and memory, on diagrams that one can read."""
