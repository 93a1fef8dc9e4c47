"""Plugins as an installed package offers them: tests/plugin is built and installed into a folder of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import torch
from build import Builder
from click.testing import CliRunner

from fxviz import Box, Facts, Flops, InputError, MissingDependency, PluginError, View, models, plugins, render
from fxviz.analysis.registry import find_analysis
from fxviz.cli import main
from fxviz.exporters.base import find_exporter
from fxviz.exporters.json import Json

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the plugin, from its own pyproject.toml and without a network."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run(
        [*command, str(target), str(PLUGIN)],
        check=True,
        env={"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PATH": "/usr/bin:/bin"},
    )
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(site))
    yield
    for name in [name for name in sys.modules if name.startswith("fxviz_example")]:
        del sys.modules[name]


def distribution(folder: Path, name: str, entry_points: str) -> None:
    """The metadata that an installed package leaves behind."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


def find_parameters(name: str) -> list[torch.nn.Parameter]:
    model = models.build(name).model
    assert isinstance(model, torch.nn.Module)
    return list(model.parameters())


def small_view() -> View:
    build = Builder("small")
    x = build.input("x", 2, 4)
    with build.module("block", "Block"):
        x = build.op("tanh", build.op("relu", x))
    return View.of(build.graph(x))


def test_our_own_parts_take_the_same_path() -> None:
    assert {"flops", "memory", "parameters", "shapes"} <= set(plugins.plugin_names("fxviz.analyses"))
    assert find_analysis("flops") is Flops
    assert find_exporter("model.mmd") is find_exporter("mermaid") is find_exporter(".MMD")


def test_every_plugin_of_ours_loads() -> None:
    for group in get_args(plugins.Group):
        for name, plugin in plugins.load_all(group):
            assert plugin is not None, name


def test_without_the_plugin_its_names_are_unknown() -> None:
    with pytest.raises(InputError, match="unknown format 'example-outline'"):
        find_exporter("example-outline")


@pytest.mark.usefixtures("installed")
class TestInstalled:
    def test_names_are_listed_without_importing(self) -> None:
        assert "example-fanout" in plugins.plugin_names("fxviz.analyses")
        assert "fxviz_example" not in sys.modules

    def test_the_analysis_runs(self) -> None:
        view = small_view()
        fanout = Facts(view.graph)[find_analysis("example-fanout")()]
        assert fanout.label == "readers"
        assert fanout.total == 1  # tanh reads relu's result; its own is returned, and read by no operation

    def test_the_exporter_is_found_by_name_and_suffix_and_takes_options(self) -> None:
        view = small_view()
        [block] = [item for item in view.root.items if isinstance(item, Box)]
        assert render(view, "example-outline") == f"- {view.title(block)}\n"
        assert render(view, ".outline", bullet="*") == f"* {view.title(block)}\n"
        with pytest.raises(InputError, match="has no option 'bulet'; did you mean bullet"):
            render(view, "outline", bulet="*")

    def test_the_rule_counts(self) -> None:
        build = Builder("custom")
        x = build.input("x", 3, 5)
        graph = build.graph(build.op("cube", x, kernel="fxviz_example.cube.default"))
        assert Facts(graph)[Flops()].total == 2 * 15  # two multiplications for each of 3·5 elements
        assert not Facts(graph)[Flops()].unknown

    def test_the_zoo_builds(self) -> None:
        graph = models.trace("example:3")
        assert [node.op for node in graph.nodes] == ["linear"] * 3
        assert {parameter.device.type for parameter in find_parameters("example:3")} == {"meta"}
        with pytest.raises(InputError, match="example has no model '4'; known are 1, 2, 3"):
            models.trace("example:4")

    def test_the_zoo_is_named_where_zoos_are_listed(self) -> None:
        with pytest.raises(InputError, match="write example:NAME, timm:NAME"):
            models.trace("nothing")

    def test_the_command_runs_and_is_listed(self) -> None:
        assert CliRunner().invoke(main, ["example-count", "example:2"]).output == "2\n"
        assert CliRunner().invoke(main, ["example-count", "example:2", "--double"]).output == "4\n"
        assert "example-count  Print the number of operations of the model." in CliRunner().invoke(main, []).output


