"""The README as a stranger meets it: its picture is what its command makes, and CI runs what it tells to run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PICTURE = re.compile(r"```bash\n(fxviz export [^\n]+\.svg)\n```\n\n<img src=\"([^\"]+)\"")


def texts(svg: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_picture_says_what_its_command_makes(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Compared by its words, since another Graphviz puts the same boxes elsewhere."""
    command, name = PICTURE.search(README.read_text(encoding="utf-8")).groups()
    program, *words = shlex.split(command)
    subprocess.run([sys.executable, "-m", program, *words], cwd=tmp_path, check=True)
    (made,) = (path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    if request.config.getoption("--golden-update"):
        (ROOT / name).write_text(made, encoding="utf-8")
    shown = (ROOT / name).read_text(encoding="utf-8")
    assert sorted(texts(shown)) == sorted(texts(made)), f"{name} is old; if that is meant, run pytest --golden-update"


def test_ci_runs_the_commands_of_the_readme() -> None:
    (command,) = re.findall(r"```bash\n(pip install -e .+)\n```", README.read_text(encoding="utf-8"))
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
