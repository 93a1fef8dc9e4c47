"""How a graph and a view show themselves in notebooks, and a drawing on an HTML page.

A notebook is offered several forms and takes the richest that it knows: HTML before SVG before Mermaid before text. The
HTML is the drawing as a part of the page: JupyterLab shows an SVG as an image, and images have no tooltips. The SVG is for
viewers that show no HTML, and Mermaid for where no Graphviz is.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from fxviz.errors import ExportError, MissingDependency
from fxviz.output import default_view, render
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Container

    from fxviz.ir import Graph

__all__ = ["drawing_on_page", "mimebundle"]

_HTML, _SVG, _MERMAID, _TEXT = "text/html", "image/svg+xml", "text/vnd.mermaid", "text/plain"
_FORMATS = {_SVG: "svg", _MERMAID: "mermaid", _TEXT: "text"}

# Tooltips are on links that lead nowhere, which a page must not mark as links.
_STYLE = (
    ".fxviz svg { max-width: 100%; height: auto } .fxviz svg a { text-decoration: none; border: none; cursor: default }"
)


def mimebundle(
    source: Graph | View, include: Container[str] | None = None, exclude: Container[str] | None = None
) -> dict[str, str]:
    """Return the forms in which a notebook may show ``source``, by MIME type; of a graph, as much as fits on a page.

    Left out is what cannot be had: a drawing without Graphviz, or Mermaid beyond its limits. Text always can.
    """
    view = source if isinstance(source, View) else default_view(source, "svg")
    wanted = [kind for kind in (_HTML, *_FORMATS) if (not include or kind in include) and kind not in (exclude or ())]
    bundle: dict[str, str] = {}
    for kind, format in _FORMATS.items():
        if kind in wanted or (kind == _SVG and _HTML in wanted):
            with suppress(MissingDependency, ExportError):
                bundle[kind] = str(render(view, format))
    if _SVG in bundle and _HTML in wanted:
        bundle[_HTML] = drawing_on_page(bundle[_SVG])
    return {kind: bundle[kind] for kind in wanted if kind in bundle}


def drawing_on_page(svg: str) -> str:
    """Return an SVG document as a part of an HTML page, no wider than its column."""
    return f'<div class="fxviz"><style>{_STYLE}</style>\n{svg[svg.index("<svg") :]}</div>\n'
