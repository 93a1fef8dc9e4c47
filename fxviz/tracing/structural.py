"""A graph of structure alone, from a symbolic trace: no input was given, so no type, kernel or storage is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx

from fxviz.ir import Attribute, Graph, Role
from fxviz.tracing.attributes import author_op, to_attribute
from fxviz.tracing.draft import Draft, NodeRecord, ValueRecord
from fxviz.tracing.replay import ScopeReader
from fxviz.tracing.scopes import ScopeStack
from fxviz.tracing.symbols import Symbols
from fxviz.tracing.tensors import type_of

__all__ = ["graph_without_inputs"]

_NOTE = "traced without inputs: shapes, FLOPs and memory are unknown; give inputs to know them"


def graph_without_inputs(module: fx.GraphModule, original: torch.nn.Module, name: str) -> Graph:
    """Return the nodes of ``module`` in their scopes; a leaf module is one node, named after its class."""
    return _Structure(module, original, name).graph()


class _Structure:
    def __init__(self, module: fx.GraphModule, original: torch.nn.Module, name: str) -> None:
        self.module = module
        self.draft = Draft(name)
        self.scopes = ScopeStack(module, original)
        self.reader = ScopeReader(self.scopes)
        self.values: dict[fx.Node, ValueRecord] = {}
        self.parameters: dict[int, ValueRecord] = {}
        self._read_parameters()

    def graph(self) -> Graph:
        for node in self.module.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = value = ValueRecord(None, None, Role.INPUT, str(node.target).lstrip("*"))
                self.draft.inputs.append(value)
            elif node.op == "get_attr":
                self._read_attribute(node)
            elif node.op == "output":
                self._read_output(node)
            else:
                self._read_call(node)
        return self.draft.freeze(mode="symbolic", notes=(_NOTE,), build_module=lambda: self.module)

    def _read_parameters(self) -> None:
        """Read the parameters, which have types even where nothing else does."""
        for role, named in (
            (Role.PARAMETER, self.module.named_parameters(remove_duplicate=False)),
            (Role.BUFFER, self.module.named_buffers(remove_duplicate=False)),
        ):
            for name, tensor in named:
                if (known := self.parameters.get(id(tensor))) is not None:
                    self.draft.aliases[name] = known.name
                    continue
                trainable = role is Role.PARAMETER and tensor.requires_grad
                value = ValueRecord(type_of(tensor), None, role, name, trainable)
                self.parameters[id(tensor)] = value
                self.draft.parameters.append(value)

    def _read_attribute(self, node: fx.Node) -> None:
        owner: Any = self.module
        for part in str(node.target).split("."):
            owner = getattr(owner, part)
        if (value := self.parameters.get(id(owner))) is None:
            value = ValueRecord(None, None, Role.CONSTANT, str(node.target))
            self.draft.constants.append(value)
        self.values[node] = value

    def _read_output(self, node: fx.Node) -> None:
        for position, argument in enumerate(node.all_input_nodes):
            self.draft.outputs.append(self.values[argument])
            self.draft.output_names.append("output" if len(node.all_input_nodes) == 1 else str(position))

    def _read_call(self, node: fx.Node) -> None:
        """Read a call. Every fx node is a node here, sizes and other plain numbers among them: without types they cannot be told from tensors."""
        if node.op == "call_module":
            submodule = self.module.get_submodule(str(node.target))
            op, scope = type(submodule).__name__, self.reader.scope_of(node, with_target=True)
        else:
            op = str(node.target) if node.op == "call_method" else author_op(node.target)
            scope = self.reader.scope_of(node)
        record = NodeRecord(op, scope, self.reader.source_of(node))
        attributes: dict[str, Attribute] = {}
        for name, argument in [*((f"arg{i}", a) for i, a in enumerate(node.args)), *node.kwargs.items()]:
            self._read_argument(name, argument, record, attributes)
        if node.op == "call_module":
            prefix = f"{node.target}."
            for value in self.draft.parameters:
                if value.name.startswith(prefix):
                    record.inputs.append(value)
                    record.input_names.append(value.name.removeprefix(prefix))
        record.attributes = attributes
        self.values[node] = value = ValueRecord(None, None)
        record.outputs.append(value)
        self.draft.nodes.append(record)

    def _read_argument(self, name: str, argument: Any, record: NodeRecord, attributes: dict[str, Attribute]) -> None:
        if isinstance(argument, fx.Node):
            record.inputs.append(self.values[argument])
            record.input_names.append(name)
        elif isinstance(argument, list | tuple) and any(isinstance(part, fx.Node) for part in argument):
            for index, part in enumerate(argument):
                self._read_argument(f"{name}.{index}", part, record, attributes)
        elif isinstance(argument, Mapping) and any(isinstance(part, fx.Node) for part in argument.values()):
            for key, part in argument.items():
                self._read_argument(f"{name}.{key}", part, record, attributes)
        else:
            attributes[name] = to_attribute(argument, Symbols(None))
