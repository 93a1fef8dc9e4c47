"""The options of the command line that decide what is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from build import Builder
from click.testing import CliRunner

from fxviz.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def saved(tmp_path: Path) -> str:
    build = Builder("net")
    x = build.op("relu", build.input("x", 1, 4), line=1)
    x = build.op("linear", x, build.parameter("weight", 4, 4), line=2)
    x = build.op("neg", build.op("mul", x, line=3, function="turn"), line=4, function="turn")
    path = tmp_path / "net.json"
    build.graph(x).save(path)
    return str(path)


def written(saved: str, *options: str) -> str:
    done = CliRunner().invoke(main, ["export", saved, "-o", "-", *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_direction_is_that_of_every_picture(saved: str) -> None:
    assert "rankdir=TB" in written(saved, "--format", "dot")
    assert "rankdir=LR" in written(saved, "--format", "dot", "--direction", "LR")
    assert "flowchart LR" in written(saved, "--format", "mermaid", "--direction", "LR")
    refused = CliRunner().invoke(main, ["export", saved, "-o", "-", "--format", "json", "--direction", "LR"])
    assert refused.exit_code != 0
    assert "--direction is not an option of json" in refused.output


def test_groups_ends_and_weights(saved: str) -> None:
    assert "turn#40;#41;" in written(saved, "--format", "mermaid")
    assert "turn" not in written(saved, "--format", "mermaid", "--no-group")
    assert ":::input" in written(saved, "--format", "mermaid")
    assert ":::input" not in written(saved, "--format", "mermaid", "--no-ends")
    assert ":::weight" in written(saved, "--format", "mermaid", "--weights")


def test_colours_by_a_category_and_by_what_is_none(saved: str) -> None:
    assert ":::category0" in written(saved, "--format", "mermaid", "--color", "dtype")
    refused = CliRunner().invoke(main, ["export", saved, "-o", "-", "--format", "dot", "--color", "dtpye"])
    assert refused.exit_code != 0
    assert "nothing to colour by is called 'dtpye'; did you mean dtype" in refused.output


def test_json_is_the_graph_whatever_is_shown(saved: str) -> None:
    assert len(json.loads(written(saved, "--format", "json", "--weights"))["nodes"]) == 4
