"""The README as a stranger meets it: its diagrams are what its commands make, and CI runs what it tells to run."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from fxviz.cli import main

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
MERMAID = re.compile(r"```shell\n(fxviz export [^\n]+)\n```\n\n```mermaid\n(.*?)```\n", re.DOTALL)
PICTURE = re.compile(r"```shell\n(fxviz export .+ -o (docs/images/\S+\.svg))\n```")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """``make(command)``: the text of the file that a command of the README writes."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, value in (("HF_HUB_OFFLINE", "1"), ("TRANSFORMERS_VERBOSITY", "error")):
        monkeypatch.setenv(name, os.environ.get(name, value))

    def run(command: str) -> str:
        *words, output = shlex.split(command)[1:]
        written = tmp_path / Path(output).name
        result = CliRunner().invoke(main, [*words, str(written)])
        assert result.exit_code == 0, result.output
        return written.read_text(encoding="utf-8")

    return run


def test_the_mermaid_diagram_is_what_its_command_makes(make, request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    command, shown = MERMAID.search(text).groups()
    made = make(command)
    if request.config.getoption("--golden-update"):
        README.write_text(text.replace(f"```mermaid\n{shown}```", f"```mermaid\n{made}```"), encoding="utf-8")
    else:
        assert shown == made, "README.md shows another diagram; if that is meant, run pytest --golden-update"


def texts(svg: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_picture_says_what_its_command_makes(make, request: pytest.FixtureRequest) -> None:
    """Compared by its words, since another Graphviz puts the same boxes elsewhere."""
    command, name = PICTURE.search(README.read_text(encoding="utf-8")).groups()
    made = make(command)
    if request.config.getoption("--golden-update"):
        (ROOT / name).write_text(made, encoding="utf-8")
    else:
        shown = (ROOT / name).read_text(encoding="utf-8")
        assert sorted(texts(shown)) == sorted(texts(made)), (
            f"{name} is old; if that is meant, run pytest --golden-update"
        )


def test_ci_runs_the_commands_of_the_readme() -> None:
    (command,) = re.findall(r"```shell\n(pip install -e .+)\n```", README.read_text(encoding="utf-8"))
    install, *rest = command.split(" && ")
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert [step for step in ci if step.removeprefix("step ") in rest] == [f"step {step}" for step in rest]
    assert ci[-1] == "step pytest"
    assert any(step.replace(" -q", "").replace(",docs", "") == f"step {install}" for step in ci)


def test_links_lead_somewhere() -> None:
    for page in (README, ROOT / "CONTRIBUTING.md"):
        targets = re.findall(r'\]\(([^)#]+)\)|src="([^"]+)"', page.read_text(encoding="utf-8"))
        paths = [path for pair in targets for path in pair if path and not path.startswith("https://")]
        assert paths
        assert not [path for path in paths if not (page.parent / path).exists()]
