"""The files for a public repository agree with the package: versions, floors, workflows, citation."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fxviz.tracing.versions import OLDEST

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

pytestmark = pytest.mark.skipif(not GITHUB.is_dir(), reason="the source archive has no workflows")


def read(name: str) -> dict[Any, Any]:
    return yaml.safe_load((GITHUB / name).read_text(encoding="utf-8"))


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f".ci/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands(workflow: dict[Any, Any]) -> str:
    steps = [step for job in workflow["jobs"].values() for step in job.get("steps", ())]
    return "\n".join(step["run"] for step in steps if "run" in step)


def test_every_file_is_yaml() -> None:
    files = sorted(GITHUB.rglob("*.yml"))
    assert len(files) >= 7
    for path in files:
        assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict), path


def test_the_pythons_that_are_declared_are_those_of_the_matrix() -> None:
    matrix = read("workflows/tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    declared = [found[1] for line in PROJECT["classifiers"] if (found := re.fullmatch(r".*Python :: (3\.\d+)", line))]
    assert matrix["python"] == declared
    assert PROJECT["requires-python"] == f">={declared[0]}"
    assert matrix["torch"] == ["floor", "newest"]


def test_the_floor_of_torch_is_one() -> None:
    floor = script("floor").floor()
    assert tuple(map(int, floor.split("."))) == OLDEST
    assert (ROOT / "docs/compatibility.md").read_text(encoding="utf-8").count(f"torch {floor}") >= 1


@pytest.mark.parametrize("name", ["tests", "docs", "release"])
def test_workflows_run_what_is_there(name: str) -> None:
    workflow = read(f"workflows/{name}.yml")
    for path in re.findall(r"\.ci/\w+\.py", commands(workflow)):
        assert (ROOT / path).exists(), path
    for extra in re.findall(r"\.\[([\w,]+)\]", commands(workflow)):
        assert set(extra.split(",")) <= set(PROJECT["optional-dependencies"])
    assert workflow["permissions"] == {"contents": "read"}, "more only for the job that needs it"


def test_a_release_needs_no_password() -> None:
    publish = read("workflows/release.yml")["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert set(publish["needs"]) == {"tests", "build"}
    assert "secrets." not in (GITHUB / "workflows/release.yml").read_text(encoding="utf-8")


def test_a_release_is_checked(tmp_path: Path) -> None:
    problems = script("release").problems
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "CITATION.cff").write_text("title: x\nversion: 1.2.0\nlicense: y\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.0] - 2026-12-01\n")
    assert list(problems("v1.2.0", tmp_path)) == []
    assert len(list(problems("v1.2.1", tmp_path))) == 1
    (tmp_path / "CITATION.cff").write_text("title: x\nversion: 1.1.0\nlicense: y\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.0] - Unreleased\n")
    assert len(list(problems("v1.2.0", tmp_path))) == 2


def test_the_changelog_and_the_citation_have_this_version() -> None:
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert citation["repository-code"] == PROJECT["urls"]["Source"]


def test_every_template_asks_for_something() -> None:
    for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml"):
        if path.stem != "config":
            form = yaml.safe_load(path.read_text(encoding="utf-8"))
            assert {"name", "description", "body"} <= form.keys(), path
            assert len({item["id"] for item in form["body"]}) == len(form["body"])
