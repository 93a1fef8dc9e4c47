"""A page that is one file: markup, styles, scripts and data together, and nothing that is fetched.

The page's own policy forbids every request, and every script and style but those written here. Data is JSON that no
browser reads as markup, so whatever a model's names hold, it stays text.
"""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from string import Template
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Page", "template"]

_IMPORT = re.compile(r'^import ({[^}]*}) from "\./(?:\w+/)*(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:function|const|class) (\w+))", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """A page to be assembled.

    ``modules`` are ES modules by name, each after those that it imports; they import only names, from each other, and
    export only declarations. ``data`` is found by scripts in elements of those ids, as JSON. ``body`` is markup. A page
    that ``asks`` may ask the server that it came from, and no other.
    """

    title: str
    body: str
    styles: tuple[str, ...] = ()
    modules: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    data: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    asks: bool = False

    def render(self) -> str:
        """Return the page; halves of characters, which a page cannot hold, are replaced."""
        style = "\n".join(self.styles)
        script = "\n".join(["const modules = {};", *(_scoped(name, text) for name, text in self.modules.items())])
        asking = "; connect-src 'self'" if self.asks else ""
        page = Template(template("page.html")).substitute(
            title=html.escape(self.title),
            policy=f"default-src 'none'; img-src data:; style-src {_digest(style)}; script-src {_digest(script)}; "
            f"base-uri 'none'; form-action 'none'{asking}",
            style=style,
            body=self.body,
            data="\n".join(_element(id, content) for id, content in self.data.items()),
            script=script,
        )
        return page.encode(errors="replace").decode()


def template(name: str) -> str:
    """Read a file of the folder ``templates``."""
    return (files("fxviz.exporters.html") / "templates" / name).read_text(encoding="utf-8")


def _scoped(name: str, module: str) -> str:
    """Write a module as a part of a larger one, in a scope of its own."""
    exports = ", ".join(_EXPORT.findall(module))
    text = _EXPORT.sub("", _IMPORT.sub(r"const \1 = modules.\2;", module))
    return f"modules.{name} = (() => {{\n{text}return {{ {exports} }};\n}})();"


def _element(id: str, content: object) -> str:
    return f'<script type="application/json" id="{html.escape(id)}">{_inert(content)}</script>'


def _inert(content: object) -> str:
    """Write JSON without a character that ends an element, begins one, or ends a line of a script."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _digest(source: str) -> str:
    """Return how a policy names what it allows."""
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"
