"""HTML: one file with a viewer of the model, which opens and closes modules and needs no network.

Every box is laid out once, at export, by itself; the page puts the boxes that are open together (see
``templates/viewer/placing.js``). So a page with a hundred layers opens as fast as one with two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fxviz.exporters.base import Exporter
from fxviz.exporters.html.graphviz_layout import GraphvizLayout
from fxviz.exporters.html.page import Page, template
from fxviz.exporters.html.viewer_data import Data, viewer_data

if TYPE_CHECKING:
    from fxviz.exporters.html.layout import LayoutEngine
    from fxviz.views.view import View

__all__ = ["Html", "viewer_element", "viewer_modules", "viewer_styles"]

_ID = "fxviz-model"
_MODULES = (
    "amounts",
    "tree",
    "walking",
    "placing",
    "drawing",
    "moving",
    "finding",
    "colouring",
    "panel",
    "timeline",
    "viewer",
)


@dataclass(frozen=True)
class Html(Exporter):
    """Writes a view as a page of its own: the boxes that the view has open can be opened and closed there.

    Raises `MissingDependency` if Graphviz is not installed, and `ExportError` if it fails or takes too long.
    """

    whole = True  # its reader opens and closes the boxes
    embedding = "link"

    most: int = 80
    """A module with more operations and modules directly in it is shown in parts of at most this many."""
    fan_out: int = 8
    """A source with more arrows than this is named beside those that read it, instead of all arrows but the first."""
    fan_in: int = 32
    """The sources of a target with more arrows than this are named beside it, instead of all arrows but the last."""
    timeout: float = 300
    """Seconds after which Graphviz is stopped."""
    layout: LayoutEngine | None = None
    """What lays out the boxes: by default Graphviz."""

    def export(self, view: View) -> str:
        """Return the page."""
        return Page(
            title=view.graph.name,
            body=viewer_element(_ID),
            styles=(template("page.css"), *viewer_styles()),
            modules={**viewer_modules(), "page": template("page.js")},
            data={_ID: self.data(view)},
        ).render()

    def data(self, view: View) -> Data:
        """Return the data that `viewer_element` reads under its id, for a viewer that is a part of a larger page."""
        engine = self.layout or GraphvizLayout(self.timeout)
        return viewer_data(view, self.most, self.fan_out, self.fan_in, engine)


def viewer_element(id: str) -> str:
    """Return the markup that becomes a viewer of the data with this id, once a script calls ``mountViewers(document)``."""
    return f'<div class="fxviz" data-fxviz="{id}"></div>'


def viewer_styles() -> tuple[str, ...]:
    """Return the styles that `Page` needs for a viewer: all rules are for elements in one of class ``fxviz``."""
    return (template("viewer/viewer.css"),)


def viewer_modules() -> dict[str, str]:
    """Return the modules that `Page` needs for a viewer."""
    return {name: template(f"viewer/{name}.js") for name in _MODULES}
