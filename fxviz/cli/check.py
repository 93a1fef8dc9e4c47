"""``fxviz check``: whether models stay within their limits."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fxviz.command.limits import LimitOptions, limit_options, print_findings
from fxviz.command.options import MODEL_HELP, MODES, ModelOptions, command, complete_model, tracing_options
from fxviz.errors import InputError
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fxviz.command.options import TracingOptions
    from fxviz.output.limits import Limits

__all__ = ["check"]

ABOUT = f"""{MODEL_HELP.rstrip()} Without MODEL, every [[tool.fxviz.check]] of pyproject.toml is checked.

A LIMIT is an amount, such as 5G, 25.6M, 8GiB, or with --against a change: +5%, -10%. The exit code is 0 if all limits are
kept, 1 if one is exceeded, 2 on an error.
"""

_TEXTS = ("model", "dtype", "mode", "device", "on", "against")
_LIMITS = ("max-flops", "max-ops", "max-params", "max-peak")
_KEYS = (*_TEXTS, "inputs", *_LIMITS, "allow-unknown")


@command(
    click.argument("model", required=False, shell_complete=complete_model),
    tracing_options,
    limit_options,
    click.option(
        "--against", metavar="REVISION", help="What a change is against: MODEL at a revision of git, or another model."
    ),
    about=ABOUT,
    answers=True,
)
def check(model: str | None, traced: TracingOptions, limited: LimitOptions, against: str | None) -> int:
    """Fail if the model exceeds the given limits (for CI)."""
    if model is not None:
        return 0 if _keeps(_Check(ModelOptions(model, **vars(traced)), limited.limits(), against)) else 1
    if limited.given or limited.allow_unknown or traced.inputs or traced.dtype or against:
        raise click.UsageError("name the MODEL that the options are for, or give none to check those of pyproject.toml")
    path = _project_file()
    checks = [*_read(path)]
    os.chdir(path.parent)  # paths in the file are relative to it
    kept = [_keeps(one) for one in checks]  # all of them, also after one that fails
    return 0 if all(kept) else 1


@dataclass(frozen=True)
class _Check:
    source: ModelOptions
    limits: Limits
    against: str | None

    def __post_init__(self) -> None:
        if self.limits.relative and self.against is None:
            raise InputError("a limit is a change: say what it is against, such as main, a revision")
        if self.against is not None and not self.limits.relative:
            raise InputError(f"no limit is a change against {self.against}: write one such as +5%")


def _keeps(check: _Check) -> bool:
    """Print a line for each limit; return whether all are kept."""
    source, against = check.source, check.against
    base = None if against is None else replace(source, model=_base(source.model, against)).facts()
    return print_findings(check.limits.check(source.facts(), base), source.model)


def _base(model: str, against: str) -> str:
    """Return the name of what a change is against: ``against`` is a model, or else a revision of ``model``."""
    from fxviz.models.revisions import at_revision, parse_revision

    is_model = ":" in against or parse_revision(against) is not None or Path(against).is_file()
    return against if is_model else at_revision(model, against)


def _project_file() -> Path:
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (path := folder / "pyproject.toml").is_file():
            return path
    raise InputError("there is no pyproject.toml here or above: name a MODEL and its limits, such as --max-flops 5G")


def _read(path: Path) -> Iterator[_Check]:
    """Yield the checks of a project file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # of TOML and of Unicode
        raise InputError(f"{path} is not a TOML file: {error}") from error
    tool = content.get("tool", {})
    entries = (
        tool.get("fxviz", {}).get("check")
        if isinstance(tool, dict) and isinstance(tool.get("fxviz", {}), dict)
        else None
    )
    if not entries:
        raise InputError(f"{path} has no [[tool.fxviz.check]]: add one with a model and a limit, such as max-flops")
    if not isinstance(entries, list):
        raise InputError(f"tool.fxviz.check in {path} must be a list of tables: write [[tool.fxviz.check]]")
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
            raise InputError(f"{key} must be text, not {entry[key]!r}")
    inputs = entry.get("inputs", [])
    if not isinstance(inputs, list) or not all(isinstance(text, str) for text in inputs):
        raise InputError(f"inputs must be a list of texts such as '1,3,224,224', not {inputs!r}")
    if (mode := entry.get("mode", "auto")) not in MODES:
        raise InputError(f"there is no mode {mode!r}{suggest(mode, MODES)}")
    if not isinstance(allow := entry.get("allow-unknown", False), bool):
        raise InputError(f"allow-unknown must be true or false, not {allow!r}")
    limits = Limits(**{key.replace("-", "_"): entry.get(key) for key in _LIMITS}, allow_unknown=allow)
    device = entry.get("device", entry.get("on"))  # "on" is its name before 0.2
    source = ModelOptions(entry["model"], tuple(inputs), entry.get("dtype"), mode, device)
    return _Check(source, limits, entry.get("against"))