def test_without_the_plugin_its_zoo_and_its_command_are_unknown() -> None:
    with pytest.raises(InputError, match="example cannot be imported"):
        models.trace("example:3")
    assert "No such command 'example-count'" in CliRunner().invoke(main, ["example-count"]).output


def test_without_the_plugin_its_operator_is_unknown() -> None:
    build = Builder("custom")
    x = build.input("x", 3, 5)
    graph = build.graph(build.op("cube", x, kernel="fxviz_example.cube.default"))
    assert list(Facts(graph)[Flops()].unknown.values()) == [1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_two_distributions_under_one_name(folder: Path) -> None:
    distribution(folder, "maker-one", "[fxviz.exporters]\nsketch = fxviz.exporters.json:Json\n")
    distribution(folder, "maker-two", "[fxviz.exporters]\nsketch = fxviz.exporters.table:Csv\n")
    assert "sketch" in plugins.plugin_names("fxviz.exporters")
    with pytest.raises(PluginError, match=r"'sketch' is claimed by maker-one .* and maker-two"):
        find_exporter("sketch")


def test_a_distribution_found_twice_is_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("a", "b"):
        distribution(folder / part, "maker", "[fxviz.exporters]\nsketch = fxviz.exporters.json:Json\n")
        monkeypatch.syspath_prepend(str(folder / part))
    assert find_exporter("sketch") is Json


def test_a_plugin_that_needs_what_is_not_installed(folder: Path) -> None:
    (folder / "needy.py").write_text("import fxviz_no_such_package.part\n")
    distribution(folder, "needy", "[fxviz.exporters]\nneedy = needy:Exporter\nneedier = needy:Exporter [fast]\n")
    with pytest.raises(
        MissingDependency, match=r"needs the package 'fxviz_no_such_package'.*pip install fxviz_no_such"
    ):
        find_exporter("needy")
    with pytest.raises(MissingDependency, match=r"pip install 'needy\[fast\]'"):
        find_exporter("needier")


@pytest.mark.parametrize(
    ("code", "reference", "words"),
    [
        ("1/0", "broken:Exporter", "ZeroDivisionError"),
        ("raise SystemExit(0)", "broken:Exporter", "SystemExit: 0"),
        ("", "broken:Exporter", "AttributeError"),
        ("", "broken_not_there:Exporter", "No module named 'broken_not_there'"),
    ],
)
def test_a_plugin_that_cannot_be_loaded(folder: Path, code: str, reference: str, words: str) -> None:
    (folder / "broken.py").write_text(code)
    distribution(folder, "maker", f"[fxviz.exporters]\nbroken = {reference}\n")
    try:
        with pytest.raises(PluginError, match=rf"the format 'broken' of maker cannot be loaded: .*{words}"):
            find_exporter("broken")
    finally:
        sys.modules.pop("broken", None)


def test_an_unknown_name_is_answered_with_close_ones() -> None:
    with pytest.raises(InputError, match="unknown format 'mermiad'; did you mean mermaid"):
        find_exporter("mermiad")
    with pytest.raises(InputError, match=r"unknown format 'docx'.* known are .*svg"):
        find_exporter("model.docx")
    with pytest.raises(InputError, match="unknown analysis 'flop'; did you mean flops"):
        find_analysis("flop")


@pytest.mark.parametrize(
    ("code", "words"), [("import fxviz_no_such_package", "pip install"), ("run = 1", "expected a click.Command")]
)
def test_a_command_that_cannot_be_loaded_leaves_the_others(folder: Path, code: str, words: str) -> None:
    (folder / "fxviz_broken_command.py").write_text(code)
    distribution(folder, "maker", "[fxviz.commands]\nbroken = fxviz_broken_command:run\n")
    try:
        listed = CliRunner().invoke(main, [])
        assert (listed.exit_code, "summary" in listed.output) == (0, True)
        assert re.search(r"^  broken +Not available", listed.output, re.MULTILINE)
        ran = CliRunner().invoke(main, ["broken", "model", "--option"])
        assert (ran.exit_code, ran.output.count("\n")) == (1, 1)
        assert words in ran.output
    finally:
        sys.modules.pop("fxviz_broken_command", None)
