"""Graphs as JSON: what is written is read back, and what is not a graph is refused with its reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
import sympy
from build import Builder, encoder
from hypothesis import given, settings
from strategies import B, S, graphs, same

import fxviz
from fxviz.errors import FormatError, GraphError, InputError
from fxviz.ir import Category, Role
from fxviz.ir.expressions import decode_expression
from fxviz.ir.serialize import dumps, load, loads, save

if TYPE_CHECKING:
    from fxviz.ir import Graph


@given(graphs(texts=True))
@settings(deadline=None, max_examples=60)
def test_what_is_saved_is_read_back(graph: Graph) -> None:
    text = dumps(graph)
    again = loads(text)
    assert same(graph, again)
    assert dumps(again) == text


@given(graphs(texts=True))
@settings(deadline=None, max_examples=20)
def test_the_text_is_ascii_json_without_extensions(graph: Graph) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    assert dumps(graph).isascii()
    json.loads(dumps(graph), parse_constant=refuse)


SCHEMA = json.loads((Path(fxviz.__file__).parent / "ir/graph.schema.json").read_text())


@given(graphs(texts=True))
@settings(deadline=None, max_examples=15)
def test_files_follow_the_schema(graph: Graph) -> None:
    jsonschema.validate(json.loads(dumps(graph)), SCHEMA, jsonschema.Draft202012Validator)


def test_the_schema_lists_what_the_code_knows() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == set(SCHEMA["required"]) == set(document())
    columns = {name: SCHEMA["properties"][name]["items"]["prefixItems"] for name in ("values", "storages")}
    assert columns["values"][1]["enum"] == [role.value for role in Role]
    assert columns["storages"][1]["enum"] == [category.value for category in Category]
    heads = [form["prefixItems"][0] for form in SCHEMA["$defs"]["operation"]["anyOf"]]
    known = {name for head in heads for name in head.get("enum", [head.get("const")])}
    with pytest.raises(FormatError) as caught:
        decode_expression(["none"], [])
    assert known | {"Integer"} == set(str(caught.value).split("known are ")[1].split(", "))


def test_equality_tells_graphs_apart() -> None:
    """The helper of the law above must be able to fail."""
    assert not same(encoder(2), encoder(3))
    assert not same(encoder(2), replace(encoder(2), notes=("a note",)))
    assert not same(encoder(2, extra={0: "relu"}), encoder(2, extra={1: "relu"}))


def test_save_and_load(tmp_path: Path) -> None:
    graph = encoder(3, batch=B)
    graph.save(tmp_path / "graph.json")
    assert same(load(tmp_path / "graph.json"), graph)


def test_what_repeats_is_written_once() -> None:
    small, large = len(dumps(encoder(100))), len(dumps(encoder(200)))
    assert (large - small) / 400 < 500  # bytes for one more operation, its kernel, value, storage and scope


def test_symbols_with_other_assumptions_stay_themselves() -> None:
    build = Builder()
    n, m = sympy.Symbol("n"), sympy.Symbol("n", integer=True, nonnegative=True)
    x = build.op("relu", build.input("x", n, m), scale=n**m)
    shape = loads(dumps(build.graph(x))).inputs[0].type.shape
    assert shape == (n, m)
    assert shape[0] != shape[1]


def test_an_expression_that_has_no_form_is_an_error() -> None:
    build = Builder()
    x = build.op("relu", build.input("x", 2), scale=sympy.sin(S))
    with pytest.raises(GraphError, match=r"node 'relu': cannot save the expression sin\(S\)"):
        dumps(build.graph(x))


def test_a_graph_without_inputs_is_kept() -> None:
    """Structure only: no types and no storages."""
    build = Builder()
    graph = build.graph(build.op("relu", build.input("x", 2)))
    node, x = graph.nodes[0], replace(graph.inputs[0], type=None, storage=None)
    y = replace(node.outputs[0], type=None, storage=None)
    bare = replace(
        graph,
        inputs=(x,),
        nodes=(replace(node, inputs=(x,), outputs=(y,), kernels=()),),
        outputs=(y,),
        storages=(),
        mode="symbolic",
    )
    assert same(loads(dumps(bare)), bare)


# What is refused ------------------------------------------------------------------------------------------------------


def document() -> dict[str, object]:
    return json.loads(dumps(encoder(1)))


def test_a_text_that_is_cut_off() -> None:
    text = dumps(encoder(1))
    for end in (0, 1, len(text) // 2, len(text) - 3):
        with pytest.raises(FormatError, match=r"cut off \((line|Expect)"):
            loads(text[:end])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "not JSON"),
        ("[1, 2]", 'does not begin with "format"'),
        ('{"format": "onnx"}', 'does not begin with "format"'),
        ("NaN", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (f'{{"format": "fxviz-graph", "version": {"9" * 5000}}}', "not JSON"),
    ],
)
def test_what_is_not_a_graph(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        loads(text)


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (2, "format version 2, .* update fxviz"),
        (0, "number from 1"),
        (None, "number"),
        ("1", "number"),
        (True, "number"),
    ],
)
def test_another_version(version: object, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        loads(json.dumps(document() | {"version": version}))


@pytest.mark.parametrize("key", sorted(set(document()) - {"format", "version"}))
def test_each_part_must_be_there_and_of_its_type(key: str) -> None:
    without = document()
    del without[key]
    with pytest.raises(FormatError, match=f"no '{key}'"):
        loads(json.dumps(without))
    with pytest.raises(FormatError, match=key):
        loads(json.dumps(document() | {key: 1.5}))


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        (("inputs", 0), 999, r"inputs: 999 is not a row of values, which has 11"),
        (("inputs", 0), -1, r"inputs: -1 is not a row"),
        (("inputs", 0), True, r"inputs: True is not a row"),
        (("values", 1, 1), "weight", r"values\[1\]: 'weight' is not a role; known are input, parameter"),
        (("values", 1, 2), "float32", r"values\[1\]: float32 is not a row of types"),
        (
            ("values", 1),
            ["x"],
            r"values\[1\]: expected the 5 columns name, role, type.*damaged, or older than the format",
        ),
        (("values", 1, 4), 1, r"values\[1\]: expected true or false, found '1'"),
        (("storages", 0, 0), "100", r"storages\[0\]: an expression is an integer or a list"),
        (("storages", 0, 0), ["Symbol", 0], r"storages\[0\]: no expression begins"),
        (("storages", 0, 1), "swap", r"storages\[0\]: 'swap' is not a category"),
        (("storages", 0, 3), 1.0, r"storages\[0\]: expected an integer"),
        (("types", 0, 1, 0), ["__import__", "os"], r"types\[0\]: no expression begins"),
        (("types", 0, 1, 0), ["Add", 1], r"types\[0\]: Add with 1 arguments"),
        (("types", 0, 1, 0), ["Pow", 9, ["Pow", 9, 9]], r"types\[0\]: a power of two numbers"),
        (("symbols",), [["B", {"is_evil": True}]], r"symbols\[0\]: sympy does not know the assumption 'is_evil'"),
        (("symbols",), [["B", {"positive": True, "negative": True}]], r"symbols\[0\]: .* contradict"),
        (("symbols",), [["B", {"positive": 1}]], r"symbols\[0\]: an assumption is true or false"),
        (("symbols",), [3], r"symbols\[0\]: a symbol is"),
        (("attributes", 0), {"p": {"float": "1.5"}}, r"attributes\[0\]: .* is not an attribute"),
        (("attributes", 0), {"p": {"complex": [1, 2]}}, r"attributes\[0\]: the parts of a complex"),
        (("attributes", 0), {"p": {"what": 1}}, r"attributes\[0\]: .* is not an attribute"),
        (("scopes", 0, 0), ["embed"], r"scopes\[0\]: expected the 3 columns path, kind, index"),
        (("nodes", 0, 1), 99, r"nodes\[0\]: 99 is not a row of operators"),
        (("nodes", 0, 8, 0, 3, 0), 99, r"nodes\[0\]: 99 is not a row of values"),
        (("aliases",), {"a": 1}, r"aliases: expected a text"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(path: tuple[str | int, ...], data: object, reason: str) -> None:
    changed = document()
    place = changed
    for key in path[:-1]:
        place = place[key]  # type: ignore[index]
    place[path[-1]] = data  # type: ignore[index]
    with pytest.raises(FormatError, match=reason):
        loads(json.dumps(changed))


def test_deep_nesting_is_refused() -> None:
    def nested(depth: int, wrap: str) -> object:
        data: object = 1
        for _ in range(depth):
            data = {"list": [data], "mapping": {"mapping": {"a": data}}, "sum": ["Add", 1, data]}[wrap]
        return data

    for wrap in ("list", "mapping"):
        with pytest.raises(FormatError, match=r"attributes\[0\]: an attribute is nested more than 100 deep"):
            loads(json.dumps(document() | {"attributes": [{"a": nested(150, wrap)}]}))
    with pytest.raises(FormatError, match=r"types\[0\]: an expression is nested more than 100 deep"):
        loads(json.dumps(document() | {"types": [["float32", [nested(150, "sum")], "cpu"]]}))


def test_what_is_read_is_verified() -> None:
    changed = document()
    changed["outputs"] = [len(changed["values"])]  # type: ignore[arg-type]
    changed["values"].append(["loose", "result", 0, 0, False])  # type: ignore[attr-defined]
    with pytest.raises(GraphError, match=r"output %loose: .* is not defined"):
        loads(json.dumps(changed))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none\.json: No such file"):
        load(tmp_path / "none.json")
    with pytest.raises(InputError, match="Is a directory"):
        load(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="not UTF-8"):
        load(tmp_path / "binary")
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(FormatError) as caught:
        load(tmp_path / "text.json")
    assert "text.json" in caught.value.__notes__[0]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    save(encoder(1), path)
    before = path.read_text()
    build = Builder()
    with pytest.raises(GraphError):
        save(build.graph(build.op("relu", build.input("x", 2), scale=sympy.sin(S))), path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
