"""Mermaid texts read by mermaid.js itself, all in one page of a headless Chromium: seconds for hundreds of them."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Page

# Its limit of edges is an error when it reads; that of characters only shows in the picture.
_READ = """async text => {
  if (text.length > 50000) return "longer than 50,000 characters";
  try { await mermaid.parse(text); return ""; }
  catch (error) { return String(error.message || error).slice(0, 300); }
}"""


@contextmanager
def page() -> Iterator[Page]:
    """A page with the mermaid.js that the package mermaidx carries, at its default limits."""
    import mermaidx
    from playwright.sync_api import sync_playwright

    script = Path(mermaidx.__file__).parent / "assets" / "mermaid.js"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            opened = browser.new_page()
            opened.set_content("<!doctype html><body></body>")
            opened.add_script_tag(path=script)
            opened.evaluate("mermaid.initialize({startOnLoad: false, securityLevel: 'strict'})")
            yield opened
        finally:
            browser.close()


def complaints(texts: Mapping[str, str]) -> dict[str, str]:
    """What mermaid.js says of each text that it does not take, by name."""
    with page() as opened:
        said = {name: opened.evaluate(_READ, text) for name, text in texts.items()}
    return {name: words for name, words in said.items() if words}
