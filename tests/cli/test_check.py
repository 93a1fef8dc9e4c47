"""Limits on costs: amounts as people write them, ``fxviz check``, and the helpers for tests."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import sympy
from build import Builder, encoder
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from fxviz import Facts, Flops, InputError, Memory
from fxviz.cli import main
from fxviz.integrations.testing import assert_graph_unchanged, assert_within
from fxviz.output.limits import Finding, Limits
from fxviz.text.quantity import format_quantity, parse_quantity

if TYPE_CHECKING:
    from pathlib import Path

GRAPH = encoder(2)
FACTS = Facts(GRAPH)
FLOPS = FACTS[Flops()].total
PEAK = FACTS[Memory()].peak


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["check", *words])


# Amounts --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("5G", "FLOPs", 5 * 1000**3),
        ("5 GFLOPs", "FLOPs", 5 * 1000**3),
        ("25.6M", "", 25_600_000),
        ("1_000", "", 1000),
        ("1,000", "", 1000),
        ("2.5e9", "", 2_500_000_000),
        ("0.1k", "", 100),
        ("8GiB", "B", 8 * 1024**3),
        ("8GB", "B", 8 * 1000**3),
        ("8Gi", "B", 8 * 1024**3),
        ("1.5 KiB", "B", 1536),
        ("12", "B", 12),
    ],
)
def test_amounts_are_read_as_people_write_them(text: str, unit: str, amount: int) -> None:
    assert parse_quantity(text, unit) == amount


@pytest.mark.parametrize(
    "text", ["", "G", "5Q", "-1G", "5GB", "5 5", "5m", "5iB", "nan", "1e", "五", "5G\n6", "5;", "0x5"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="cannot read the amount"):
        parse_quantity(text, "FLOPs")


@pytest.mark.parametrize("text", ["1e400", "1e300Z", "1e999999999999"])
def test_amounts_are_finite(text: str) -> None:
    with pytest.raises(InputError, match="is too large"):
        parse_quantity(text)


@given(st.integers(0, 10**20), st.sampled_from(["", "B", "FLOPs"]))
def test_what_is_written_can_be_read(amount: int, unit: str) -> None:
    assert parse_quantity(format_quantity(amount, unit), unit) == pytest.approx(amount, rel=0.006)


# Limits ---------------------------------------------------------------------------------------------------------------


def test_a_limit_may_be_reached_and_not_passed() -> None:
    assert [finding.kept for finding in Limits(max_flops=FLOPS, max_peak=PEAK).check(FACTS)] == [True, True]
    assert [finding.kept for finding in Limits(max_flops=FLOPS - 1, max_peak=PEAK).check(FACTS)] == [False, True]


def test_amounts_that_read_alike_are_written_out() -> None:
    close = Finding("FLOPs", "FLOPs", 5_000_001, 5_000_000, {})
    assert not close.kept
    assert str(close) == "FAIL FLOPs: 5,000,001 FLOPs of 5,000,000 FLOPs (100 %)"


def unknown() -> Facts:
    build = Builder("net")
    return Facts(build.graph(build.op("made_up", build.input("x", 1, 8))))


def test_what_was_not_counted_does_not_pass() -> None:
    (finding,) = Limits(max_flops="5G").check(unknown())
    assert not finding.kept
    assert "not counted: aten.made_up" in str(finding)
    (allowed,) = Limits(max_flops="5G", allow_unknown=True).check(unknown())
    assert allowed.kept
    assert "not counted: aten.made_up" in str(allowed)


def test_symbols_need_sizes() -> None:
    symbolic = encoder(1, batch=sympy.Symbol("B", integer=True, positive=True))
    with pytest.raises(InputError, match="give sizes for B"):
        Limits(max_flops="5G").check(Facts(symbolic))
    assert Limits(max_params="5G").check(Facts(symbolic))[0].kept  # no symbol in it


@pytest.mark.parametrize(
    ("change", "most"),
    [("+5%", 1.05), ("+0%", 1), ("-10 %", 0.9), ("+12.5%", 1.125)],
)
def test_a_change_is_of_another_model(change: str, most: float) -> None:
    """The second layer doubles what the blocks cost, so any change below +100 % is exceeded."""
    (finding,) = Limits(max_flops=change).check(Facts(encoder(1)), FACTS)
    assert finding.limit == pytest.approx(FLOPS * most, abs=1)
    assert finding.kept
    (finding,) = Limits(max_flops=change).check(FACTS, Facts(encoder(1)))
    assert not finding.kept
    assert str(finding).endswith(f" at most {change.rstrip('%').strip()} %")


def test_no_change_at_all_is_within_no_change() -> None:
    findings = Limits(max_flops="+0%", max_params="+0%", max_peak="+0%").check(FACTS, Facts(encoder(2)))
    assert all(finding.kept for finding in findings)
    assert "+0 % against" in str(findings[0])


def test_a_change_needs_something_known_to_compare_with() -> None:
    limits = Limits(max_flops="+5%")
    assert limits.relative
    assert not Limits(max_flops="5G").relative
    with pytest.raises(InputError, match="name the model or the revision"):
        limits.check(FACTS)
    with pytest.raises(InputError, match="nothing to compare with"):
        limits.check(FACTS, unknown())


@pytest.mark.parametrize(
    "limits",
    [{}, {"max_flops": "5%"}, {"max_flops": "+5"}, {"max_flops": 1.5}, {"max_params": True}, {"allow_unknown": True}],
)
def test_limits_are_amounts(limits: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Limits(**limits)  # type: ignore[arg-type]


# The command ----------------------------------------------------------------------------------------------------------


def test_each_limit_is_a_line(tmp_path: Path) -> None:
    GRAPH.save(path := tmp_path / "net.json")
    kept = run(str(path), "--max-flops", "5G", "--max-params", "1k", "--max-peak", "1MiB")
    assert kept.exit_code == 0, kept.output
    assert [line[:4] for line in kept.output.splitlines()] == ["ok  "] * 3
    broken = run(str(path), "--max-flops", "5", "--max-params", "1k")
    assert broken.exit_code == 1
    assert [line[:4] for line in broken.output.splitlines()] == ["FAIL", "ok  "]


@pytest.mark.parametrize(
    "words", [("NET",), ("NET", "--max-flops", "5Q"), ("missing.json", "--max-flops", "5"), ("--max-flops", "5")]
)
def test_trouble_is_no_answer(words: tuple[str, ...], tmp_path: Path) -> None:
    GRAPH.save(path := tmp_path / "net.json")
    result = run(*(str(path) if word == "NET" else word for word in words))
    assert result.exit_code == 2
    assert result.stderr.startswith("fxviz: ")
    assert result.stderr.count("\n") == 1


def revisions(folder: Path) -> None:
    """A repository whose first commit has one layer, and its working tree two."""
    git = ("git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    encoder(1).save(folder / "net.json")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one layer"], check=True)
    GRAPH.save(folder / "net.json")


def test_a_change_against_a_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    revisions(tmp_path)
    monkeypatch.chdir(tmp_path)
    grown = run("net.json", "--max-params", "+5%", "--max-flops", "1T", "--against", "main")
    assert grown.exit_code == 1, grown.output
    assert [line[:4] for line in grown.output.splitlines()] == ["ok  ", "FAIL"]
    assert run("net.json", "--max-params", "+500%", "--against", "net.json@HEAD").exit_code == 0
    assert run("net.json@main", "--max-params", "+0%", "--against", "main").exit_code == 2  # a revision of a revision
    assert run("net.json@main", "--max-params", "+0%", "--against", "net.json@main").exit_code == 0
    project(tmp_path, '[[tool.fxviz.check]]\nmodel = "net.json"\nmax-params = "+5%"\nagainst = "main"')
    assert run().exit_code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("net.json", "--max-flops", "+5%"), "say what it is against"),
        (("net.json", "--max-flops", "5G", "--against", "main"), "no limit is a change"),
        (("net.json", "--max-flops", "+5", "--against", "main"), "cannot read the amount '+5'"),
        (("torch.nn:ReLU", "--max-flops", "+5%", "--against", "main"), "is not a file under git"),
        (("net.json", "--max-flops", "+5%", "--against", "nowhere"), "no revision 'nowhere'"),
    ],
)
def test_a_change_that_cannot_be_checked(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revisions(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert said in result.output


def test_a_difference_within_limits(tmp_path: Path) -> None:
    one, two = str(tmp_path / "one.json"), str(tmp_path / "two.json")
    encoder(1).save(one)
    GRAPH.save(two)
    within = CliRunner().invoke(main, ["diff", one, two, "--max-params", "+500%", "--max-peak", "1GiB"])
    assert within.exit_code == 0, within.output  # though something differs
    assert [line[:4] for line in within.output.splitlines()[-2:]] == ["ok  ", "ok  "]
    exceeded = CliRunner().invoke(main, ["diff", one, two, "--max-params", "+5%"])
    assert exceeded.exit_code == 1
    assert exceeded.output.splitlines()[-1].startswith(f"FAIL {two}: parameters")
    wrong = CliRunner().invoke(main, ["diff", one, two, "--max-params", "five"])
    assert (wrong.exit_code, wrong.output.count("\n")) == (2, 1)


def project(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_a_project_lists_its_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    GRAPH.save(tmp_path / "net.json")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    entry = '[[tool.fxviz.check]]\nmodel = "net.json"\n'
    project(tmp_path, f'{entry}max-flops = "5G"\n{entry}max-peak = 1\n')
    result = run()
    assert result.exit_code == 1, result.output
    assert [line[:4] for line in result.output.splitlines()] == ["ok  ", "FAIL"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[tool.fxviz]\ncheck = 1",
        "tool = 1",
        "[tool]\nfxviz = 1",
        "not toml",
        '[[tool.fxviz.check]]\nmax-flops = "5G"',
        '[[tool.fxviz.check]]\nmodel = "net.json"\nmax-flop = "5G"',
        '[[tool.fxviz.check]]\nmodel = "net.json"',
        "[[tool.fxviz.check]]\nmodel = 1\nmax-flops = 1",
        '[[tool.fxviz.check]]\nmodel = "net.json"\nmax-flops = 1.5',
        '[[tool.fxviz.check]]\nmodel = "net.json"\nmax-flops = 1\ninputs = "1,2"',
        '[[tool.fxviz.check]]\nmodel = "net.json"\nmax-flops = 1\nmode = "fast"',
        '[[tool.fxviz.check]]\nmodel = "net.json"\nmax-flops = 1\nallow-unknown = "yes"',
    ],
)
def test_a_broken_project_file_is_trouble(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    project(tmp_path, text)
    result = run()
    assert result.exit_code == 2
    assert result.stderr.startswith("fxviz: ")
    assert "pyproject.toml" in result.stderr


# For tests ------------------------------------------------------------------------------------------------------------


def test_an_unchanged_graph_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.json"
    monkeypatch.delenv("FXVIZ_UPDATE", raising=False)
    with pytest.raises(AssertionError, match="set FXVIZ_UPDATE=1 to write it"):
        assert_graph_unchanged(GRAPH, path)
    assert not path.exists()
    assert_graph_unchanged(GRAPH, path, update=True)
    written = path.read_bytes()
    assert_graph_unchanged(encoder(2), path)
    assert_graph_unchanged(Facts(GRAPH), path, update=True)
    assert path.read_bytes() == written


def test_a_changed_graph_fails_with_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.json"
    GRAPH.save(path)
    monkeypatch.delenv("FXVIZ_UPDATE", raising=False)
    with pytest.raises(AssertionError, match=r"\+ layers\.2: Block"):
        assert_graph_unchanged(encoder(3), path)
    monkeypatch.setenv("FXVIZ_UPDATE", "1")
    assert_graph_unchanged(encoder(3), path)
    monkeypatch.delenv("FXVIZ_UPDATE")
    assert_graph_unchanged(encoder(3), path)


def test_models_are_traced(tmp_path: Path) -> None:
    import torch

    net = torch.nn.Linear(8, 2)
    path = tmp_path / "net.json"
    assert_graph_unchanged(net, path, (torch.empty(1, 8),), update=True)
    assert_graph_unchanged(net, path, kwargs={"input": torch.empty(1, 8)}, update=False)
    with pytest.raises(AssertionError, match="input"):
        assert_graph_unchanged(net, path, (torch.empty(2, 8),), update=False)


def test_costs_stay_within_limits() -> None:
    assert_within(GRAPH, max_flops=FLOPS)
    with pytest.raises(AssertionError, match="FAIL FLOPs"):
        assert_within(GRAPH, max_flops=FLOPS - 1, max_params="1M")
    with pytest.raises(AssertionError, match="made_up"):
        assert_within(unknown(), max_flops="5G")
