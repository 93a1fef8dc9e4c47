"""Sphinx: the directives ``fxviz`` and ``fxviz-summary``, which draw a model while the documentation is built.

In ``conf.py``: ``extensions = ["fxviz.integrations.sphinx"]``. On a page::

    .. fxviz:: torchvision:resnet50
       :max-boxes: 20

The options are those of ``fxviz export``, and ``:format:`` is ``svg`` unless told. Paths are relative to the page.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from fxviz.command.renamed import Renamed
from fxviz.errors import FxvizError
from fxviz.exporters.base import find_exporter
from fxviz.exporters.table import cells, notes
from fxviz.integrations.markers import COMMANDS, Export, Scribe, Summary, parse
from fxviz.integrations.notebook import drawing_on_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sphinx.application import Sphinx

    from fxviz.exporters import Exporter
    from fxviz.integrations.markers import Order
    from fxviz.views.view import View

__all__ = ["setup"]

_MERMAID = "sphinxcontrib.mermaid"


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directives to a build, in which a model that is on several pages is traced once."""
    scribe = {"scribe": Scribe()}
    app.add_directive("fxviz", type("FxvizDirective", (_ExportDirective,), scribe))
    app.add_directive("fxviz-summary", type("SummaryDirective", (_SummaryDirective,), scribe))
    return {"version": version("fxviz"), "parallel_read_safe": True, "parallel_write_safe": True}


def _options(command: click.Command) -> dict[str, Callable[[str | None], Any]]:
    """Return the options of a command as options of a directive: flags have no value; a page itself says where the result goes."""
    options = [option for option in command.params if isinstance(option, click.Option) and option.name != "outputs"]
    return {
        name.removeprefix("--"): directives.flag if option.is_flag else directives.unchanged_required
        for option in options
        for name in (max(option.opts, key=len), *([option.old] if isinstance(option, Renamed) else []))
    }


class _Directive(SphinxDirective):
    """One model as the argument; what its options say is parsed as a command line."""

    required_arguments = 1
    command: ClassVar[str]
    scribe: ClassVar[Scribe]

    def _draw(self, order: Order) -> Iterator[nodes.Node]:
        """Yield what replaces the directive on the page."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Draw the model, or say what is wrong at the line of the directive."""
        try:
            return [*self._draw(parse(self.command, [self.arguments[0], *self._words()]))]
        except FxvizError as error:
            raise self.error(" ".join(str(error).split())) from error

    def _words(self) -> Iterator[str]:
        for name, value in self.options.items():
            # Several inputs stand in one option, apart by blanks; a flag has no value, any other option one.
            values = [""] if value is None else [f"={word}" for word in (value.split() if name == "input" else [value])]
            yield from (f"--{name}{given}" for given in values)

    @property
    def _folder(self) -> Path:
        return Path(self.env.doc2path(self.env.docname)).parent

    def _note_files(self, model: str) -> None:
        """Let Sphinx build the page again when the file of its model changes."""
        file = self._folder / (model.rpartition(":")[0] or model)
        if file.is_file():
            self.env.note_dependency(str(file))


class _ExportDirective(_Directive):
    """``.. fxviz:: MODEL``: a picture, or with ``:format:`` a Mermaid diagram, a table, or text in any other format."""

    command = "export"
    option_spec = _options(COMMANDS["export"])

    def _draw(self, order: Order) -> Iterator[nodes.Node]:
        assert isinstance(order, Export)
        name = (order.format or "svg").lower()
        name = "markdown" if name == "table" else name
        exporter = find_exporter(name)
        self._refuse(name, exporter)
        self._note_files(order.source.model)
        facts = self.scribe.facts(order.source, self._folder)
        match exporter.embedding, exporter.language:
            case "picture", _:
                # The picture as a part of an HTML page, so that its tooltips show; in any other format, the table.
                html = nodes.raw("", drawing_on_page(str(order.render(facts, name))), format="html")
                yield addnodes.only("", html, expr="format_html")
                yield addnodes.only("", *_table(order.shown.view(facts, name)), expr="not format_html")
            case _, "mermaid":
                yield from self._mermaid(str(order.render(facts, name)))
            case "markdown", _:
                yield from _table(order.shown.view(facts, name))
            case _, language:
                content = order.render(facts, name)
                if isinstance(content, bytes):
                    raise self.error(f"{name} is not text that a page could show: choose svg, mermaid, table or text")
                yield nodes.literal_block(content, content, language=language)

    def _refuse(self, name: str, exporter: type[Exporter]) -> None:
        """Refuse a format that the page cannot show, before the long work."""
        if exporter.binary or exporter.embedding == "link":
            raise self.error(f"{name} is a file of its own: choose svg, mermaid, table or text")
        if exporter.language == "mermaid" and _MERMAID not in self.config.extensions:
            raise self.error(
                f"Mermaid needs {_MERMAID} to be among the extensions in conf.py; :format: svg needs nothing"
            )

    def _mermaid(self, diagram: str) -> list[nodes.Node]:
        lines = "\n".join(f"   {line}" for line in diagram.splitlines())
        return self.parse_text_to_nodes(f".. mermaid::\n\n{lines}\n")


class _SummaryDirective(_Directive):
    """``.. fxviz-summary:: MODEL``: the table and what there is to say of the whole, as text."""

    command = "summary"
    option_spec = _options(COMMANDS["summary"])

    def _draw(self, order: Order) -> Iterator[nodes.Node]:
        assert isinstance(order, Summary)
        self._note_files(order.source.model)
        text = str(self.scribe.summary(order, self._folder))
        yield nodes.literal_block(text, text, language="text")


def _table(view: View) -> Iterator[nodes.Node]:
    """Return the table of a view as Sphinx's own, numbers to the right."""
    head, *body, total = cells(view)
    columns = [nodes.colspec(colwidth=max(len(line[at]) for line in (head, *body, total))) for at in range(len(head))]
    lines = [nodes.row("", *(_cell(text, at) for at, text in enumerate(line))) for line in (head, *body)]
    bold = nodes.row("", *(_cell(text, at, nodes.strong) for at, text in enumerate(total)))
    group = nodes.tgroup("", *columns, nodes.thead("", lines[0]), nodes.tbody("", *lines[1:], bold), cols=len(head))
    yield nodes.table("", group, classes=["fxviz"])
    yield from (nodes.paragraph(note, note) for note in notes(view))


def _cell(text: str, column: int, kind: Callable[..., nodes.Node] = nodes.inline) -> nodes.entry:
    place = {"classes": ["align-right"]} if column >= 2 else {}
    return nodes.entry("", nodes.paragraph("", "", kind(text, text)) if text else nodes.paragraph(), **place)
