"""Every example of README.md and docs/: it runs, and prints what stands under it.

On a page, the fences run in order, in one folder and one namespace, as a reader would type them:

- ``python`` runs; the page's namespace is that of a module, so that a class in one block is known in the next.
- ``console`` and ``bash`` run where a line begins with ``fxviz `` (or ``$ fxviz ``); other commands are for the reader.
- ``text``, ``mermaid`` and ``csv`` are what the fence before printed; a line ``...`` or the end of one stands for the rest.
  A page that begins with ``mermaid`` has a diagram drawn by hand there.
- ``python title="name.py"`` is a file of the reader's: it is written, and runs only as part of it.
- any other fence is a file or an illustration.

What stands between markers (see docs/embedding.md) is what ``fxviz docs`` puts there.

``pytest --golden-update`` puts what was printed in the place of what stands there, but for outputs that leave something out.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import re
import shlex
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import make_tables
import pytest
from click.testing import CliRunner

from fxviz.cli import main
from fxviz.integrations.embedding import find_markers

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *DECISIONS]
ARCHITECTURE = [ROOT / "docs/architecture.md", ROOT / "CONTRIBUTING.md", *DECISIONS]
EXPECTED = ("text", "mermaid", "csv")
RUN = ("python", "bash", "console")
SHOWN = ("toml", "yaml", "json", "markdown", "rst", "")

_FENCE = re.compile(r"^```([a-z]*)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Fence:
    language: str
    title: str
    code: str
    line: int


def fences(page: Path) -> Iterator[Fence]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Fence(match[1], match[2] or "", match[3], text.count("\n", 0, match.start()) + 2)


class Page:
    """A page that is being read: what was defined so far, and what was printed last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.module = ModuleType(f"docs_{path.stem}")
        self.is_begun = False
        self.printed: str | None = None
        self.outdated: list[tuple[Fence, str, str]] = []  # where, what the page shows, what was printed

    def read(self, fence: Fence) -> None:
        is_first, self.is_begun = not self.is_begun, True
        if fence.language == "mermaid" and is_first:
            return
        if fence.language in EXPECTED:
            self.compare(fence)
            return
        assert fence.language in (*RUN, *SHOWN), f"{self.path.name}:{fence.line}: unknown fence {fence.language!r}"
        self.printed = None
        if fence.title:
            Path(fence.title).parent.mkdir(parents=True, exist_ok=True)
            Path(fence.title).write_text(fence.code, encoding="utf-8")
        elif fence.language == "python":
            self.printed = self.run_python(fence)
        elif fence.language in ("bash", "console"):
            self.printed = self.run_commands(fence)

    def run_python(self, fence: Fence) -> str:
        # Lines keep the numbers that they have on the page.
        code = compile("\n" * (fence.line - 1) + fence.code, str(self.path), "exec", dont_inherit=True)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(code, self.module.__dict__)
        return output.getvalue()

    def run_commands(self, fence: Fence) -> str:
        output = ""
        for line in fence.code.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] != ["fxviz"] or words[1:2] == ["netron"]:  # that one serves until Ctrl-C
                continue
            with warnings.catch_warnings():
                result = CliRunner().invoke(main, words[1:])
            assert result.exit_code == 0, f"{self.path.name}:{fence.line}: {line}\n{result.output}"
            output += result.output
        return output

    def compare(self, fence: Fence) -> None:
        assert self.printed is not None, f"{self.path.name}:{fence.line}: nothing was run before this output"
        shown, printed = tidy(fence.code), tidy(self.printed)
        if not doctest.OutputChecker().check_output(shown, printed, doctest.ELLIPSIS):
            self.outdated.append((fence, shown, printed))

    def update(self) -> None:
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        whole = [entry for entry in self.outdated if "..." not in entry[1]]
        for fence, _, printed in reversed(whole):
            first = fence.line - 1
            lines[first : first + fence.code.count("\n")] = [printed]
        if whole:
            self.path.write_text("".join(lines), encoding="utf-8")
        self.outdated = [entry for entry in self.outdated if entry not in whole]


def tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines()) + "\n"


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # lightning's loaders
@pytest.mark.filterwarnings("ignore::UserWarning:lightning")  # advice on workers and logging intervals
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("COLUMNS", "100")
    reader = Page(page)
    monkeypatch.setitem(sys.modules, reader.module.__name__, reader.module)  # dataclasses look their module up
    markers = find_markers(page.read_text(encoding="utf-8"), page.name)
    for fence in fences(page):
        if not any(marker.first < fence.line <= marker.last for marker in markers):
            reader.read(fence)
    if request.config.getoption("--golden-update"):
        reader.update()
    for fence, shown, printed in reader.outdated:
        pytest.fail(f"{page.name}:{fence.line}: the page shows\n{shown}\nand this was printed:\n{printed}")


def test_what_stands_between_markers_is_fresh(request: pytest.FixtureRequest) -> None:
    options = [] if request.config.getoption("--golden-update") else ["--check"]
    result = CliRunner().invoke(main, ["docs", *options, *map(str, PAGES)])
    assert result.exit_code == 0, f"{result.output}\nif that is meant, run fxviz docs README.md docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_those_of_their_sources(page: Path, request: pytest.FixtureRequest) -> None:
    text = page.read_text(encoding="utf-8")
    if request.config.getoption("--golden-update"):
        page.write_text(make_tables.filled(text), encoding="utf-8")
    assert make_tables.filled(page.read_text(encoding="utf-8")) == page.read_text(encoding="utf-8"), (
        "run python docs/make_tables.py"
    )


def test_every_measured_table_is_on_a_page() -> None:
    measured = {path.stem for path in (ROOT / "docs/tables").iterdir()}
    shown = {found[2] for page in PAGES for found in make_tables.MARKED.finditer(page.read_text(encoding="utf-8"))}
    assert shown == {*measured, "names"}


def test_every_fence_is_found() -> None:
    for page in PAGES:
        opened = sum(line.lstrip().startswith("```") for line in page.read_text(encoding="utf-8").splitlines())
        assert opened == 2 * sum(1 for _ in fences(page)), f"{page.name} has a fence that no test reads"


def test_the_pages_are_all_in_the_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    missing = [page.name for page in PAGES[1:] if f" {page.relative_to(ROOT / 'docs')}\n" not in menu]
    assert not missing


@pytest.mark.parametrize("page", ARCHITECTURE, ids=lambda page: page.name)
def test_paths_that_are_named_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:fxviz|passes|exporters|tests|benchmarks|docs|\.ci)/[\w./-]*)`", page.read_text(encoding="utf-8")
    )
    assert not [path for path in named if not (ROOT / path).exists()]


def test_the_walk_names_what_each_file_defines() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\| .*? \| `(\S+\.py)` \| `(\w+)` \|$", text, re.MULTILINE)
    assert len(steps) > 15
    for file, name in steps:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert name in defined, f"{file} does not define {name}"


def test_the_table_of_folders_is_complete() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `([\w/]+)/` \|", text, re.MULTILINE))
    folders = {f"fxviz/{path.name}" for path in (ROOT / "fxviz").iterdir() if path.is_dir() and not path.is_symlink()}
    assert {folder for folder in folders if not folder.endswith("__pycache__")} - rows == set()
    assert {"passes", "exporters", "tests", "benchmarks"} - rows == set()


def test_the_folders_are_in_the_order_of_the_layers() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(?:fxviz/)?(\w+)/` \|", text, re.MULTILINE)
    code = ast.parse((ROOT / "tests/test_architecture.py").read_text(encoding="utf-8"))
    (layers,) = (
        ast.literal_eval(n.value) for n in code.body if isinstance(n, ast.Assign) and n.targets[0].id == "LAYERS"
    )
    assert [row for row in rows if row in layers] == [layer for layer in layers if layer in rows]


def test_diagrams_that_are_drawn_by_hand_are_mermaid() -> None:
    mermaidx = pytest.importorskip("mermaidx", reason="mermaid.js is not installed")
    firsts = [next(fences(page), None) for page in PAGES]
    drawn = [fence.code for fence in firsts if fence and fence.language == "mermaid"]
    assert drawn
    for code in drawn:
        assert "<svg" in mermaidx.render(code).svg()
