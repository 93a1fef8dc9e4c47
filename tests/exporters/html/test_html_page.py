"""A page that is one file: inert data, a policy that allows nothing else, modules in one script."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxviz.exporters.html.exporter import viewer_modules, viewer_styles
from fxviz.exporters.html.page import Page, template

if TYPE_CHECKING:
    from pathlib import Path

MODULES = {
    "first": "const size = 2;\nexport function double(x) {\n  return size * x;\n}\nexport const three = 3;\n",
    "second": 'import { double, three } from "./parts/first.js";\n\nconst size = 5;\nconsole.log(double(three) + size);\n',
}


class Reader(HTMLParser):
    """What a parser of HTML makes of a page: its elements, and the text in each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._inside, []).append(data)


@given(st.lists(st.text(st.characters(codec=None))))
def test_data_is_inert_whatever_it_holds(content: object) -> None:
    page = Page("t", "<p></p>", data={"d": {"content": content}}).render()
    (text,) = re.findall(r'<script type="application/json" id="d">(.*?)</script>', page, re.DOTALL)
    assert json.loads(text) == {"content": content}
    assert not set("<>&\u2028\u2029") & set(text)


@pytest.mark.parametrize("hostile", ["</script><script>alert(1)</script>", "<!--<script>", "]]>", "\u2028", "\ud800"])
def test_hostile_words_add_no_element(hostile: str) -> None:
    plain, page = (Page(word, "<p></p>", data={"d": word}).render() for word in ("x", hostile))
    assert [tag for tag, _ in Reader(page).elements] == [tag for tag, _ in Reader(plain).elements]
    page.encode()


def test_the_policy_allows_the_page_itself_and_no_request() -> None:
    page = Page("t", "", styles=viewer_styles(), modules=MODULES).render()
    reader = Reader(page)
    (policy,) = (
        dict(part.strip().partition(" ")[::2] for part in (attributes["content"] or "").split(";"))
        for _, attributes in reader.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy["default-src"] == "'none'"
    for tag in ("style", "script"):
        (source,) = ("".join(texts) for kind, texts in reader.texts.items() if kind == tag)
        assert policy[f"{tag}-src"] == f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"
    assert not [attributes for _, attributes in reader.elements if attributes.get("src")]
    assert [attributes["href"] for _, attributes in reader.elements if "href" in attributes] == ["data:,"]


def test_nothing_in_the_templates_asks_for_anything() -> None:
    sources = [*viewer_styles(), *viewer_modules().values(), template("page.css"), template("page.js")]
    addresses = {address for source in sources for address in re.findall(r"https?://[^\s\"']+", source)}
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not [word for word in ("@import", "url(http", "fetch(", "innerHTML", "eval(") for s in sources if word in s]


def test_modules_keep_their_names_to_themselves(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, which runs the script")
    page = Page("t", "", modules=MODULES).render()
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    (tmp_path / "script.mjs").write_text(script)
    done = subprocess.run([node, tmp_path / "script.mjs"], capture_output=True, text=True, check=True)
    assert done.stdout == "11\n"  # 2·3 + 5: each module has its own `size`
