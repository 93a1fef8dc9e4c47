"""The scopes and sources of a `torch.fx.GraphModule` are those of the model that it was made from."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import fx, nn

from fxviz.ir import Call
from fxviz.tracing import trace
from fxviz.tracing.replay import Program, ScopeReader
from fxviz.tracing.scopes import ScopeStack


class Doubling(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x


def traced(leaf: nn.Module, line: int = 7) -> fx.GraphModule:
    """A function call, then a call of a leaf module; the stack trace of every node names line 7 of ``model.py``."""
    graph = fx.Graph()
    negated = graph.call_function(torch.neg, (graph.placeholder("x"),))
    graph.output(graph.call_module("leaf", (negated,)))
    for node in graph.nodes:
        node.stack_trace = f'  File "/models/model.py", line {line}, in forward\n    pass\n'
    return fx.GraphModule(nn.ModuleDict({"leaf": leaf}), graph)


def test_the_source_in_a_leaf_module_is_the_line_that_runs() -> None:
    neg, add = trace(traced(Doubling()), torch.empty(2)).nodes
    assert neg.source is not None
    assert (neg.source.file, neg.source.line) == ("/models/model.py", 7)
    assert add.source is not None
    lines, start = inspect.getsourcelines(Doubling.forward)
    assert (add.source.file.rpartition("/")[2], add.source.line) == ("test_replay.py", start + len(lines) - 1)


def test_no_source_outlives_the_node_that_it_is_of() -> None:
    """Neither after the last node nor after one that fails: what the recorder does then is not done on a line of the model."""
    module = traced(Doubling())
    recorder = cast("Any", SimpleNamespace(source=None, scopes=ScopeStack(module)))
    program = Program(
        module, "model", inspect.Signature([inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)]).bind(1)
    )
    assert torch.equal(program.run(recorder, torch.ones(2)), torch.full((2,), -2.0))
    assert recorder.source is None
    with pytest.raises(TypeError):
        program.run(recorder, "no tensor")
    assert recorder.source is None


@pytest.mark.parametrize("root", ["L['self'].", "L__self___", ""])
def test_a_module_path_is_read_as_the_model_has_it(root: str) -> None:
    """Dynamo and export write the root in two ways, and mark all calls of a module but the first with ``@``."""
    module = traced(Doubling())
    node = next(node for node in module.graph.nodes if node.op == "call_function")
    reader = ScopeReader(ScopeStack(module))
    scopes = []
    for key, path in (("first", "leaf"), ("second", "leaf@1"), ("first", "leaf")):
        node.meta["nn_module_stack"] = {"root": (root.rstrip("."), nn.Module), key: (root + path, "models.Doubling")}
        scopes.append(reader.scope_of(node))
    assert scopes == [(Call("leaf", "Doubling", index),) for index in (0, 1, 0)]
