"""Step one: export the flat module with ``torch.export``, and mark every operator with the nodes of the graph that ran it."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import sympy
import torch
from torch import fx
from torch.fx import traceback as fx_traceback
from torch.overrides import TorchFunctionMode

from fxviz.errors import ExportError
from fxviz.exporters.onnx.runnable.flat import POSITIONS, VIEW_INSTEAD, FlatProgram
from fxviz.ir import format_scope
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.attributes import author_op

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fxviz.ir import Node

__all__ = ["capture", "place_of"]


def capture(program: FlatProgram) -> torch.export.ExportedProgram:
    """Return the program as ATen operators, with the dynamic dimensions of the graph.

    Raises `ExportError`, which names the operation and the line at which torch.export stopped, with torch's error chained.
    """
    module = _Marked(program)
    inputs = tuple(_example(program, position) for position in range(len(program.sizes)))
    dynamic = any(_dynamic_dims(value.type.shape) for value in program.graph.inputs if value.type)
    shapes = [_dynamic_dims(value.type.shape) if value.type else None for value in program.graph.inputs]
    try:
        with torch.no_grad(), fx_traceback.preserve_node_meta(), _torch.dynamic_export(dynamic), _torch.silent():
            return torch.export.export(
                module, inputs, dynamic_shapes=(tuple(shapes),) if dynamic else None, strict=False
            )
    except Exception as error:
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise ExportError(
            f"{program.graph.name} cannot be lowered: torch.export stopped{_at(module.running or _named_in(error, program))}: "
            f"{type(error).__name__}: {words[0]}; {VIEW_INSTEAD}"
        ) from error


def place_of(node: Node) -> str:
    """Say where an operation is, for an error: ``nonzero in encoder.0 (model.py:12 in forward)``."""
    scope = f" in {format_scope(node.scope)}" if node.scope else ""
    return f"{node.op}{scope} ({node.source})" if node.source else f"{node.op}{scope}"


def _named_in(error: BaseException, program: FlatProgram) -> Sequence[Node]:
    """Return the node that ran the operator which torch names in its error, if it names one."""
    named = re.search(r"target=torch\.ops\.([\w.]+)", str(error))
    return program.first_that_ran(named[1]) if named else ()


def _at(nodes: Sequence[Node]) -> str:
    return f" at {place_of(nodes[0])}" if nodes else ""


def _dynamic_dims(shape: Sequence[object]) -> Mapping[int, Any] | None:
    return {dim: torch.export.Dim.AUTO for dim, extent in enumerate(shape) if isinstance(extent, sympy.Expr)} or None


def _example(program: FlatProgram, position: int) -> torch.Tensor:
    """Make an input of the size that it had in the trace; its values are never read."""
    type = program.graph.inputs[position].type
    assert type is not None, "a graph with an origin has typed inputs"
    dtype = getattr(torch, type.dtype)
    return torch.zeros(program.sizes[position], dtype=dtype, device=program.device)


class _Marked(torch.nn.Module):
    """Interprets the flat module, and has its submodules and weights under their own names.

    ``running`` is the node that it runs; after an error, the one that failed.
    """

    def __init__(self, program: FlatProgram) -> None:
        super().__init__()
        _torch.share_members(self, program.module)
        vars(self)["_program"] = program  # past Module.__setattr__, which would make the module a child
        self.running: Sequence[Node] = ()
        self.training = program.module.training

    def forward(self, *inputs: torch.Tensor) -> Any:
        result = _Interpreter(self, vars(self)["_program"]).run(*inputs, enable_io_processing=False)
        self.running = ()
        return result


class _Interpreter(fx.Interpreter):
    """Runs each fx node while its ``meta`` is the current one, which `fx.Interpreter` sees to."""

    def __init__(self, marked: _Marked, program: FlatProgram) -> None:
        super().__init__(program.module)
        self._marked = marked
        self._program = program

    def run_node(self, n: fx.Node) -> Any:
        self._marked.running = self._program.nodes_at(n)
        return super().run_node(n)

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a module, which may be several nodes if it is one of torch's own: these are its calls, in order."""
        first = fx_traceback.get_current_meta()["custom"][POSITIONS].start
        nodes = self._marked.running
        with _Calls(nodes, first) if len(nodes) > 1 else nullcontext():
            return super().call_module(target, args, kwargs)


class _Calls(TorchFunctionMode):
    """Marks each call that the author of a module wrote with the next of ``nodes``, if it has its name; else with none."""

    def __init__(self, nodes: Sequence[Node], first: int) -> None:
        super().__init__()
        self._nodes = nodes
        self._first = first
        self._next = 0

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        expected = self._nodes[self._next].op if self._next < len(self._nodes) else None
        here = self._first + self._next
        found = author_op(func) == expected
        self._next += found
        with fx_traceback.annotate({POSITIONS: range(here, here + found)}):
            return func(*args, **(kwargs or {}))
