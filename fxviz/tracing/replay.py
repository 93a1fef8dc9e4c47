"""Running a traced `torch.fx.GraphModule` under the recorder, with the scopes and sources that its nodes carry."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from fxviz.errors import FormatError, InputError
from fxviz.ir import Call, Scope, Source
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.sources import find_source_in_text

if TYPE_CHECKING:
    from pathlib import Path

    from fxviz.tracing.recorder import Recorder
    from fxviz.tracing.scopes import ScopeStack

__all__ = ["Program", "ScopeReader", "exported_program", "read_program"]


@dataclass(frozen=True)
class Program:
    """A GraphModule with flat inputs or the inputs of a forward, and how its results nest."""

    module: fx.GraphModule
    name: str
    arguments: inspect.BoundArguments
    results: _torch.TreeSpec | None = None
    original: torch.nn.Module | None = None

    def run(self, recorder: Recorder, *args: Any, **kwargs: Any) -> Any:
        """Interpret the module; every node runs in the scope that its metadata names."""
        bound = self.arguments.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        result = _Replay(self.module, recorder).run(*bound.arguments.values(), enable_io_processing=False)
        return _torch.tree_unflatten(result, self.results) if self.results is not None else result


class ScopeReader:
    """Reads the scope and the source of the nodes of a GraphModule from the metadata that `torch.fx` and `torch.export` leave on them."""

    def __init__(self, scopes: ScopeStack) -> None:
        self._scopes = scopes
        self._calls: dict[str, Call] = {}  # by key in nn_module_stack, which tells repeated calls apart
        self._counts: Counter[str] = Counter()

    def scope_of(self, node: fx.Node, *, with_target: bool = False) -> Scope:
        """Return the module calls around a node; around a ``call_module`` with or without the called module itself."""
        scope: Scope = ()
        for key, entry in (node.meta.get("nn_module_stack") or {}).items():
            path, kind = _frame(entry)
            is_target = node.op == "call_module" and path == str(node.target)
            if not path or (is_target and not with_target):
                continue
            if key not in self._calls:
                self._calls[key] = Call(path, kind, self._counts[path])
                self._counts[path] += 1
            with self._scopes.within(scope):
                scope = (*scope, *self._scopes.containers(path), self._calls[key])
        return scope

    def source_of(self, node: fx.Node) -> Source | None:
        """Return the author's line that the node's stack trace names."""
        return find_source_in_text(node.stack_trace or "")


class _Replay(fx.Interpreter):
    """Sets the recorder to the scope and source of each node in the original model, then runs it."""

    def __init__(self, module: fx.GraphModule, recorder: Recorder) -> None:
        super().__init__(module)
        self.recorder = recorder
        self.reader = ScopeReader(recorder.scopes)

    def run_node(self, n: fx.Node) -> Any:
        # Inside a leaf module the Python frames know the source better than the node does.
        self.recorder.source = self.reader.source_of(n) if n.op != "call_module" else None
        try:
            with self.recorder.scopes.within(self.reader.scope_of(n)):
                return super().run_node(n)
        finally:
            self.recorder.source = None


def _frame(entry: Any) -> tuple[str, str]:
    """Return the module path and class name of an entry of ``nn_module_stack``: the class or its full name is second."""
    path, kind = entry
    path = re.sub(r"^L\['self'\]\.?|^L__self___?", "", str(path))
    return path.partition("@")[0], kind.__name__ if isinstance(kind, type) else str(kind).rpartition(".")[2]


def exported_program(program: torch.export.ExportedProgram, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Program:
    """Return an exported program with its inputs: the given ones, or else the example inputs that it carries."""
    if not args and not kwargs:
        args, kwargs = _example_inputs(program)
    spec = program.call_spec.in_spec
    positional, keyword = (args, kwargs) if spec is None else (args, _in_order(kwargs, spec))
    flat, given = _torch.tree_flatten((positional, keyword))
    module = _torch.program_module(program)
    names = [str(node.target) for node in module.graph.nodes if node.op == "placeholder"]
    if len(flat) != len(names):
        raise InputError(f"the program takes {len(names)} inputs ({', '.join(names)}), not {len(flat)}: {given}")
    signature = inspect.Signature([inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names])
    return Program(module, _name_of(module), signature.bind(*flat), program.call_spec.out_spec)


def _in_order(kwargs: dict[str, Any], spec: _torch.TreeSpec) -> dict[str, Any]:
    names = spec.children()[1].context or []
    if set(names) != set(kwargs):
        raise InputError(f"the program takes the keyword inputs {names}, not {sorted(kwargs)}")
    return {name: kwargs[name] for name in names}


def _example_inputs(program: torch.export.ExportedProgram) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if program.example_inputs is None:
        raise InputError("the exported program carries no example inputs; pass args and kwargs")
    args, kwargs = program.example_inputs
    return tuple(args), dict(kwargs)


def _name_of(module: fx.GraphModule) -> str:
    """Return the class name of the exported model, from the first frame of a node's module stack."""
    for node in module.graph.nodes:
        for path, kind in (node.meta.get("nn_module_stack") or {}).values():
            if not path or path in ("L['self']", "L__self__"):
                return kind.__name__ if isinstance(kind, type) else str(kind).rpartition(".")[2]
    return "ExportedProgram"


def read_program(path: Path) -> torch.export.ExportedProgram:
    """Read the exported program in a ``.pt2`` file. Only data is read: a file that holds pickled objects is refused."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if path.suffix != ".pt2":
        raise InputError(
            f"{path} is not an exported program: trace takes a model or a .pt2 file; fxviz.load reads a saved graph"
        )
    try:
        return _torch.load_program(path)
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise FormatError(
            f"{path} cannot be read as an exported program (truncated, or written by another torch?): {reason[0]}"
        ) from error
