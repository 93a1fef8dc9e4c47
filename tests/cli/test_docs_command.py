"""``fxviz docs``: pages that are refreshed or checked, and what is said of markers that cannot be filled."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from pages import GIVEN, MODEL, graphviz_missing, marked

from fxviz import models
from fxviz.cli import main
from fxviz.integrations.markers import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


def docs(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["docs", *map(str, words)])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_page_is_filled_and_then_fresh(folder: Path) -> None:
    page = folder / "page.md"
    page.write_text(marked(f"export {GIVEN} --max-boxes 20", f"export {GIVEN} --format markdown", f"summary {GIVEN}"))
    stale = docs("--check", "page.md")
    assert stale.exit_code == 1
    assert [line for line in stale.output.splitlines() if line.startswith("page.md:")] == [
        f"page.md:3: stale: export {GIVEN} --max-boxes 20",
        f"page.md:6: stale: export {GIVEN} --format markdown",
        f"page.md:9: stale: summary {GIVEN}",
    ]
    assert "+flowchart TB" in stale.output
    assert "flowchart" not in page.read_text()  # --check changes nothing
    assert docs("page.md").output == "wrote page.md\n"
    text = page.read_text()
    diagram = CliRunner().invoke(
        main, ["export", *GIVEN.split(), "--max-boxes", "20", "-o", "-", "--format", "mermaid"]
    )
    assert f"\n```mermaid\n{diagram.output}```\n" in text
    assert "\n| 0: linear | 3×8 | 40 |" in text  # 4·8 weights and 8 biases
    summary = CliRunner().invoke(main, ["summary", *GIVEN.split()]).output
    assert "\n```text\n" + "\n".join(line.rstrip() for line in summary.splitlines()) + "\n```\n" in text
    before = page.stat()
    for words in (["--check"], []):
        done = docs(*words, "page.md")
        assert (done.exit_code, done.output) == (0, "")
    assert page.stat().st_ino == before.st_ino  # a file that is replaced is another one


def test_what_changed_is_told_and_only_that_is_written(folder: Path) -> None:
    (folder / "sub").mkdir()
    for page in ("a.md", "sub/b.md", ".hidden.md"):
        up = "../" if "/" in page else ""
        (folder / page).write_text(marked(f"export {up}{GIVEN} --format markdown"))
    assert docs(".").output == f"wrote a.md\nwrote {Path('sub/b.md')}\n"
    assert "|" not in (folder / ".hidden.md").read_text()
    (folder / "a.md").write_text((folder / "a.md").read_text().replace("relu", "gelu"))
    done = docs("--check", ".", "a.md")  # once, though it is named twice
    assert done.exit_code == 1
    assert [line[:10] for line in done.output.splitlines() if line[0] in "+-" and "elu" in line] == [
        "-| 1: gelu",
        "+| 1: relu",
    ]
    assert done.output.count("stale:") == 1


@pytest.mark.skipif(bool(graphviz_missing()), reason=graphviz_missing())
def test_a_picture_is_written_beside_its_page(folder: Path) -> None:
    (folder / "sub" / "images").mkdir(parents=True)
    page = folder / "sub" / "page.md"
    page.write_text(marked(f"export ../{GIVEN} -o images/a.svg -o data.csv"))
    assert docs("--check", page).output.count("stale: ") == 3  # the page and both files
    assert docs(page).output.splitlines() == [
        f"wrote {page.parent / name}" for name in ("images/a.svg", "data.csv", "page.md")
    ]
    assert "\n![Sequential](images/a.svg)\n\n[data.csv](data.csv)\n" in page.read_text()
    assert docs("--check", page).exit_code == 0
    picture = page.parent / "images" / "a.svg"
    drawn = picture.read_text()
    picture.write_text(drawn.replace('x="', 'x="1'))  # as another Graphviz might put it
    assert docs("--check", page).exit_code == 0
    picture.write_text(drawn.replace("relu", "gelu"))
    done = docs("--check", page)
    assert (done.exit_code, done.output) == (1, f"{page}:3: stale: images/a.svg\n")
    docs(page)
    assert picture.read_text() == drawn


def test_a_model_is_traced_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []
    trace: Callable[..., object] = models.trace
    monkeypatch.setattr(models, "trace", lambda *args, **kwargs: traced.append(args) or trace(*args, **kwargs))
    (folder / "a.md").write_text(marked(f"export {GIVEN}", f"summary {GIVEN}", f"export {GIVEN} --depth 0"))
    (folder / "b.md").write_text(marked(f"export {GIVEN}", "export net.py:net -i 5,4"))
    assert docs("a.md", "b.md").exit_code == 0
    assert [args[1] for args in traced] == [("3,4",), ("5,4",)]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "there is no command in this marker"),
        ("exprot net.py:net", "a marker has no command 'exprot'; did you mean export?"),
        ("export", "Missing argument 'MODEL'"),
        ("export net.py:net --bugdet 3", "No such option"),
        ("export net.py:net --direction up", "'up' is not one of 'TB', 'LR'"),
        ("export net.py:net --max-boxes many", "'many' is not a valid integer"),
        ("export 'net.py", "No closing quotation"),
        ("export --help", "No such option"),
        ("export net.py:net --format mermiad", "did you mean mermaid"),
        ("export net.py:net --format svg", "svg is a file of its own"),
        ("export net.py:net --format onnx", "onnx is a file of its own"),
        ("export net.py:net -o -", "-o - is not a file beside the page"),
        ("export net.py:net -o /tmp/x.svg", "-o /tmp/x.svg is not a file beside the page"),
        ("export net.py:net -i 3,4 -o missing/x.csv", "there is no folder missing"),
        ("export missing.py:net", "there is no file"),
        ("export net.py:nets", "has no attribute 'nets'"),
        ("export net.py:net -i 3,5", "linear"),
        ("export net.py:net; rm -rf /", "No such option"),
    ],
)
def test_a_marker_that_cannot_be_filled_is_told_with_its_line(folder: Path, command: str, said: str) -> None:
    (folder / "good.md").write_text(marked(f"export {GIVEN}"))
    (folder / "bad.md").write_text(marked(command))
    for words in ([], ["--check"]):
        done = docs(*words, "good.md", "bad.md")
        assert done.exit_code == 2  # 1 is the answer of --check
        (line,) = done.output.splitlines()
        assert "bad.md:3: " in line
        assert said in line
    assert (folder / "good.md").read_text() == marked(f"export {GIVEN}")  # nothing is written where one marker fails


def test_a_direction_is_for_pictures_alone(folder: Path) -> None:
    (folder / "page.md").write_text(
        marked(f"export {GIVEN} --direction LR", f"export {GIVEN} --direction LR --format md")
    )
    assert docs("page.md").exit_code == 2
    (folder / "page.md").write_text(marked(f"export {GIVEN} --direction LR"))
    docs("page.md")
    assert "\nflowchart LR\n" in (folder / "page.md").read_text()


def test_pages_that_cannot_be_read_or_written(folder: Path) -> None:
    (folder / "latin.md").write_bytes("é".encode("latin-1"))
    (folder / "open.md").write_text("<!-- fxviz: export x -->\n")
    for page, said in (
        ("none.md", "cannot read none.md"),
        ("latin.md", "is not UTF-8"),
        ("open.md", "open.md:1: this marker"),
    ):
        done = docs(page)
        assert done.exit_code == 2
        assert said in done.output
    assert docs().exit_code == 2
    (folder / "page.md").write_text(marked(f"export {GIVEN}"))
    (folder / "page.md").chmod(0o444)
    if not os.access(folder / "page.md", os.W_OK):  # whoever is root may write anything
        assert "read-only" in docs("page.md").output


@pytest.mark.zoo
def test_hash_seeds_change_nothing(folder: Path) -> None:
    pages = []
    for seed in ("1", "2"):
        (folder / "page.md").write_text(marked(f"export {GIVEN} --color flops"))
        subprocess.run(
            [sys.executable, "-m", "fxviz", "docs", "page.md"],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.DEVNULL,
        )
        pages.append((folder / "page.md").read_bytes())
    assert pages[0] == pages[1]


def test_the_options_of_markers_are_those_of_the_command_line() -> None:
    """But for those that a page cannot have: see `fxviz.integrations.markers`."""
    for name, command in COMMANDS.items():
        known = {option for parameter in main.get_command(None, name).params for option in parameter.opts}
        assert {option for parameter in command.params for option in parameter.opts} <= known


def test_pre_commit_takes_the_hooks(tmp_path: Path) -> None:
    program = shutil.which("pre-commit", path=Path(sys.executable).parent) or "pre-commit"
    manifest = ROOT / ".pre-commit-hooks.yaml"
    done = subprocess.run([program, "validate-manifest", manifest], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    entries = [line.split("entry: ")[1].split() for line in manifest.read_text().splitlines() if "entry: " in line]
    page = tmp_path / "page.md"
    page.write_text("# Nothing to fill\n")
    ours = [words for _, *words in entries if words[0] == "docs"]
    for words in ours:
        assert CliRunner().invoke(main, [*words, str(page)]).exit_code == 0
    assert ours == [["docs"], ["docs", "--check"]]
