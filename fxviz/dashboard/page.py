"""Write the page: one tab for each part of the app."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from fxviz.analysis.facts import Facts
from fxviz.dashboard.memory import inference_data, training_data
from fxviz.dashboard.parameters import parameter_data
from fxviz.dashboard.training import run_data
from fxviz.exporters.html.exporter import Html, viewer_element, viewer_modules, viewer_styles
from fxviz.exporters.html.page import Page, template

if TYPE_CHECKING:
    from fxviz.training.run import Run
    from fxviz.views.view import View
    from fxviz.weights.table import ParameterTable

__all__ = ["dashboard_page", "framed"]

_GRAPH = "fxviz-graph"
_DATA = "fxviz-app"
_MODULES = ("charts", "tabs", "parameters", "memory", "steps", "training", "app")


def dashboard_page(
    view: View | None = None,
    parameters: ParameterTable | None = None,
    training: Facts | None = None,
    run: Run | None = None,
    *,
    live: bool = False,
) -> str:
    """Return the page; with ``live`` it takes the newest data of the run from its server."""
    graph = Html().data(view) if view is not None else None
    title = view.graph.name if view is not None else run.name if run is not None else "fxviz"
    data: dict[str, Any] = {
        "title": title,
        "live": live,
        "parameters": parameter_data(parameters) if parameters is not None else None,
        "memory": _memory(view, graph, training),
        "run": run_data(run) if run is not None else None,
    }
    tabs = {
        "graph": graph is not None,
        "parameters": bool(data["parameters"]),
        "memory": bool(data["memory"]),
        "training": run is not None,
    }
    return Page(
        title=title,
        body=_body(title, [name for name, is_there in tabs.items() if is_there]),
        styles=(template("page.css"), *viewer_styles(), template("app/app.css")),
        modules={**viewer_modules(), **{name: template(f"app/{name}.js") for name in _MODULES}},
        data={_DATA: data, **({_GRAPH: graph} if graph is not None else {})},
        asks=live,
    ).render()


def framed(page: str) -> str:
    """Return an HTML element that shows a page in a frame, for a notebook; its scripts cannot reach the notebook."""
    style = "width: 100%; height: 720px; border: 1px solid #cbd5e1"
    return f'<iframe sandbox="allow-scripts" style="{style}" srcdoc="{html.escape(page)}"></iframe>'


def _memory(view: View | None, graph: dict[str, Any] | None, training: Facts | None) -> list[dict[str, Any]]:
    """Return the timelines; the one of inference moves from the viewer into its own tab."""
    inference = None
    if view is not None and graph is not None:
        inference = inference_data(Facts(view.graph), graph["timeline"])
        graph["timeline"] = None
    return [data for data in (inference, training_data(training) if training else None) if data]


def _body(title: str, tabs: list[str]) -> str:
    buttons = "".join(
        f'<button type="button" role="tab" id="tab-{name}" aria-controls="panel-{name}">{name.capitalize()}</button>'
        for name in tabs
    )
    panels = "".join(
        f'<section role="tabpanel" id="panel-{name}" aria-labelledby="tab-{name}"{_inside(name)}</section>'
        for name in tabs
    )
    return (
        '<div class="app">'
        f'<header class="fxviz titlebar"><h1>{html.escape(title)}</h1><div role="tablist" aria-label="parts">{buttons}</div>'
        '<output class="state"></output><button type="button" class="scheme" aria-label="light or dark">◐</button></header>'
        f'<div class="fxviz steps"{"" if "training" in tabs else " hidden"}></div><main>{panels}</main></div>'
    )


def _inside(name: str) -> str:
    if name == "graph":
        return f">{viewer_element(_GRAPH)}"
    return ' class="fxviz sheet" tabindex="0">'
