"""Views of models that nobody here wrote."""

from __future__ import annotations

from tree import tree

from fxviz.analysis.facts import Facts
from fxviz.views.view import View


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
