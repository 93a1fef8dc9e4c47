"""``fxviz check``: whether models keep to their limits."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fxviz.command.options import MODEL_HELP, MODES, ModelOptions, command, complete_model, tracing_options
from fxviz.errors import InputError
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.command.options import TracingOptions
    from fxviz.output.limits import Limits

__all__ = ["check"]

ABOUT = f"""{MODEL_HELP.rstrip()} Without MODEL, every [[tool.fxviz.check]] of pyproject.toml is checked.

Amounts are written 5G, 25.6M, 8GiB, 8GB. The exit code is 0 where all limits are kept, 1 where one is not, 2 in trouble.
"""

_TEXTS = ("model", "dtype", "mode", "on")
_LIMITS = ("max-flops", "max-ops", "max-params", "max-peak")
_KEYS = (*_TEXTS, "inputs", *_LIMITS, "allow-unknown")


@command(
    click.argument("model", required=False, shell_complete=complete_model),
    tracing_options,
    click.option("--max-flops", metavar="AMOUNT", help="The most FLOPs of a run; a multiply-add is two."),
    click.option("--max-ops", metavar="AMOUNT", help="The most integer operations, which are not among the FLOPs."),
    click.option("--max-params", metavar="AMOUNT", help="The most parameters."),
    click.option("--max-peak", metavar="AMOUNT", help="The most bytes held at the peak of a run, parameters included."),
    click.option("--allow-unknown", is_flag=True, help="Let operators pass that nobody can count."),
    about=ABOUT,
    answers=True,
)
def check(model: str | None, traced: TracingOptions, allow_unknown: bool, **limits: str | None) -> int:
    """Check that a model keeps to its limits, for a build that is to fail where it does not."""
    from fxviz.output.limits import Limits

    if model is not None:
        source = ModelOptions(model, **vars(traced))
        return 0 if _keeps(_Check(source, Limits(**limits, allow_unknown=allow_unknown))) else 1
    if any(limits.values()) or traced.inputs or traced.dtype or allow_unknown:
        raise click.UsageError("name the MODEL that the options are for, or give none to check those of pyproject.toml")
    path = _project_file()
    checks = [*_read(path)]
    os.chdir(path.parent)  # paths in the file are relative to it
    return 0 if all(_keeps(one) for one in checks) else 1


@dataclass(frozen=True)
class _Check:
    source: ModelOptions
    limits: Limits


def _keeps(check: _Check) -> bool:
    """Whether the limits are kept; prints a line for each."""
    findings = check.limits.check(check.source.facts())
    for finding in findings:
        mark, rest = str(finding)[:4], str(finding)[5:]
        color = "green" if finding.kept else "red"
        click.echo(f"{click.style(mark, fg=color)} {check.source.model}: {rest}")
    return all(finding.kept for finding in findings)


def _project_file() -> Path:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (path := folder / "pyproject.toml").is_file():
            return path
    raise InputError("there is no pyproject.toml here or above: name a MODEL and its limits, such as --max-flops 5G")


def _read(path: Path) -> Iterator[_Check]:
    """The checks of a project file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # of TOML and of Unicode
        raise InputError(f"{path} is no TOML file: {error}") from error
    tool = content.get("tool", {})
    entries = (
        tool.get("fxviz", {}).get("check")
        if isinstance(tool, dict) and isinstance(tool.get("fxviz", {}), dict)
        else None
    )
    if not entries:
        raise InputError(f"{path} has no [[tool.fxviz.check]]: add one with a model and a limit, such as max-flops")
    if not isinstance(entries, list):
        raise InputError(f"tool.fxviz.check in {path} is to be a list of tables: write [[tool.fxviz.check]]")
    for number, entry in enumerate(entries, 1):
        try:
            yield _check_of(entry)
        except InputError as error:
            raise InputError(f"check {number} of {path}: {error}") from error


def _check_of(entry: Any) -> _Check:
    from fxviz.output.limits import Limits

    if not isinstance(entry, dict) or "model" not in entry:
        raise InputError("it names no model")
    if unknown := [key for key in entry if key not in _KEYS]:
        raise InputError(f"unknown key {unknown[0]!r}{suggest(unknown[0], _KEYS)}")
    for key in _TEXTS:
        if not isinstance(entry.get(key, ""), str):
            raise InputError(f"{key} is to be text, not {entry[key]!r}")
    inputs = entry.get("inputs", [])
    if not isinstance(inputs, list) or not all(isinstance(text, str) for text in inputs):
        raise InputError(f"inputs is to be a list of texts such as '1,3,224,224', not {inputs!r}")
    if (mode := entry.get("mode", "auto")) not in MODES:
        raise InputError(f"there is no mode {mode!r}{suggest(mode, MODES)}")
    if not isinstance(allow := entry.get("allow-unknown", False), bool):
        raise InputError(f"allow-unknown is to be true or false, not {allow!r}")
    limits = {key.replace("-", "_"): entry.get(key) for key in _LIMITS}
    source = ModelOptions(entry["model"], tuple(inputs), entry.get("dtype"), mode, entry.get("on"))
    return _Check(source, Limits(**limits, allow_unknown=allow))
