"""How a command ends: every failure is one line on stderr and an exit code."""

from __future__ import annotations

import sys
import traceback
import warnings
from typing import Any, NoReturn

import click

from fxviz.errors import FxvizError, InputError

__all__ = ["INTERRUPTED", "Command", "fail", "in_one_line"]

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended: 128 + SIGINT


class Command(click.Command):
    """A command that reports an error in one line, and in full with ``--traceback``.

    An int that its function returns is the exit code: ``return 1`` means that the answer is no. A command that
    ``answers`` in this way exits with 2 on a failure, which is not an answer.
    """

    def __init__(self, *args: Any, answers: bool = False, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.failure = _NoAnswer if answers else click.ClickException

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; report what it raises in one line."""
        detailed = ctx.params.pop("traceback")
        if not detailed:
            warnings.simplefilter("ignore")  # they are for programmers who call these libraries
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if detailed:
                traceback.print_exc()
            raise self.failure(in_one_line(error, detailed=detailed)) from error


class _NoAnswer(click.ClickException):
    exit_code = 2


def in_one_line(error: Exception, *, detailed: bool = True) -> str:
    """Return what went wrong as one line; unless it is ``detailed`` already, with a hint at ``--traceback``."""
    words = str(error) if isinstance(error, FxvizError) else f"{type(error).__name__}: {error}"
    words = "; ".join([words, *getattr(error, "__notes__", ())])
    hint = "" if detailed or isinstance(error, InputError) else " (--traceback shows where)"
    return " ".join(words.split()) + hint


def fail(message: str, code: int) -> NoReturn:
    """Print an error to stderr, and end the process with an exit code."""
    click.echo(f"fxviz: {message}", err=True)
    sys.exit(code)
