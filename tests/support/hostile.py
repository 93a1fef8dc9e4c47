"""Views whose every word is hostile: for checking that any label survives a format's own reader."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from build import Builder
from hypothesis import strategies as st

from fxviz.views.view import Box, View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.ir import Value
    from fxviz.views.view import Item

WORDS = (
    "a -> b",
    "{x|y}",
    "<unk>",
    "x < y && z > 0",
    '"quoted"',
    "it's",
    "back\\slash \\N \\n \\G \\l \\",
    "&amp; &lt; &#60; &#x3c;",
    "#60; #quot; #foo;",
    "`code` **bold** _it_ ~~no~~",
    "$$x^2$$",
    "fa:fa-car",
    "1. one",
    "- one",
    "+ one",
    "# head",
    "www.example.com https://example.com a@b.c",
    "<b>bold</b><br/><script>alert(1)</script>",
    "[link](http://x.y)",
    "%% comment",
    "end",
    "click",
    "a:::b",
    "é 模型 😀 × – · ²",
    "مرحبا",
    "tab\tand\nnew\r\nline",
    "  spaced   out  ",
    "\x00\x07\x1b\x7f\ufffe",
    "\ud800 alone",
    "",
    " ",
    "__init__",
    "layer1.0.conv1: Conv2d",
    "x" * 60,
)

words = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(WORDS)


@dataclass(frozen=True, eq=False, kw_only=True)
class Renamed(View):
    """A view that writes ``words[item]`` everywhere on an item."""

    words: Mapping[Item | Value, str]

    def title(self, item: Item | Value) -> str:
        return self.words.get(item, "x")

    def lines(self, item: Item | Value) -> tuple[str, ...]:
        return (self.title(item),)

    def tooltip(self, item: Item | Value) -> str:
        return self.title(item)


def renamed(labels: list[str]) -> Renamed:
    """A scope with one operation for each label, titled with it, and one more; the scope bears the first label."""
    build = Builder("hostile")
    x = build.input("x", 1, 8)
    with build.module("block", "Block"):
        for _ in range(len(labels) + 1):  # a scope of a single operation would not be shown
            build.op("relu", x)
    view = View.of(build.graph(x), fold=False)
    (box,) = view.root.items
    assert isinstance(box, Box)
    given = dict(zip(box.items, labels, strict=False))
    kept = {field.name: getattr(view, field.name) for field in fields(View)}
    return Renamed(**kept, words={**given, box: labels[0]})


def legible(label: str) -> str:
    """What a reader should see of a label: blanks run together, what cannot be shown replaced."""
    return re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "\ufffd", " ".join(label.split()))
