"""Options of limits on costs, which `fxviz check` and `fxviz diff` have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from fxviz.command.options import packed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fxviz.output.limits import Finding, Limits

__all__ = ["LimitOptions", "limit_options", "print_findings"]


@dataclass(frozen=True)
class LimitOptions:
    """The limits that the command line names."""

    max_flops: str | None
    max_ops: str | None
    max_params: str | None
    max_peak: str | None
    allow_unknown: bool

    @property
    def given(self) -> bool:
        """Whether there is a limit."""
        return any(limit is not None for name, limit in vars(self).items() if name != "allow_unknown")

    def limits(self) -> Limits:
        """Return the limits; fail as wrong usage if one cannot be read."""
        from fxviz.errors import InputError
        from fxviz.output.limits import Limits

        try:
            return Limits(**vars(self))
        except InputError as error:
            raise click.UsageError(str(error)) from error


def print_findings(findings: Iterable[Finding], model: str) -> bool:
    """Print a line for each limit; return whether all are kept."""
    kept = True
    for finding in findings:
        mark, rest = str(finding)[:4], str(finding)[5:]
        click.echo(f"{click.style(mark, fg='green' if finding.kept else 'red')} {model}: {rest}")
        kept = kept and finding.kept
    return kept


limit_options = packed(
    "limited",
    LimitOptions,
    click.option("--max-flops", metavar="LIMIT", help="The most FLOPs of a run; a multiply-add is two."),
    click.option("--max-ops", metavar="LIMIT", help="The most integer operations, which are not among the FLOPs."),
    click.option("--max-params", metavar="LIMIT", help="The most parameters."),
    click.option("--max-peak", metavar="LIMIT", help="The most bytes held at the peak of a run, parameters included."),
    click.option("--allow-unknown", is_flag=True, help="Do not fail for operators that cannot be counted."),
)
"""The limits: the argument ``limited``, a `LimitOptions`."""
