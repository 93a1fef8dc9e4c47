"""Drawings of models that nobody here wrote, by the programs that read them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import mermaidx
import pytest
from test_dot import lay_out, titled

from fxviz import models
from fxviz.exporters.drawing.dot import Dot
from fxviz.exporters.drawing.mermaid import Mermaid
from fxviz.views.view import Box, View

if TYPE_CHECKING:
    from fxviz.ir import Graph

pytestmark = pytest.mark.zoo

NAMES = (
    "torchvision:resnet50",
    "torchvision:densenet121",
    "timm:vit_tiny_patch16_224",
    "timm:convnext_atto",
    "transformers:gpt2",
    "transformers:llama",
    "transformers:t5",
    "transformers:whisper",
    "transformers:deepseek_v3",
)


@cache
def traced(name: str) -> Graph:
    return models.trace(name)


@pytest.mark.parametrize("depth", [0, 1, 2, 3, None])
@pytest.mark.parametrize("name", NAMES)
def test_graphviz_draws_it(name: str, depth: int | None) -> None:
    view = View.of(traced(name), depth=depth)
    svg = lay_out(Dot().export(view))
    opened = [item for item in view.walk() if isinstance(item, Box) and item.open and item.items]
    assert len(titled(svg, "cluster")) == len(opened)
    drawn = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {view.title(item) for item in view.walk()} <= drawn


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("name", NAMES)
def test_mermaid_draws_it(name: str, depth: int) -> None:
    view = View.of(traced(name), depth=depth)
    svg = mermaidx.render(Mermaid().export(view)).svg()
    assert all(item.scope[-1].kind in svg for item in view.walk() if isinstance(item, Box) and item.open)
    assert "flowchart-link" in svg
