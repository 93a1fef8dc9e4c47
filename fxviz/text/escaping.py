"""Escape text, so that a terminal and Markdown show it as it is."""

from __future__ import annotations

__all__ = ["escape_markdown", "one_line"]

_MARKDOWN = {
    **{sign: f"\\{sign}" for sign in "\\`*_[]#~"},
    "|": "&#124;",
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "$": "&#36;",
}


def one_line(text: str) -> str:
    r"""Return ``text`` with an escape in place of every character that does not print as itself.

    >>> one_line("a\n\x1b[31mb")
    'a\\n\\x1b[31mb'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def escape_markdown(text: str) -> str:
    r"""Return Markdown that shows ``text`` as it is, also in the cell of a table.

    >>> escape_markdown("a_b | <c>")
    'a\\_b &#124; &lt;c&gt;'
    """
    return "".join(_MARKDOWN.get(c, c) for c in one_line(text))
