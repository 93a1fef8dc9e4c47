"""The commands that stand in markers on pages, and what they put there.

They are commands of the command line, with the same options: ``export MODEL …`` and ``summary MODEL …``. A page is not a
terminal, though: without a file, ``export`` puts a Mermaid diagram on the page, or a table; with ``-o``, a picture that is
written beside the page, and shown on it. Paths are relative to the page, like links.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

import click

from fxviz.command.options import find_roofline, model_options, roofline_option, split_device, view_options
from fxviz.errors import InputError
from fxviz.exporters.base import find_exporter, format_suffix
from fxviz.plugins import suggest
from fxviz.text.escaping import escape_markdown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.analysis.facts import Facts
    from fxviz.command.options import ModelOptions, ViewOptions
    from fxviz.output import summary as overview

__all__ = ["COMMANDS", "Content", "Export", "Order", "Scribe", "Summary", "parse", "read"]


@dataclass(frozen=True)
class Export:
    """``export``: one format on the page, or files beside it."""

    source: ModelOptions
    shown: ViewOptions
    outputs: tuple[str, ...] = ()
    format: str | None = None
    direction: str | None = None

    def render(self, facts: Facts, format: str) -> str | bytes:
        """Render the model in one format."""
        from fxviz.output import render

        options = {"direction": self.direction} if self.direction else {}
        return render(self.shown.view(facts, format), format, **options)


@dataclass(frozen=True)
class Summary:
    """``summary``: the table and the report on the whole model, as text."""

    source: ModelOptions
    shown: ViewOptions
    roofline: str | None = None


Order: TypeAlias = Export | Summary


@dataclass(frozen=True)
class Content:
    """What a marker puts on its page, as Markdown, and the files that it shows, by path relative to the page."""

    markdown: str
    files: Mapping[str, str | bytes] = field(default_factory=lambda: MappingProxyType({}))


@click.command("export", add_help_option=False)
@model_options
@view_options
@click.option("-o", "--output", "outputs", multiple=True)
@click.option("--format")
@click.option("--direction", type=click.Choice(("TB", "LR")))
def _export(source: ModelOptions, shown: ViewOptions, **others: Any) -> Order:
    return Export(source, shown, **others)


@click.command("summary", add_help_option=False)
@model_options
@view_options
@roofline_option
def _summary(source: ModelOptions, shown: ViewOptions, roofline: str | None) -> Order:
    source, roofline = split_device(source, roofline)
    return Summary(source, shown, roofline)


COMMANDS = MappingProxyType({"export": _export, "summary": _summary})
"""What may stand in a marker."""


def read(command: str) -> Order:
    """Read the order of a marker; an `InputError` says what is wrong with it. Nothing is run, and no shell reads it."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InputError(f"{error} in {command!r}; write it as on a command line") from error
    if not words:
        raise InputError("there is no command in this marker: write one, such as export torchvision:resnet50")
    order = parse(words[0], words[1:])
    _refuse_unshowable(order)
    return order


def parse(name: str, words: list[str]) -> Order:
    """Parse a command of `COMMANDS` with these words after it."""
    if name not in COMMANDS:
        raise InputError(f"a marker has no command {name!r}{suggest(name, COMMANDS)}")
    try:
        with COMMANDS[name].make_context(name, words) as context:
            order: Order = context.command.invoke(context)
    except click.ClickException as error:
        raise InputError(f"{error.format_message().rstrip('.')}; see fxviz {name} --help") from error
    return order


def _refuse_unshowable(order: Order) -> None:
    """Refuse what no Markdown page can show, before the long work."""
    if isinstance(order, Summary):
        return
    for output in order.outputs:
        if output == "-" or PurePosixPath(output).is_absolute() or not format_suffix(output):
            raise InputError(f"-o {output} is not a file beside the page: write one such as -o images/model.svg")
    if order.outputs and order.format and len(order.outputs) > 1:
        raise InputError("--format is for one output: let the suffixes of several name their formats")
    name = (order.format or "mermaid").lower()
    for wanted in order.outputs or (name,):
        exporter = find_exporter(order.format or wanted)
        if not order.outputs and exporter.embedding in ("picture", "link"):
            raise InputError(f"{name} is a file of its own: say where it goes, such as -o images/model.{name}")


class Scribe:
    """Carries out the orders of pages; a model that is in several of them is traced once."""

    def __init__(self) -> None:
        self._traced: dict[ModelOptions, Facts] = {}

    def write(self, order: Order, folder: Path) -> Content:
        """Return what the order puts on a page in ``folder``."""
        if isinstance(order, Summary):
            return Content(_fenced("text", str(self.summary(order, folder))))
        facts = order.shown.narrow(self.facts(order.source, folder))
        if order.outputs:
            return self._files(order, facts)
        return self._inline(order, facts)

    def facts(self, source: ModelOptions, folder: Path) -> Facts:
        """Return the facts of a model as a page in ``folder`` names it."""
        located = replace(source, model=_located(source.model, folder))
        if located not in self._traced:
            self._traced[located] = located.facts()
        return self._traced[located]

    def summary(self, order: Summary, folder: Path) -> overview.Summary:
        """Return the summary that a page in ``folder`` orders."""
        from fxviz.output import summary as overview

        roofline = None if order.roofline is None else find_roofline(_located(order.roofline, folder))
        facts = order.shown.narrow(self.facts(order.source, folder))
        return overview.summary(facts, roofline=roofline, view=order.shown.view(facts, "text"))

    def _inline(self, order: Export, facts: Facts) -> Content:
        name = (order.format or "mermaid").lower()
        exporter = find_exporter(name)
        content = order.render(facts, name)
        if isinstance(content, bytes):
            raise InputError(f"{name} is not text that a page could show: give it a file, such as -o model.{name}")
        markdown = exporter.embedding == "markdown"
        return Content(_tidy(content) if markdown else _fenced(exporter.language, content))

    def _files(self, order: Export, facts: Facts) -> Content:
        files: dict[str, str | bytes] = {}
        links = []
        for output in order.outputs:
            name = order.format or format_suffix(output)
            files[output] = order.render(facts, name)
            picture = find_exporter(name).embedding == "picture"
            text = escape_markdown(facts.graph.name if picture else PurePosixPath(output).name)
            links.append(f"{'!' if picture else ''}[{text}]({quote(output)})")
        return Content("\n\n".join(links), MappingProxyType(files))


def _fenced(language: str, text: str) -> str:
    """Write a code block, its fence longer than any run of backticks in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{_tidy(text)}\n{fence}"


def _tidy(text: str) -> str:
    """Remove blanks at the ends of lines, as editors and hooks do, and blank lines at both ends."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def _located(name: str, folder: Path) -> str:
    """Return a model that is a file, or an object in one, relative to ``folder``; any other name as it is."""
    file, colon, attribute = name.rpartition(":")
    if file.endswith(".py"):
        return f"{folder / file}{colon}{attribute}"
    return str(folder / name) if (folder / name).exists() else name
