"""Runs are read as they were written, also half-way, and files from others are looked at closely."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fxviz
from fxviz.errors import FormatError, InputError, MissingDependency
from fxviz.training.files import RunFolder, RunLog
from fxviz.training.run import Run
from fxviz.training.schema import (
    DECADES,
    Event,
    Layer,
    Meta,
    Parameter,
    Sample,
    parse_entry,
    parse_meta,
    write_entry,
    write_meta,
)
from fxviz.training.statistics import Stream, Summary
from fxviz.training.table import Row

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = ["conv", 'a "b" | <c>\n模型', "."]
META = Meta(
    model="Net",
    layers=(
        Layer(NAMES[0], "Conv2d", (Parameter("conv.weight", (8, 3, 3, 3), "float32", True),)),
        Layer(NAMES[1], "ReLU"),
        Layer(NAMES[2], "Net", (Parameter("scale", (), "bfloat16", False),)),
    ),
    every=10,
    optimizers=("SGD",),
    created="2026-11-23T08:00:00+00:00",
    versions={"fxviz": "0.1.0"},
)


def summary(value: float) -> Summary:
    return Summary(1, value, 0.0, value, value)


def sample(step: int, **scalars: float) -> Sample:
    return Sample(
        step,
        time=100.0 + step,
        every=10,
        scalars={name: summary(value) for name, value in scalars.items()},
        layers={"grad_norm": (step / 2, None, math.nan), "weight_norm": (1.0, None, 2.0)},
        gradients=((step, *[0] * (len(DECADES) - 1)), None, None),
    )


def written(folder: Path, *entries: Sample | Event, meta: Meta = META) -> Path:
    log = RunLog(folder, meta)
    for entry in entries:
        log.append(entry)
    log.close()
    return folder


def test_what_is_written_is_read(tmp_path: Path) -> None:
    entries = (
        Event("start", 0, 100.0, detail="0.1.0"),
        replace(sample(1, loss=2.5), layers={"grad_norm": (0.5, None, math.inf)}),
        Event("nonfinite", 1, 101.0, "gradient", 2),
        Event("order", 1, 101.0, layers=(0, 1, 2)),
        Sample(10, 110.0, 20, {"loss": Summary(9, 1.5, 0.25, 1.0, 2.0, 3)}),
        Event("end", 12, 112.0, detail="finished"),
    )
    run = fxviz.load_run(written(tmp_path / "run", *entries))
    assert run.meta == META
    assert run.entries == entries
    assert (run.steps, run.ended, run.name) == (12, "finished", "run")


numbers = st.floats() | st.none()


@given(st.lists(numbers, min_size=3, max_size=3), st.floats(), st.integers(0, 2**40))
def test_any_number_survives_to_five_digits(layer: list[float | None], scalar: float, step: int) -> None:
    whole = Sample(step, 0.0, 1, {"x": summary(scalar)}, {"grad_norm": tuple(layer)})
    line = write_entry(whole)
    assert line.count(b"\n") == 1
    assert json.loads(line, parse_constant=pytest.fail)  # no NaN, which is no JSON
    found = parse_entry(line, 3)
    assert isinstance(found, Sample)
    assert found.step == step
    for before, after in zip([scalar, *layer], [found.scalars["x"].mean, *found.layers["grad_norm"]], strict=True):
        assert before is after is None or after == pytest.approx(before, rel=1e-4, nan_ok=True)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_stream_is_summarised_as_the_whole_is(values: list[float]) -> None:
    stream = Stream()
    for value in [*values, math.nan, math.inf]:
        stream.add(value)
    found = stream.summary()
    mean = math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    scale = max(map(abs, values))
    assert (found.count, found.nonfinite, found.low, found.high) == (len(values), 2, min(values), max(values))
    assert found.mean == pytest.approx(mean, abs=1e-9 * scale + 1e-300)
    assert found.spread == pytest.approx(spread, abs=1e-6 * scale + 1e-300)


def test_a_growing_run_is_followed(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run", META)
    folder = RunFolder(tmp_path / "run")
    assert folder.poll() == ()
    log.append(sample(1, loss=1.0))
    assert folder.poll() == (sample(1, loss=1.0),)
    assert folder.poll() == ()
    line = write_entry(sample(2, loss=2.0))
    with (tmp_path / "run/log.jsonl").open("ab") as file:
        file.write(line[:30])
        file.flush()
        assert folder.poll() == ()  # half a line is not there yet
        file.write(line[30:] + write_entry(sample(3, loss=3.0))[:-1])
    assert folder.poll() == (sample(2, loss=2.0),)
    log.close()


def test_an_empty_folder_that_only_has_its_meta(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text(write_meta(META))
    run = fxviz.load_run(tmp_path)
    assert (run.steps, run.samples, run.metrics, run.findings()) == (0, (), (), ())
    assert len(run.table()) == 0
    assert any("not ended" in line for line in run.summary())


# Tables ---------------------------------------------------------------------------------------------------------------


def test_the_table_is_tidy(tmp_path: Path) -> None:
    entries = (sample(1, loss=3.0), replace(sample(10), scalars={"loss": Summary(9, 2.0, 0.5, 1.0, 2.5)}))
    run = fxviz.load_run(written(tmp_path / "run", *entries))
    rows = list(run.table())
    assert rows[:6] == [
        Row("run", 1, "", "loss", 3.0),
        Row("run", 10, "", "loss", 2.0),
        Row("run", 1, "", "loss/low", 3.0),
        Row("run", 10, "", "loss/low", 1.0),
        Row("run", 1, "", "loss/high", 3.0),
        Row("run", 10, "", "loss/high", 2.5),
    ]
    assert list(run.table("grad_norm", "conv")) == [
        Row("run", 1, "conv", "grad_norm", 0.5),
        Row("run", 10, "conv", "grad_norm", 5.0),
    ]
    assert {row.layer for row in run.table("weight_norm")} == {"conv", "."}  # None is no row
    assert [math.isnan(row.value) for row in run.table("grad_norm", ".")] == [True, True]
    assert run.gradients("conv")[10][0] == 10
    assert run.metrics == ("loss", "grad_norm", "weight_norm")


def test_tables_are_read_by_others(tmp_path: Path) -> None:
    layers = (*META.layers[:1], replace(META.layers[1], parameters=META.layers[0].parameters), META.layers[2])
    whole = replace(sample(1), layers={"grad_norm": (1.5, 2.5, 3.5)})
    run = fxviz.load_run(written(tmp_path / "run", whole, meta=replace(META, layers=layers)))
    read = list(csv.DictReader(io.StringIO(run.table().to_csv(), newline="")))
    assert [row["layer"] for row in read] == NAMES
    assert [float(row["value"]) for row in read] == [1.5, 2.5, 3.5]
    lines = run.table().to_markdown().splitlines()
    assert len(lines) == 2 + 3
    assert len({line.count("|") for line in lines}) == 1
    assert "<c>" not in lines[3]


def test_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fxviz.load_run(written(tmp_path / "run", sample(1, loss=3.0)))
    pandas = pytest.importorskip("pandas")
    frame = run.to_frame()
    assert list(frame.columns) == ["run", "step", "layer", "metric", "value"]
    assert frame[frame.metric == "loss"].value.tolist() == [3.0]
    assert isinstance(frame, pandas.DataFrame)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingDependency, match=r"fxviz\[training\]"):
        run.to_frame()


def test_several_runs_are_one_table(tmp_path: Path) -> None:
    for name in ("a/run", "b/run", "c/other"):
        written(tmp_path / name, sample(1, loss=1.0) if name != "c/other" else sample(1, cost=1.0))
    (tmp_path / "d/no run").mkdir(parents=True)
    runs = fxviz.open_runs(str(tmp_path / "*/*"))
    assert [run.name for run in runs] == ["a/run", "b/run", "c/other"]
    assert [row.run for row in runs.table("loss")] == ["a/run", "b/run"]
    assert isinstance(runs["b/run"], Run)
    assert len(fxviz.open_runs([tmp_path / "a/run"])) == 1
    for wrong, words in (
        (lambda: runs["x"], "there is no run 'x'; there are a/run, b/run"),
        (lambda: runs.table("x"), "no 'x' was recorded in any of the runs; there are loss"),
        (lambda: fxviz.open_runs(str(tmp_path / "*/x")), "no run matches"),
        (lambda: fxviz.open_runs([]), "there are no runs to open"),
        (lambda: fxviz.open_runs([tmp_path / "a/run", tmp_path / "a/run"]), "a run is listed twice"),
        (lambda: fxviz.open_runs([tmp_path / "d/no run"]), "it has no meta.json"),
        (lambda: runs["a/run"].table("y"), "no 'y' was recorded in a/run"),
        (lambda: runs["a/run"].scalar("y"), "no scalar 'y'"),
        (lambda: runs["a/run"].gradients("y"), "there is no layer 'y'"),
    ):
        with pytest.raises(InputError, match=words):
            wrong()


# Files from others ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "does not belong to a run of fxviz"),
        ('{"format": "fxviz-graph"}', "does not belong to a run of fxviz"),
        ('{"format": "fxviz-run"}', "has no version"),
        ('{"format": "fxviz-run", "version": 2}', "version 2, and this fxviz reads up to 1: update fxviz"),
        ('{"format": "fxviz-run", "version": 1}', "'model' is missing"),
        ("[" * 100_000, "not JSON"),
        (write_meta(META).replace('"Net"', "3", 1), "expected a text, not 3"),
        (write_meta(META).replace('"every": 10', '"every": -1'), "expected a count, not -1"),
        (write_meta(META).replace('"shape": []', '"shape": "x"'), "expected a list, not 'x'"),
    ],
)
def test_a_damaged_meta(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(FormatError, match=words):
        fxviz.load_run(tmp_path)


GOOD = json.loads(write_entry(sample(1, loss=1.0)))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b"3", "neither a sample nor an event"),
        (b"{}", "'event' is missing"),
        (json.dumps({**GOOD, "sample": -1}).encode(), "expected a count, not -1"),
        (json.dumps({**GOOD, "sample": True}).encode(), "expected a count, not True"),
        (json.dumps({**GOOD, "time": "soon"}).encode(), "expected a number, not 'soon'"),
        (json.dumps({**GOOD, "time": 10**400}).encode(), "too large"),
        (json.dumps({**GOOD, "scalars": [1]}).encode(), "neither"),
        (json.dumps({**GOOD, "scalars": {"x": [1, 2]}}).encode(), "not enough values"),
        (json.dumps({**GOOD, "layers": {"grad_norm": [1]}}).encode(), "expected a list of 3, not of 1"),
        (json.dumps({**GOOD, "gradients": [[1], None, None]}).encode(), "expected a list of 16, not of 1"),
        (b'{"event": "nonfinite", "step": 1, "time": 1, "layer": 3}', "there is no layer 3"),
    ],
)
def test_a_damaged_line_is_named(line: bytes, words: str, tmp_path: Path) -> None:
    written(tmp_path / "run", sample(1, loss=1.0))
    with (tmp_path / "run/log.jsonl").open("ab") as file:
        file.write(line + b"\n" + write_entry(sample(2)))
    with pytest.raises(FormatError, match="line 2") as caught:
        fxviz.load_run(tmp_path / "run")
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


def test_kinds_and_keys_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    written(tmp_path / "run", sample(1, loss=1.0))
    with (tmp_path / "run/log.jsonl").open("ab") as file:
        file.write(b'{"event": "comet", "step": 3, "time": 4, "tail": [1]}\n')
        file.write(json.dumps({**GOOD, "sample": 2, "moon": 1}).encode() + b"\n")
    run = fxviz.load_run(tmp_path / "run")
    assert run.steps == 2
    assert run.findings() == ()


def test_a_file_that_is_another_one_now(tmp_path: Path) -> None:
    folder = RunFolder(written(tmp_path / "run", sample(1), sample(2)))
    folder.poll()
    (tmp_path / "run/log.jsonl").write_bytes(b"")
    with pytest.raises(FormatError, match="has become shorter"):
        folder.poll()


def test_what_is_no_folder_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for name, words in (
        ("nothing", "does not exist"),
        ("file", "is a file, and a run is a folder"),
        ("", "no meta.json"),
    ):
        with pytest.raises(InputError, match=words):
            fxviz.load_run(tmp_path / name)
    (tmp_path / "meta.json").mkdir()
    with pytest.raises(InputError, match=r"cannot read .*meta\.json"):
        fxviz.load_run(tmp_path)


@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_a_format_error(data: bytes) -> None:
    for read in (parse_meta, lambda text: parse_entry(text, 3)):
        with contextlib.suppress(FormatError):
            read(data)
