"""The group of all commands, fxviz's own and those of installed packages, by the entry points ``fxviz.commands``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from fxviz.command.ending import INTERRUPTED, fail, in_one_line
from fxviz.errors import FxvizError, PluginError
from fxviz.plugins import load_plugin, plugin_names

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Commands"]


class Commands(click.Group):
    """The commands that packages offer, each imported when it is run or when the help lists it.

    A failure ends with exit code 1, 2 for wrong usage or where 1 is an answer, 130 for Ctrl-C.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, sorted."""
        return list(plugin_names("fxviz.commands"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command; for one that cannot be loaded, a command that says so, and leaves the others usable."""
        if cmd_name not in self.list_commands(ctx):
            return None
        try:
            return _load(cmd_name)
        except FxvizError as error:
            return _Unavailable(cmd_name, error)

    def main(  # type: ignore[override]  # click overloads it on standalone_mode
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and end the process with its exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, standalone_mode=False, **extra)
        except click.Abort:
            fail("interrupted", INTERRUPTED)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "fxviz"
            words = " ".join(error.format_message().split()).rstrip(".")
            fail(f"{words}; see {command} --help", error.exit_code)
        except click.ClickException as error:
            fail(error.format_message(), error.exit_code)
        except FxvizError as error:
            fail(in_one_line(error), 1)
        except OSError as error:  # the help could not be written
            fail(in_one_line(error, detailed=True), 1)
        sys.exit(code if isinstance(code, int) else 0)


def _load(name: str) -> click.Command:
    command = load_plugin("fxviz.commands", name)
    if not isinstance(command, click.Command):
        raise PluginError(f"the command {name!r} is of type {type(command).__name__}: expected a click.Command")
    return command


class _Unavailable(click.Command):
    """Stands in for a command that cannot be loaded: fails with the reason, whatever its arguments."""

    def __init__(self, name: str, reason: FxvizError) -> None:
        super().__init__(name, help="Not available: its package cannot be loaded.", add_help_option=False)
        self.reason = reason

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Fail with the reason before any argument is read."""
        raise self.reason
