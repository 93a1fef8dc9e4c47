"""Markers in Markdown: where on a page something that fxviz makes stands, and putting it there.

A marker is a comment on a line of its own, and all up to its end is fxviz's to write::

    <!-- fxviz: export torchvision:resnet50 --max-boxes 20 -->
    …
    <!-- /fxviz -->

What counts as a line of its own is for the Markdown parser to say: markers in code, fenced or indented, are only shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from fxviz.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token

__all__ = ["Marker", "fill", "find_markers", "shown_in"]

_ANY = re.compile(r"<!--\s*/?fxviz(?::|\s*-->)")
_BEGIN = re.compile(r"<!--\s*fxviz:((?:(?!-->).)*)-->", re.DOTALL)
_END = re.compile(r"<!--\s*/fxviz\s*-->")
_LITERAL = re.compile(r"\s*<(pre|script|style|textarea)\b", re.IGNORECASE)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class Marker:
    """A range of lines on a page, and the command whose result belongs there.

    ``line`` is where the marker begins, counted from 1. The lines ``[first, last)``, counted from 0, are replaced; they
    bear ``prefix`` (the indentation in a list, the ``>`` of a quotation) and end in ``newline``.
    """

    command: str
    line: int
    first: int
    last: int
    prefix: str
    newline: str


def find_markers(text: str, name: str, *, fences: bool = False) -> list[Marker]:
    """Return the markers of a page, in order; with ``fences`` also the code blocks of language ``fxviz``, which hold a command.

    An `InputError` that begins with the ``name`` of the page and a line says what is wrong with a marker: it has no end,
    stands in another one, or shares its line.
    """
    lines = _LINE.findall(text)
    markers: list[Marker] = []
    begun: tuple[str, int, int] | None = None  # its command, its line, and the line after it
    for token in MarkdownIt("commonmark").parse(text.removeprefix("\ufeff")):
        if token.map is None:
            continue
        first, last = token.map
        where = f"{name}:{first + 1}"
        if fences and begun is None and token.type == "fence" and token.info.strip() == "fxviz":
            markers.append(_marker(lines, token.content, first, first, last))
            continue
        _refuse_shared_line(token, name, first + 1)
        content = token.content.strip() if token.type == "html_block" else ""
        if begin := _BEGIN.fullmatch(content):
            if begun is not None:
                raise InputError(
                    f"{where}: a marker begins inside that of line {begun[1]}: end that with <!-- /fxviz -->"
                )
            begun = begin[1], first + 1, last
        elif _END.fullmatch(content):
            if begun is None:
                raise InputError(f"{where}: <!-- /fxviz --> ends a marker, and none has begun")
            command, line, inner = begun
            markers.append(_marker(lines, command, line - 1, inner, first))
            begun = None
    if begun is not None:
        raise InputError(
            f"{name}:{begun[1]}: this marker has no end: write <!-- /fxviz --> on a line of its own after it"
        )
    return markers


def shown_in(text: str, marker: Marker) -> str:
    """Return the content between a marker and its end, without the indentation and the blank lines around it."""
    lines = _LINE.findall(text)[marker.first : marker.last]
    blank = marker.prefix.rstrip()
    inner = (line.rstrip("\r\n") for line in lines)
    return "\n".join(
        line.removeprefix(marker.prefix if line.startswith(marker.prefix) else blank) for line in inner
    ).strip("\n")


def fill(text: str, contents: Sequence[tuple[Marker, str]]) -> str:
    """Return the page with each content between its marker and the end, between blank lines; all else stays as it is."""
    lines = _LINE.findall(text)
    for marker, content in sorted(contents, key=lambda entry: entry[0].first, reverse=True):
        inner = ["", *content.strip("\n").split("\n"), ""]
        lines[marker.first : marker.last] = [
            (f"{marker.prefix}{line}" if line else marker.prefix.rstrip()) + marker.newline for line in inner
        ]
    return "".join(lines)


def _marker(lines: Sequence[str], command: str, begin: int, first: int, last: int) -> Marker:
    line = lines[begin]
    lead = line[: re.search("<!--|`|~", line).start()]  # type: ignore[union-attr]  # one of them began the token
    prefix = re.sub(r"[^\s>]", " ", lead.removeprefix("\ufeff"))  # after "- " or "1. " it is as wide, and blank
    newline = line[len(line.rstrip("\r\n")) :] or "\n"
    return Marker(" ".join(command.split()), begin + 1, first, last, prefix, newline)


def _refuse_shared_line(token: Token, name: str, line: int) -> None:
    """Raise an error for a marker that shares its line with text, or is a part of other HTML."""
    amid = any(child.type == "html_inline" and _ANY.match(child.content) for child in token.children or ())
    html = token.content.strip() if token.type == "html_block" and not _LITERAL.match(token.content) else ""
    found = _ANY.search(html)
    if amid or (found and not _BEGIN.fullmatch(html) and not _END.fullmatch(html)):
        line += html.count("\n", 0, found.start()) if found else 0
        raise InputError(f"{name}:{line}: a marker needs a line of its own, and a blank line between it and other HTML")
