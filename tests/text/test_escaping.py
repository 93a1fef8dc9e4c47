"""Escaped text comes out of a real Markdown parser as it went in, and never leaves its line."""

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fxviz.text.escaping import escape_markdown, one_line

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(deadline=None)
@given(ANY_TEXT)
def test_a_cell_of_a_table_shows_the_text(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(f"| head |\n| --- |\n| x{escape_markdown(text)}x |\n")
    _, cell = [token for token in tokens if token.type == "inline"]
    assert "".join(child.content for child in cell.children or []) == f"x{one_line(text)}x"


@settings(deadline=None)
@given(ANY_TEXT)
def test_one_line_prints_as_it_is(text: str) -> None:
    assert one_line(text).isprintable()
    assert len(one_line(text).splitlines()) <= 1
    if text.isprintable():
        assert one_line(text) == text
