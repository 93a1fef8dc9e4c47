"""How a run of the command line ends: every failure in one line on stderr and an exit code."""

from __future__ import annotations

import sys
import traceback
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

import click

from fxviz.errors import FxvizError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Command", "Commands"]

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended: 128 + SIGINT


class Commands(click.Group):
    """The commands of ``names``, each loaded when it is asked for.

    A failure ends with exit code 1, 2 for wrong usage or where 1 is an answer, 130 for Ctrl-C.
    """

    def __init__(self, *args: Any, names: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.names = tuple(names)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(self.names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, from the module of this name."""
        if cmd_name not in self.names:
            return None
        command: click.Command = getattr(import_module(f"fxviz.cli.{cmd_name}"), cmd_name)
        return command

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
            _fail("interrupted", INTERRUPTED)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "fxviz"
            _fail(f"{error.format_message().rstrip('.')}; see {command} --help", error.exit_code)
        except click.ClickException as error:
            _fail(error.format_message(), error.exit_code)
        sys.exit(code if isinstance(code, int) else 0)


class Command(click.Command):
    """A command whose errors are told in one line; ``--traceback`` tells the rest.

    What its function returns is the exit code where it is an int: ``return 1`` says that the answer is no.
    Of a command that so ``answers``, a failure has exit code 2: it is no answer.
    """

    def __init__(self, *args: Any, answers: bool = False, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.failure = _NoAnswer if answers else click.ClickException

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it raises becomes one line."""
        detailed = ctx.params.pop("traceback")
        if not detailed:
            warnings.simplefilter("ignore")  # what libraries have to say to those who call them
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if detailed:
                traceback.print_exc()
            raise self.failure(_in_one_line(error, detailed)) from error


class _NoAnswer(click.ClickException):
    exit_code = 2


def _in_one_line(error: Exception, detailed: bool) -> str:
    words = str(error) if isinstance(error, FxvizError) else f"{type(error).__name__}: {error}"
    words = "; ".join([words, *getattr(error, "__notes__", ())])
    hint = "" if detailed or isinstance(error, InputError) else " (--traceback tells more)"
    return " ".join(words.split()) + hint


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"fxviz: {message}", err=True)
    sys.exit(code)
