"""`fxviz diff` on models that nobody here wrote, from zoos, files and revisions of git."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

import fxviz
from fxviz import models
from fxviz.cli import main
from fxviz.models.revisions import parse_revision

if TYPE_CHECKING:
    from pathlib import Path


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["diff", *words])


def lines(result: Result) -> list[str]:
    """The changes: what stands between the headline and the totals."""
    return result.stdout.split("\n\n")[1].splitlines()


def test_a_wider_resnet_has_resized_convolutions() -> None:
    found = fxviz.diff(models.trace("torchvision:resnet50"), models.trace("torchvision:resnext50_32x4d"))
    counts = {status.name: count for status, count in found.counts.items() if count}
    # In each of 16 bottlenecks the middle is wider: conv1, bn1, relu, conv2, bn2, relu, and conv3, which reads it.
    assert counts == {"CHANGED": 16 * 7, "KEPT": 175 - 16 * 7}
    parameters = next(delta for delta in found.totals if delta.label == "parameters")
    assert (parameters.before, parameters.after) == (25_557_032, 25_028_904)  # as torchvision publishes them
    # The first bottleneck's 3×3 convolution: 64·64·9 weights, then 128 channels in 32 groups of 4 by 4.
    conv = next(pair for pair in found.nodes if pair.before and pair.before.name == "conv2d_2")
    assert "groups 1 → 32" in [str(detail) for detail in conv.details]
    costs = {cost.label: cost.at(conv).change for cost in found.costs}
    assert costs["parameters"] == 128 * 4 * 9 - 64 * 64 * 9


def test_a_deeper_resnet_has_more_blocks() -> None:
    result = run("torchvision:resnet18", "torchvision:resnet34")
    assert result.exit_code == 1
    assert [line.partition(" · ")[0] for line in lines(result)] == [
        "+ layer1.2: BasicBlock",
        "+ layer2.2–3: BasicBlock × 2",
        "+ layer3.2–5: BasicBlock × 4",
        "+ layer4.2: BasicBlock",
    ]


def test_another_patch_size_is_another_length() -> None:
    result = run("torchvision:vit_b_16", "torchvision:vit_b_32")
    # 224/16 squared and 224/32 squared patches, and a class token.
    assert any("sizes 197 → 50" in line for line in lines(result))
    assert any("kernel_size" in line or "weight 768×3×16×16 → 768×3×32×32" in line for line in lines(result))


def test_a_model_in_another_dtype_is_one_line(tmp_path: Path) -> None:
    fxviz.models.trace("torchvision:resnet18").save(tmp_path / "a.json")
    fxviz.models.trace("torchvision:resnet18", dtype="bfloat16").save(tmp_path / "b.json")
    result = run(str(tmp_path / "a.json"), str(tmp_path / "b.json"))
    changed = [line for line in lines(result) if "operations" in line]
    assert len(changed) == 1
    assert "float32 → bfloat16" in changed[0]


def test_a_model_equals_what_was_saved_of_it(tmp_path: Path) -> None:
    models.trace("torchvision:vit_b_16").save(path := tmp_path / "vit.json")
    result = run("torchvision:vit_b_16", str(path))
    assert result.exit_code == 0
    assert result.stdout.count("\n") == 1
    assert "no difference" in result.stdout


def test_reports_and_pictures_go_to_files(tmp_path: Path) -> None:
    outputs = {name: tmp_path / f"diff.{name}" for name in ("md", "txt", "json", "mmd", "dot")}
    result = run(
        "torchvision:resnet18", "torchvision:resnet34", *(w for path in outputs.values() for w in ("-o", str(path)))
    )
    assert result.exit_code == 1
    assert not result.stdout
    assert "| parameters | 11.7 M | 21.8 M |" in outputs["md"].read_text()
    content = json.loads(outputs["json"].read_text())
    assert content["costs"]["parameters"] == {"before": 11689512, "after": 21797672, "change": 10108160}
    assert ":::added" in outputs["mmd"].read_text()
    assert "layer3.2" in outputs["dot"].read_text() or "2–5: BasicBlock" in outputs["dot"].read_text()


@pytest.mark.parametrize(
    "words",
    [
        ("torchvision:resnet17", "torchvision:resnet18"),
        ("missing.json", "missing.json"),
        ("torchvision:resnet18", "torchvision:resnet34", "-o", "x.nothing"),
        ("torchvision:resnet18", "torchvision:resnet34", "-o", "-"),
        ("torchvision:resnet18", "torchvision:resnet34", "-o", "no/such/folder.md"),
        ("torchvision:resnet18",),
    ],
)
def test_trouble_is_no_answer(words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith("fxviz: ")
    assert result.stderr.count("\n") == 1


# Revisions ------------------------------------------------------------------------------------------------------------

NET = "from torch import nn\nfrom fxviz_test_layers import WIDTH\n\n\ndef net():\n    return nn.Linear(8, WIDTH)\n"


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file and its sibling, committed; then the sibling changed."""
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "--quiet")
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "fxviz_test_layers.py").write_text("WIDTH = 2\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    (tmp_path / "fxviz_test_layers.py").write_text("WIDTH = 4\n")
    return tmp_path


def test_a_revision_comes_with_its_siblings(repository: Path) -> None:
    result = run("net.py@HEAD:net", "net.py:net", "-i", "1,8")
    assert result.exit_code == 1, result.output
    assert any("weight 2×8 → 4×8" in line for line in lines(result))
    assert (
        "M fxviz_test_layers.py"
        in subprocess.run(
            ["git", "status", "--short"], cwd=repository, capture_output=True, text=True, check=True
        ).stdout
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("net.py@nowhere:net", "no revision 'nowhere'"),
        ("gone.py@HEAD:net", "no file gone.py"),
        ("net.py@HEAD:nett", "at HEAD"),
        ("net.py@--help:net", "no revision '--help'"),
    ],
)
def test_what_git_does_not_have_is_said(name: str, words: str, repository: Path) -> None:
    result = run(name, "net.py:net", "-i", "1,8")
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


def test_outside_of_git_there_are_no_revisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "net.py").write_text(NET)
    result = run("net.py@HEAD:net", "net.py:net")
    assert result.exit_code == 2
    assert "git rev-parse failed" in result.stderr


def test_names_with_revisions() -> None:
    assert parse_revision("net.py:Net") is None
    assert parse_revision("torchvision:resnet18") is None
    found = parse_revision("a/net.py@feature/x@{1}:Net")
    assert found is not None
    assert (str(found.path), found.revision, found.attribute) == ("a/net.py", "feature/x@{1}", "Net")
    saved = parse_revision("golden/net.json@v1.0")
    assert saved is not None
    assert (str(saved.path), saved.revision, saved.attribute) == ("golden/net.json", "v1.0", None)


def test_inputs_are_for_the_model_beside_a_saved_graph(tmp_path: Path) -> None:
    fxviz.models.trace("torch.nn.functional:relu", ["2,3"]).save(tmp_path / "golden.json")
    same, other = (
        CliRunner().invoke(main, ["diff", str(tmp_path / "golden.json"), "torch.nn.functional:relu", "-i", shape])
        for shape in ("2,3", "4,3")
    )
    assert (same.exit_code, other.exit_code) == (0, 1)
