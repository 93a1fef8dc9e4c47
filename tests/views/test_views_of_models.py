"""Views of models that nobody here wrote."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tree import tree

import fxviz
from fxviz import models
from fxviz.analysis.facts import Facts
from fxviz.views.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


@pytest.mark.parametrize(
    "name", ["torchvision:resnet50", "transformers:gpt2", "torchvision:swin_t", "transformers:whisper"]
)
def test_the_default_view(golden: Callable[[str, str], None], name: str) -> None:
    """What is opened, folded, grouped and hidden of a real model where nobody says otherwise."""
    zoo, _, model = name.partition(":")
    pytest.importorskip(zoo, exc_type=ImportError)
    pinned = dict(line.split("==") for line in CONSTRAINTS.read_text().split() if "==" in line)
    for library in ("torch", zoo):
        installed = importlib.metadata.version(library).partition("+")[0]
        if installed != pinned[library]:
            pytest.skip(
                f"the file was written with {library} {pinned[library]}, whose model this is; here is {installed}"
            )
    golden(f"views/{model}.mmd", str(fxviz.render(models.trace(name), "mermaid")))


def test_a_twelve_layer_encoder_of_torch_is_one_box_at_any_depth() -> None:
    from torch import nn, randn

    from fxviz import trace
    from fxviz.passes.flops import Flops

    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 12).eval()
    facts = Facts(trace(model, (randn(1, 5, 16),)))
    title = "layers.0–11: TransformerEncoderLayer × 12"
    for depth in (0, 1, 2, None):
        view = View.of(facts, depth=depth, show=(Flops(),))
        (box,) = view.root.items
        assert view.title(box) == title
        assert view.metrics[0].at(*view.places(box)) == facts[Flops()].at(()) is not None
    assert tree(View.of(facts, depth=0)) == f"[{title}]"
    assert tree(View.of(facts, depth=1)).splitlines()[:4] == [
        title,
        "  [self_attn: MultiheadAttention]",
        "  dropout1: dropout",
        "  add",
    ]
