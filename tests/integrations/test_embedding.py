"""Markers on Markdown pages: which are found, where their content goes, and what is said of those that are wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxviz.errors import InputError
from fxviz.integrations.embedding import fill, find_markers, shown_in

PAGE = """\
# Title

<!-- fxviz: export one --max-boxes 20 -->
old
<!-- /fxviz -->

- item

  <!-- fxviz: summary "two words" -->
  <!-- /fxviz -->
- <!-- fxviz: three -->
  <!-- /fxviz -->

> <!-- fxviz: four -->
> old
> <!-- /fxviz -->

<!-- fxviz: five
  --on several --lines -->
<!-- /fxviz -->
"""
COMMANDS = ["export one --max-boxes 20", 'summary "two words"', "three", "four", "five --on several --lines"]
FILLED = """\
# Title

<!-- fxviz: export one --max-boxes 20 -->

new

lines

<!-- /fxviz -->

- item

  <!-- fxviz: summary "two words" -->

  new

  lines

  <!-- /fxviz -->
- <!-- fxviz: three -->

  new

  lines

  <!-- /fxviz -->

> <!-- fxviz: four -->
>
> new
>
> lines
>
> <!-- /fxviz -->

<!-- fxviz: five
  --on several --lines -->

new

lines

<!-- /fxviz -->
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_content_goes_between_markers_with_their_indentation_and_line_ends(newline: str) -> None:
    page = PAGE.replace("\n", newline)
    markers = find_markers(page, "page.md")
    assert [marker.command for marker in markers] == COMMANDS
    assert [marker.line for marker in markers] == [3, 9, 11, 14, 18]
    assert [shown_in(page, marker) for marker in markers] == ["old", "", "", "old", ""]
    assert fill(page, [(marker, "new\n\nlines\n") for marker in markers]) == FILLED.replace("\n", newline)


def test_a_filled_page_is_filled_no_further() -> None:
    markers = find_markers(FILLED, "page.md")
    assert [marker.command for marker in markers] == COMMANDS
    assert {shown_in(FILLED, marker) for marker in markers} == {"new\n\nlines"}
    assert fill(FILLED, [(marker, "new\n\nlines") for marker in markers]) == FILLED


@pytest.mark.parametrize(
    "page",
    [
        "```md\n<!-- fxviz: export x -->\n```\n",
        "~~~~\n<!-- fxviz: export x -->\n~~~\n<!-- /fxviz -->\n~~~~\n",
        "    <!-- fxviz: export x -->\n",
        "Write `<!-- fxviz: export x -->` before it.\n",
        "<pre>\n<!-- fxviz: export x -->\n</pre>\n",
        "<!-- fxviz is a tool -->\n",
        "",
        "\n",
    ],
)
def test_what_is_shown_only_is_no_marker(page: str) -> None:
    assert find_markers(page, "page.md") == []


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("text\n\n<!-- fxviz: export x -->\n", "page.md:3: this marker has no end"),
        ("<!-- fxviz: a -->\n```\n<!-- /fxviz -->\n", "page.md:1: this marker has no end"),  # it is in a code block
        (
            "<!-- fxviz: a -->\n\n<!-- fxviz: b -->\n<!-- /fxviz -->\n",
            "page.md:3: a marker begins inside that of line 1",
        ),
        ("text\n\n<!-- /fxviz -->\n", "page.md:3: <!-- /fxviz --> ends a marker, and none has begun"),
        ("<!-- fxviz: a --> <!-- /fxviz -->\n", "page.md:1: a marker needs a line of its own"),
        ("see <!-- fxviz: a -->\n", "page.md:1: a marker needs a line of its own"),
        ("<div>\n<!-- fxviz: a -->\n</div>\n", "page.md:2: a marker needs a line of its own"),
    ],
)
def test_a_marker_that_is_wrong_is_told_with_its_line(page: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        find_markers(page, "page.md")
    assert str(error.value).startswith(said)


def test_fences_are_markers_where_asked_for() -> None:
    page = "- a\n\n  ```fxviz\n  export x --depth 1\n  ```\n\n```python\nfxviz\n```\n"
    (marker,) = find_markers(page, "page.md", fences=True)
    assert (marker.command, marker.line) == ("export x --depth 1", 3)
    assert fill(page, [(marker, "new")]) == "- a\n\n\n  new\n\n\n```python\nfxviz\n```\n"
    assert find_markers(page, "page.md") == []


def test_a_byte_order_mark_hides_no_marker() -> None:
    (marker,) = find_markers("\ufeff<!-- fxviz: a -->\n<!-- /fxviz -->\n", "page.md")
    assert (marker.command, marker.prefix) == ("a", "")


lines = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="`~\u2028\u2029\x85"), max_size=20)


@given(st.lists(lines, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_whatever_a_code_block_holds_comes_back(content: list[str], newline: str) -> None:
    """A fenced text is read as it was written, and nothing in it becomes a marker."""
    block = "\n".join(["```text", *content, "```"])
    page = PAGE.replace("\n", newline)
    filled = fill(page, [(marker, block) for marker in find_markers(page, "page.md")])
    markers = find_markers(filled, "page.md")
    assert [marker.command for marker in markers] == COMMANDS
    assert {shown_in(filled, marker) for marker in markers} == {block}
    assert fill(filled, [(marker, block) for marker in markers]) == filled
