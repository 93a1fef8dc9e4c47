"""The command line: what it prints and writes, and how every failure ends in one line and an exit code."""

import csv
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import fxviz
from fxviz import models
from fxviz.cli import main
from fxviz.command.training import LOSSES
from fxviz.text.quantity import format_quantity

FILE = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)
    def forward(self, x):
        return x + self.linear(x).relu()

def net():
    return nn.Sequential(nn.Linear(4, 8), *[Block() for _ in range(3)], nn.Linear(8, 2))

def empty():
    return nn.Sequential()

class Raises(nn.Module):
    def forward(self, x):
        raise KeyError("the model says no\\nover two lines")

class Slow(nn.Module):
    def forward(self, x):
        import time
        print("running", flush=True)
        time.sleep(60)
        return x

class Nasty(nn.Module):
    def __init__(self):
        super().__init__()
        names = ['q"uote', "<b>&", "pi|pe", "new\\nline", "日本", "{x} -> y", "back\\\\slash", "\\x1b[31m", "%s", "`tick`"]
        for name in names:
            self.add_module(name, Block())
    def forward(self, x):
        for block in self.children():
            x = block(x)
        return x
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "net.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    path, environment = list(sys.path), dict(os.environ)
    try:
        return CliRunner().invoke(main, arguments)
    finally:  # what a process may keep, a test must not
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environment)


