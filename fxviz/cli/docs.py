"""``fxviz docs``: the diagrams and tables of Markdown pages, made again where they are stale."""

from __future__ import annotations

import difflib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fxviz.command.options import command
from fxviz.command.writing import say_written
from fxviz.errors import FxvizError, InputError
from fxviz.files import write_file
from fxviz.integrations.embedding import Marker, fill, find_markers, shown_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fxviz.integrations.markers import Content

__all__ = ["docs"]

ABOUT = """
The result of COMMAND goes between <!-- fxviz: COMMAND --> and <!-- /fxviz -->, each on a line of its own. "export MODEL", with
the options of fxviz export, is a Mermaid diagram; with --format markdown a table; with -o images/model.svg a picture that
is written beside the page. "summary MODEL" is the summary. Paths are relative to the page. A folder stands for all Markdown
files in it.
"""

_MOST_LINES = 20  # of a difference that is shown


@command(
    click.argument("pages", nargs=-1, required=True, metavar="PAGE..."),
    click.option(
        "--check",
        is_flag=True,
        help="Change nothing; print what is stale, and exit with 1 if anything is, 2 on an error.",
    ),
    about=ABOUT,
    answers=True,
)
def docs(pages: tuple[str, ...], check: bool) -> int:
    """Refresh diagrams and tables on Markdown pages."""
    from fxviz.integrations.markers import Scribe, read

    found = [_read(path) for path in _pages(pages)]
    orders = []
    for page in found:
        for marker in page.markers:
            with _telling(page, marker):
                orders.append((page, marker, read(marker.command)))
    scribe = Scribe()
    made: dict[Path, list[tuple[Marker, Content]]] = {page.path: [] for page in found}
    for page, marker, order in orders:
        with _telling(page, marker):
            content = scribe.write(order, page.path.parent)
            _refuse_missing_folders(page.path.parent, content)
            made[page.path].append((marker, content))
    if check:
        differences = [line for page in found for line in _differences(page, made[page.path])]
        click.echo("".join(f"{line}\n" for line in differences), nl=False)
        return int(bool(differences))
    for page in found:  # all is made by now: an error in one marker leaves every page as it was
        for path in _refresh(page, made[page.path]):
            say_written(path)
    return 0


@dataclass(frozen=True)
class _Page:
    path: Path
    text: str
    markers: Sequence[Marker]


def _pages(given: Iterable[str]) -> Iterator[Path]:
    """Yield the files that were named, and the files of folders in the order of their names, each once."""
    seen = set()
    for path in map(Path, given):
        for page in sorted(path.rglob("*.md")) if path.is_dir() else [path]:
            hidden = any(part.startswith(".") for part in page.relative_to(path).parts)
            if not hidden and page.resolve() not in seen:
                seen.add(page.resolve())
                yield page


def _read(path: Path) -> _Page:
    try:
        text = path.read_bytes().decode()  # not read_text, which would change the ends of lines
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read {path}: byte {error.start} is not UTF-8; save the page as UTF-8") from error
    return _Page(path, text, find_markers(text, str(path)))


@contextmanager
def _telling(page: _Page, marker: Marker) -> Iterator[None]:
    """Let errors say where the marker is."""
    try:
        yield
    except FxvizError as error:
        raise type(error)(f"{page.path}:{marker.line}: {error}") from error


def _refuse_missing_folders(folder: Path, content: Content) -> None:
    for name in content.files:
        if not (folder / name).parent.is_dir():
            raise InputError(f"cannot write {name}: there is no folder {(folder / name).parent}")


def _refresh(page: _Page, made: Sequence[tuple[Marker, Content]]) -> Iterator[Path]:
    """Write what is old, and give its paths."""
    for _, content in made:
        for name, data in content.files.items():
            if not _is_fresh(page.path.parent / name, data):
                write_file(page.path.parent / name, data)
                yield page.path.parent / name
    old = [(marker, content.markdown) for marker, content in made if shown_in(page.text, marker) != content.markdown]
    if old:
        write_file(page.path, fill(page.text, old).encode())
        yield page.path


def _differences(page: _Page, made: Sequence[tuple[Marker, Content]]) -> Iterator[str]:
    for marker, content in made:
        where = f"{page.path}:{marker.line}"
        shown = shown_in(page.text, marker)
        if shown != content.markdown:
            yield f"{where}: stale: {marker.command}"
            lines = [*difflib.unified_diff(shown.splitlines(), content.markdown.splitlines(), lineterm="", n=1)][2:]
            yield from lines[:_MOST_LINES]
            if len(lines) > _MOST_LINES:
                yield f"… {len(lines) - _MOST_LINES} more"
        for name, data in content.files.items():
            if not _is_fresh(page.path.parent / name, data):
                yield f"{where}: stale: {name}"


def _is_fresh(path: Path, data: str | bytes) -> bool:
    """Whether a file has this content already; of an SVG, its words and colours: another Graphviz puts them elsewhere."""
    if not path.is_file():
        return False
    held = path.read_bytes()
    if isinstance(data, bytes):
        return held == data
    if path.suffix.lower() == ".svg":
        return _words(held.decode(errors="replace")) == _words(data)
    return held == data.encode()


def _words(svg: str) -> list[tuple[str, str]]:
    return sorted(re.findall(r'>([^<]*)<|\b(?:title|fill)="([^"]*)"', svg))