def fails(*arguments: str, code: int = 1) -> str:
    """The one line that a failure prints, on stderr and nowhere else."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("fxviz: ")
    return lines[0]


# What works -----------------------------------------------------------------------------------------------------------


def test_summary_prints_a_table_and_the_totals(folder: Path) -> None:
    result = run("summary", "net.py:net", "-i", "2,4")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert "\x1b" not in result.stdout  # no terminal here
    assert "Block × 3" in result.stdout
    parameters = (4 * 8 + 8) + 3 * (8 * 8 + 8) + (8 * 2 + 2)
    assert f"Parameters   {parameters} (" in result.stdout
    assert "Not counted  nothing" in result.stdout


def test_summary_options(folder: Path) -> None:
    closed = run("summary", "net.py:net", "-i", "2,4", "--depth", "0", "--no-fold", "--show", "flops").stdout
    assert closed.count("Block") == 3
    table = closed.split("Model  ")[0]
    assert "FLOPs" in table
    assert "Parameters" not in table
    symbolic = run("summary", "net.py:net", "-i", "B,4").stdout
    assert "B×8" in symbolic


def test_one_trace_many_files(folder: Path) -> None:
    suffixes = ["svg", "dot", "mmd", "onnx", "json", "md", "csv", "txt"]
    outputs = [argument for suffix in suffixes for argument in ("-o", f"m.{suffix}")]
    result = run("export", "net.py:net", "-i", "2,4", *outputs)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert result.stderr.splitlines() == [f"wrote m.{suffix}" for suffix in suffixes]
    assert {path.name for path in folder.glob("m.*")} == {f"m.{suffix}" for suffix in suffixes}
    again = run("export", "m.json", "-o", "again.dot", "-o", "again.json")
    assert again.exit_code == 0, again.stderr
    assert (folder / "again.dot").read_bytes() == (folder / "m.dot").read_bytes()
    assert (folder / "again.json").read_bytes() == (folder / "m.json").read_bytes()


def test_export_options_decide_what_a_picture_shows(folder: Path) -> None:
    def drawn(*options: str) -> str:
        result = run("export", "net.py:net", "-i", "2,4", "-o", "-", "--format", "dot", *options)
        assert result.exit_code == 0
        return result.stdout

    assert len(drawn("--max-boxes", "1")) < len(drawn())
    assert drawn("--depth", "0") == drawn("--depth", "0", "--max-boxes", "1000")
    assert "all copies together" in drawn("--color", "flops")
    assert "did you mean flops" in fails("export", "net.py:net", "-i", "2,4", "-o", "m.dot", "--color", "flosp")


@pytest.mark.parametrize(
    ("old", "new"), [(("--budget", "2"), ("--max-boxes", "2")), (("--on", "cuda"), ("--device", "cuda"))]
)
def test_an_old_name_of_an_option_works_and_is_not_shown(
    folder: Path, old: tuple[str, str], new: tuple[str, str]
) -> None:
    def drawn(*options: str) -> str:
        result = run("export", "net.py:net", "-i", "2,4", "-o", "-", "--format", "json", *options)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert drawn(*old) == drawn(*new) == drawn("=".join(old))
    help = run("export", "--help").stdout
    assert new[0] in help
    assert old[0] not in help


def test_the_operations_that_cost_most(folder: Path) -> None:
    """Of five linear layers the three of the blocks have most FLOPs: 2·(2·8·8) of products and 2·8 of sums each."""
    result = run("summary", "net.py:net", "-i", "2,4", "--top", "3")
    assert result.exit_code == 0, result.stderr
    flops = 2 * (2 * 8 * 8) + 2 * 8
    facts = fxviz.Facts(models.trace("net.py:net", ["2,4"]))
    share = 100 * flops / facts[fxviz.Flops()].total
    assert result.stdout.splitlines()[-4:] == [
        f"Top 3 of {len(facts.graph.nodes)} operations by FLOPs",
        *(f"  {number}.linear (linear)  {flops} FLOPs  {share:5.1f} %" for number in (1, 2, 3)),
    ]
    held = run("summary", "net.py:net", "-i", "2,4", "--top", "100", "--show", "parameters").stdout.splitlines()
    assert held[-6] == f"Top 5 of {len(facts.graph.nodes)} operations by parameters"  # the others have none
    assert "Invalid value for '--top'" in fails("summary", "m", "--top", "0", code=2)


def test_one_module_alone(folder: Path) -> None:
    alone = run("summary", "net.py:net", "-i", "2,4", "--focus", "2", "--alone").stdout
    assert "Block, 3 operations" in alone
    assert "Parameters   72 (" in alone  # 8·8 + 8
    drawn = run("export", "net.py:net", "-i", "2,4", "-o", "-", "--format", "mermaid", "--focus", "2", "--alone").stdout
    beside = run("export", "net.py:net", "-i", "2,4", "-o", "-", "--format", "mermaid", "--focus", "2").stdout
    assert ("Linear" in drawn, "head" in drawn) == (False, False)
    assert len(drawn) < len(beside)
    run("export", "net.py:net", "-i", "2,4", "-o", "alone.json", "--focus", "2", "--alone")
    assert [node.op for node in fxviz.load("alone.json").nodes] == ["linear", "relu", "add"]
    assert "did you mean" in fails("summary", "net.py:net", "-i", "2,4", "--focus", "2.linea", "--alone")
    assert "name it with --focus" in fails("summary", "net.py:net", "--alone", code=2)


def test_export_to_stdout(folder: Path) -> None:
    text = run("export", "net.py:net", "-i", "2,4", "-o", "-", "--format", "mermaid")
    assert "flowchart" in text.stdout
    data = run("export", "net.py:net", "-i", "2,4", "-o", "-", "--format", "onnx")
    import onnx

    assert onnx.load_from_string(data.stdout_bytes).graph.node


def test_bookkeeping_is_hidden_from_programs_where_it_is_asked_for(folder: Path) -> None:
    import onnx

    (folder / "turn.py").write_text("import torch\nnet = lambda x: torch.relu(x.unsqueeze(0)) + 1\n")

    def operations(*options: str) -> tuple[bool, bool]:
        """Whether there is one that was not hidden, in each of two formats."""
        run("export", "turn.py:net", "-i", "2,4", "-o", "turn.csv", "-o", "turn.onnx", *options)
        operators = [node.op_type for node in onnx.load("turn.onnx").graph.node]
        return "unsqueeze" in Path("turn.csv").read_text(), "Unsqueeze" in operators

    assert (operations(), operations("--no-hide"), operations("--hide")) == ((True, True), (True, True), (False, False))


def test_nasty_names_in_every_format(folder: Path) -> None:
    outputs = [
        argument
        for suffix in ("svg", "dot", "mmd", "onnx", "json", "md", "csv", "txt")
        for argument in ("-o", f"m.{suffix}")
    ]
    result = run("export", "net.py:Nasty", "-i", "2,8", "--no-fold", *outputs)
    assert result.exit_code == 0, result.stderr
    assert run("summary", "net.py:Nasty", "-i", "2,8", "--no-fold").exit_code == 0
    assert "\x1b" not in (folder / "m.txt").read_text()


def test_an_empty_model(folder: Path) -> None:
    result = run("summary", "net.py:empty", "-i", "2,4")
    assert result.exit_code == 0, result.stderr
    assert "0 operations" in result.stdout
    outputs = [argument for suffix in ("svg", "mmd", "onnx", "md") for argument in ("-o", f"m.{suffix}")]
    assert run("export", "net.py:empty", "-i", "2,4", *outputs).exit_code == 0


def test_structure_without_inputs_when_asked_for(folder: Path) -> None:
    result = run("summary", "net.py:net", "--mode", "symbolic")
    assert result.exit_code == 0, result.stderr
    assert "FLOPs        ?" in result.stdout or "Not counted  nothing" not in result.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert "_FXVIZ_COMPLETE" in result.stdout


def test_completion_knows_commands_and_zoos() -> None:
    def completed(*words: str) -> list[str]:
        environment = {
            "_FXVIZ_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        result = CliRunner(env=environment).invoke(main, prog_name="fxviz")
        return result.stdout.split()

    assert completed("fxviz", "su") == ["plain,summary"]
    assert "plain,torchvision:" in completed("fxviz", "summary", "torchv")


# What does not --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sumary"], "No such command 'sumary'"),
        (["summary"], "Missing argument 'MODEL'; see fxviz summary --help"),
        (["--nope"], "No such option"),
        (["completion"], "Choose from: bash, zsh, fish"),
        (["summary", "m", "--depth", "deep"], "Invalid value for '--depth'"),
        (["summary", "m", "--depth", "-1"], "Invalid value for '--depth'"),
        (["summary", "m", "--mode", "fast"], "Invalid value for '--mode'"),
        (["export", "m"], "Missing option '-o'"),
        (["export", "m", "-o", "-"], "give --format"),
        (["export", "m", "-o", "picture"], "picture has no suffix"),
        (["netron", "m", "--port", "99999"], "Invalid value for '--port'"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str) -> None:
    assert words in fails(*arguments, code=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["summary", "nope"], "cannot tell what model 'nope' is"),
        (["summary", "missing.py:net"], "there is no file missing.py"),
        (["summary", "missing.json"], "cannot read missing.json"),
        (["summary", "net.py:net"], "give a shape for each, such as -i 1,3,224,224"),
        (["summary", "net.py:net", "-i", "2x4"], "cannot read the extent '2x4'"),
        (["summary", "net.py:net", "-i", "2,4:floaty"], "unknown dtype 'floaty'"),
        (["summary", "net.py:net", "-i", "2,5"], "tracing Sequential stopped in '0'"),
        (["summary", "net.py:net", "-i", "2,4", "--show", "flop"], "unknown analysis 'flop'; did you mean flops"),
        (["summary", "net.py:net", "-i", "2,4", "--show", "shapes"], "cannot be shown"),
        (["summary", "net.py:Raises", "-i", "2"], "the model says no"),
        (["summary", "net.py:net", "-i", "2,4", "--dtype", "float23"], "'float23' is not a floating-point dtype"),
        (["export", "net.py:net", "-i", "2,4", "-o", "m.docx"], "unknown format 'docx'"),
        (
            ["export", "net.py:net", "-i", "2,4", "-o", "m.svg", "--format", "svgg"],
            "unknown format 'svgg'; did you mean svg",
        ),
        (["export", "net.py:net", "-i", "2,4", "-o", "no/m.md"], "cannot write no/m.md"),
        (["export", "net.py:net", "-i", "2,4", "-o", "net.py/m.md"], "cannot write net.py/m.md"),
        (["export", "net.py:net", "-i", "2,4", "-o", "folder.md"], "cannot write folder.md"),
        (["summary", "truncated.json"], "truncated.json"),
        (["summary", "newer.json"], "newer"),
        (["summary", "other.json"], "other.json"),
        (["summary", "binary.json"], "binary.json"),
        (["summary", "broken.pt2"], "broken.pt2 cannot be read"),
    ],
)
def test_bad_input(folder: Path, arguments: list[str], words: str) -> None:
    (folder / "folder.md").mkdir()
    fxviz.models.trace("net.py:net", ["2,4"]).save("good.json")
    good = (folder / "good.json").read_text()
    (folder / "truncated.json").write_text(good[: len(good) // 2])
    content = json.loads(good)
    (folder / "newer.json").write_text(json.dumps({**content, "version": content["version"] + 1}))
    (folder / "other.json").write_text('{"nodes": []}')
    (folder / "binary.json").write_bytes(b"\x80\x81\xff" * 100)
    (folder / "broken.pt2").write_bytes(b"PK\x03\x04 not a zip")
    before = {path.name for path in folder.iterdir()}
    assert words in fails(*arguments)
    assert {path.name for path in folder.iterdir()} - {"__pycache__"} == before - {"__pycache__"}


def test_traceback_on_request(folder: Path) -> None:
    result = run("summary", "net.py:Raises", "-i", "2", "--traceback")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "KeyError" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("fxviz: ")
    assert "--traceback shows where" in fails("summary", "net.py:Raises", "-i", "2")


def test_an_unexpected_error_is_one_line_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("a bug\nof ours")

    monkeypatch.setattr(fxviz.models, "trace", breaks)
    assert fails("summary", "net.py:net") == "fxviz: ZeroDivisionError: a bug of ours (--traceback shows where)"


def test_pictures_without_graphviz(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    result = run("export", "net.py:net", "-i", "2,4", "-o", "m.svg")
    if result.exit_code == 0:
        pytest.skip("graphviz-pure is found without the PATH")
    assert "pip install" in result.stderr
    assert not (folder / "m.svg").exists()


# Memory ---------------------------------------------------------------------------------------------------------------


def test_memory_of_a_run_and_of_a_training_step(folder: Path) -> None:
    """Five linear layers: 4·8 + 8, three times 8·8 + 8, 8·2 + 2 numbers; a gradient for each, and two numbers of Adam."""
    parameters = 4 * ((4 * 8 + 8) + 3 * (8 * 8 + 8) + (8 * 2 + 2))
    run_only = run("memory", "net.py:net", "-i", "2,4")
    assert run_only.exit_code == 0, run_only.stderr
    lines = [line.split("  ") for line in run_only.stdout.splitlines()]
    assert lines[0][0] == "Peak memory"
    assert f"parameter  {format_quantity(parameters, 'B')}" in run_only.stdout
    assert "Alive then" in run_only.stdout
    assert "gradient" not in run_only.stdout
    trained = run("memory", "net.py:net", "-i", "2,4", "--train", "--optimizer", "Adam", "--depth", "0")
    assert trained.exit_code == 0, trained.stderr
    assert f"gradient   {format_quantity(parameters, 'B')}" in trained.stdout
    assert f"optimizer  {format_quantity(2 * parameters + 4 * 10, 'B')}" in trained.stdout  # and a step for each of 10
    assert trained.stdout.count("Alive then") == 1
    assert trained.stdout.splitlines()[-1].startswith("Alive then")


def test_memory_draws(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    assert run("memory", "net.py:net", "-i", "2,4", "-o", "m.svg", "--round-to", "512").exit_code == 0
    text = (folder / "m.svg").read_text()
    assert "alive at the peak" in text
    peak = run("memory", "net.py:net", "-i", "2,4", "--round-to", "512").stdout.split("Peak memory")[1].split(" in ")[0]
    assert f"peak {peak.strip()}" in text


def test_memory_that_cannot_be_told(folder: Path) -> None:
    assert "add --train" in fails("memory", "net.py:net", "-i", "2,4", "--optimizer", "sgd", code=2)
    assert "always recorded" in fails("memory", "net.py:net", "-i", "2,4", "--train", "--mode", "export", code=2)
    assert "did you mean adam" in fails("memory", "net.py:net", "-i", "2,4", "--train", "--optimizer", "adm", code=2)
    assert "without a loss" in fails("memory", "net.py:net", "-i", "2,4", "--train", "--loss", "own", code=2)
    assert "ends in .svg" in fails("memory", "nothing.py:net", "-o", "m.gif", code=2)
    assert run("export", "net.py:net", "-i", "2,4", "-o", "m.json").exit_code == 0
    assert "give the model" in fails("memory", "m.json", "--train", code=2)
    assert run("memory", "m.json").exit_code == 0


def peak_of(*arguments: str) -> int:
    """The peak as a graph of the same step has it."""
    graph = models.trace_training("net.py:net", ["64,4"], checkpoint=arguments)
    peak = fxviz.Facts(graph)[fxviz.Memory()].peak
    assert isinstance(peak, int)
    return peak


def test_memory_says_whether_it_fits(folder: Path) -> None:
    peak = fxviz.Facts(models.trace("net.py:net", ["2,4"]))[fxviz.Memory()].peak
    assert isinstance(peak, int)
    exactly = run("memory", "net.py:net", "-i", "2,4", "--fits", f"{peak}B")
    assert exactly.exit_code == 0, exactly.output
    assert exactly.stdout.splitlines()[-1] == f"Fits in {format_quantity(peak, 'B')}: 0 B left"
    less = run("memory", "net.py:net", "-i", "2,4", "--fits", str(peak - 1))
    assert less.exit_code == 1
    assert less.stdout.splitlines()[-1].endswith(": 1 B too much")
    assert "cannot read the amount 'much'" in fails("memory", "net.py:net", "--fits", "much", code=2)
    assert "give sizes for all symbols" in fails("memory", "net.py:net", "-i", "B,4", "--fits", "1GiB", code=2)


def test_memory_with_checkpoints(folder: Path) -> None:
    assert peak_of("1", "2", "3") < peak_of("2") < peak_of()  # blocks 1 to 3 of the chain keep less and less
    step = ("memory", "net.py:net", "-i", "64,4", "--train")
    plain, checkpointed = (run(*step, *options).stdout.splitlines()[0] for options in ((), ("--checkpoint", "[1-3]")))
    assert plain.split(" in ")[0] == f"Peak memory  {format_quantity(peak_of(), 'B')}"
    assert checkpointed.split(" in ")[0] == f"Peak memory  {format_quantity(peak_of('1', '2', '3'), 'B')}"
    assert "add --train" in fails("memory", "net.py:net", "-i", "2,4", "--checkpoint", "1", code=2)
    assert "no module of Sequential matches 'layers.*'" in fails(*step, "--checkpoint", "layers.*", code=2)


def test_sweep_tells_what_fits(folder: Path) -> None:
    result = run("sweep", "net.py:net", "B=1:100", "-i", "B,4", "--fits", "6KiB", "-o", "sweep.csv")
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader((folder / "sweep.csv").read_text().splitlines()))
    assert [int(row["B"]) for row in rows] == list(range(1, 101))
    fits = max(int(row["B"]) for row in rows if int(row["peak"]) <= 6 * 1024)
    assert 1 < fits < 100
    assert f"B up to {fits} fits in 6 KiB" in result.stdout
    assert "… and 80 more" in result.stdout
    trained = run("sweep", "net.py:net", "B=2,4", "-i", "B,4", "--train", "--optimizer", "sgd", "-o", "sweep.md")
    assert trained.exit_code == 0, trained.stderr
    assert len((folder / "sweep.md").read_text().splitlines()) == 4


def test_sweep_draws(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    result = run("sweep", "net.py:net", "B=1:64:8", "-i", "B,4", "--cost", "matrix", "-o", "sweep.svg")
    assert result.exit_code == 0, result.stderr
    assert "Matrix work of Sequential" in (folder / "sweep.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        ([], "give the sizes of each symbol", 2),
        (["B"], "sizes are positive", 2),
        (["B=1:4", "B=2"], "each given once", 2),
        (["B=0:4"], "sizes are positive", 2),
        (["B=4:1"], "sizes are positive", 2),
        (["B=1,x"], "sizes are positive", 2),
        (["B=1,0"], "sizes are positive", 2),
        (["B=1:64:0"], "sizes are positive", 2),
        (["B=1:10000000000000"], "at most 100,000,000 points", 1),
        (["B=1:4", "--fits", "much"], "cannot read the amount 'much'", 2),
        (["B=1:4", "-o", "sweep.gif"], "name a file that ends in .svg", 1),
        (["B=1:4", "-o", "none/sweep.csv"], "there is no folder none", 1),
        (["S=1:4"], "'S' is not a symbol of this graph", 1),
    ],
)
def test_sweeps_that_cannot_be(folder: Path, arguments: list[str], words: str, code: int) -> None:
    assert words in fails("sweep", "net.py:net", *arguments, "-i", "B,4", code=code)


def test_tracing_as_if_on_a_gpu(folder: Path) -> None:
    assert run("export", "net.py:net", "-i", "2,4", "--device", "cuda", "-o", "net.json").exit_code == 0
    assert {storage.device for storage in fxviz.load(folder / "net.json").storages} == {"cuda:0"}
    assert "torch knows no device 'gpu'" in fails("summary", "net.py:net", "-i", "2,4", "--device", "gpu")
    assert "is a graph as it is" in fails("summary", "net.json", "--device", "cuda")


def test_losses_are_those_of_models() -> None:
    assert LOSSES == models.LOSSES


# In processes of their own --------------------------------------------------------------------------------------------


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "fxviz", *arguments]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_while_tracing(folder: Path) -> None:
    process = start("export", "net.py:Slow", "-i", "2", "-o", "m.svg", cwd=folder)
    assert process.stderr is not None
    assert process.stderr.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.strip() == "fxviz: interrupted"
    assert not list(folder.glob("*m.svg*"))


@pytest.mark.parametrize("data", [False, True])
def test_netron_serves_the_file_alone_on_loopback_and_stops_on_ctrl_c(data: bool, folder: Path) -> None:
    pytest.importorskip("netron")
    options = ["--data", "--random-weights"] if data else []
    process = start("netron", "net.py:net", "-i", "2,4", "--no-browser", *options, cwd=folder)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert " is at http://127.0.0.1:" in line
    address = line.split(" is at ")[1].split(";")[0]
    import onnx

    with urllib.request.urlopen(f"{address}/data/Sequential.onnx") as response:
        nodes = onnx.load_from_string(response.read()).graph.node
    weights = [attribute for node in nodes if node.op_type == "Constant" for attribute in node.attribute]
    assert weights
    assert all(len(attribute.t.raw_data) > 0 for attribute in weights) is data
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{address}/data/net.py")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors.strip() == "fxviz: interrupted"


def test_a_reader_that_goes_away(folder: Path) -> None:
    with start("completion", "zsh", cwd=folder) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_help_loads_nothing_that_takes_long() -> None:
    code = (
        "import sys\nfrom fxviz.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "summary" in result.stdout
    assert not {"torch", "onnx", "sympy", "numpy", "rich", "pydot"} & set(result.stderr.split())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"]])
def test_output_that_cannot_be_written(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [sys.executable, "-m", "fxviz", *arguments], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert result.returncode == 1
    assert result.stderr.startswith("fxviz: OSError: [Errno 28] No space left on device")
    assert result.stderr.count("\n") == 1


def test_without_a_command_the_help_is_printed() -> None:
    bare, help = (CliRunner().invoke(main, words, prog_name="fxviz") for words in ([], ["--help"]))
    assert (bare.exit_code, bare.stderr) == (0, "")
    assert bare.stdout == help.stdout
    assert "fxviz summary torchvision:resnet50\n" in bare.stdout


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("memory", "net.py:net", "-i", "2,4"), "m.svg"),
        (("sweep", "net.py:net", "B=1,2", "-i", "B,4"), "m.csv"),
        (("parameters", "net.py:net"), "m.md"),
        (("diff", "net.py:net", "net.py:net", "-i", "2,4"), "m.md"),
        (("app", "net.py:net", "-i", "2,4"), "m.html"),
    ],
)
def test_commands_say_what_they_wrote(folder: Path, arguments: tuple[str, ...], output: str) -> None:
    result = run(*arguments, "-o", output)
    assert result.exit_code == 0, result.output
    assert result.stderr == f"wrote {output}\n"
    assert (folder / output).stat().st_size


def test_version() -> None:
    assert CliRunner().invoke(main, ["--version"], prog_name="fxviz").stdout == f"fxviz {fxviz.__version__}\n"


def test_what_a_model_prints_is_not_in_the_output(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\nprint('imported')\nclass Net(nn.Module):\n"
        "    def forward(self, x):\n        print('running')\n        return x * 2\n"
    )
    command = [sys.executable, "-m", "fxviz", "export", "net.py:Net", "-i", "3", "-o", "-", "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["format"] == "fxviz-graph"
    assert done.stderr.splitlines()[:2] == ["imported", "running"]
