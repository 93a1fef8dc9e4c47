"""`trace_autograd`: the graph that autograd keeps behind a tensor, as a `Graph` like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fxviz.errors import InputError
from fxviz.ir import Attribute, Role, TensorType
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.attributes import to_attribute
from fxviz.tracing.draft import Draft, NodeRecord, ValueRecord
from fxviz.tracing.linking import link
from fxviz.tracing.structure import format_path, leaves
from fxviz.tracing.symbols import Symbols
from fxviz.tracing.tensors import type_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fxviz.ir import Graph

__all__ = ["trace_autograd"]

_SAVED = "_saved_"


def trace_autograd(
    output: Any,
    params: Mapping[str, torch.Tensor] | None = None,
    *,
    forward: Graph | None = None,
    show_attrs: bool = False,
    show_saved: bool = False,
    max_attr_chars: int = 50,
) -> Graph:
    """Return the autograd graph behind ``output``: every ``grad_fn`` as a node, leaf tensors as inputs, in forward order.

    Edges run forward, from what was computed first, as in torchviz. Nothing is run: the graph is the one that
    ``backward()`` would walk, and there are no kernels, FLOPs or memory in it.

    Args:
        output: a tensor, or any nesting of tensors (a tuple, a dict, a model output).
        params: names of leaf tensors, such as ``dict(model.named_parameters())``.
        forward: the graph of the forward pass, from `fxviz.trace` on the same model and sizes. Each backward function is then
            in the module of the operation that it came from, with its source line, and names it as its ``forward``.
        show_attrs: keep what each backward function saved besides tensors, as attributes of its node.
        show_saved: show the tensors that backward functions saved, as further inputs. What a custom
            ``torch.autograd.Function`` saved is always shown.
        max_attr_chars: the most characters of an attribute's text.

    Raises `InputError` if there is no tensor in ``output``, or ``params`` is not a mapping of tensors.

    >>> layer = torch.nn.Linear(4, 2)
    >>> graph = trace_autograd(layer(torch.ones(3, 4)).relu(), dict(layer.named_parameters()))
    >>> [node.op for node in graph.nodes]
    ['AccumulateGrad', 'AccumulateGrad', 'TBackward0', 'AddmmBackward0', 'ReluBackward0']
    """
    found = list(leaves(output))
    if not found:
        raise InputError(f"there is no tensor in {type(output).__name__}; give the result of a model")
    if params is not None and not all(isinstance(tensor, torch.Tensor) for tensor in params.values()):
        raise InputError("params must map names to tensors, as dict(model.named_parameters()) does")
    reader = _Reader(params or {}, show_attrs=show_attrs, show_saved=show_saved, max_attr_chars=max_attr_chars)
    for path, tensor in found:
        reader.add_output(tensor, format_path(path) or "output")
    if forward is not None:
        reader.link(forward)
    return reader.draft.freeze(mode="autograd", notes=reader.notes)


class _Reader:
    def __init__(
        self, params: Mapping[str, torch.Tensor], *, show_attrs: bool, show_saved: bool, max_attr_chars: int
    ) -> None:
        self.draft = Draft("autograd")
        self.notes: list[str] = []
        self.show_attrs = show_attrs
        self.show_saved = show_saved
        self.max_attr_chars = max(max_attr_chars, 3)
        self._names = {id(tensor): name for name, tensor in params.items()}
        self._leaves: dict[int, ValueRecord] = {}
        self._results: dict[Any, list[ValueRecord]] = {}  # the outputs of each autograd node that is in the graph

    def add_output(self, tensor: torch.Tensor, name: str) -> None:
        """Add an output and everything before it; then the tensor that it is a view of, if any."""
        if tensor.grad_fn is None:
            value = self._leaf(tensor)
        else:
            self._add_function(tensor.grad_fn)
            value = self._results[tensor.grad_fn][tensor.output_nr]
        self.draft.outputs.append(value)
        self.draft.output_names.append(name)
        if (base := _torch.base_of(tensor)) is not None:
            self.add_output(base, f"{name} (base)")

    def link(self, forward: Graph) -> None:
        """Move each node to the scope of its forward operation, and each accumulation of a gradient to the scope of its first reader."""
        nodes = dict(zip(self._results, self.draft.nodes, strict=True))
        linked = link(nodes, forward)
        for function, operation in linked.items():
            node = nodes[function]
            node.scope, node.source = operation.scope, operation.source
            node.attributes = {**node.attributes, "forward": operation.name}
            for earlier, _ in function.next_functions:
                if hasattr(earlier, "variable") and not nodes[earlier].scope:
                    nodes[earlier].scope = operation.scope

    def _add_function(self, last: Any) -> None:
        """Add ``last`` and everything before it, without recursion: autograd graphs are deeper than Python's stack."""
        pending = [(last, False)]
        while pending:
            function, ready = pending.pop()
            if function in self._results:
                continue
            if ready:
                self._make_node(function)
                continue
            pending.append((function, True))
            before = [earlier for earlier, _ in function.next_functions if earlier is not None]
            pending.extend((earlier, False) for earlier in reversed(before) if earlier not in self._results)

    def _make_node(self, function: Any) -> None:
        node = NodeRecord(type(function).__name__, (), None)
        if (leaf := getattr(function, "variable", None)) is not None:
            self._read(node, "variable", self._leaf(leaf))
        for position, (earlier, number) in enumerate(function.next_functions):
            if earlier is not None:
                self._read(node, str(position), self._results[earlier][number])
        node.outputs = [ValueRecord(_type_of_metadata(metadata), None) for metadata in _torch.results_of(function)]
        node.attributes = {**self._saved(function, node), **_hooks_of(leaf)}
        self._results[function] = node.outputs
        self.draft.nodes.append(node)

    def _read(self, node: NodeRecord, name: str, value: ValueRecord) -> None:
        node.inputs.append(value)
        node.input_names.append(name)

    def _leaf(self, tensor: torch.Tensor) -> ValueRecord:
        if (known := self._leaves.get(id(tensor))) is not None:
            return known
        self._leaves[id(tensor)] = value = self._input(tensor, self._names.get(id(tensor), "leaf"))
        return value

    def _saved(self, function: Any, node: NodeRecord) -> dict[str, Attribute]:
        attributes: dict[str, Attribute] = {}
        for name, value in self._saved_values(function):
            tensors = list(leaves(value))
            for path, tensor in tensors:
                saved = self._leaves.get(id(tensor)) or self._input(tensor, f"saved {name}")
                self._read(node, format_path((("attr", name), *path)), saved)
            if not tensors and self.show_attrs:
                attribute = to_attribute(value, Symbols(None))
                attributes[name] = (
                    attribute if len(str(attribute)) <= self.max_attr_chars else self._shortened(attribute)
                )
        return attributes

    def _shortened(self, attribute: Attribute) -> str:
        return f"{str(attribute)[: self.max_attr_chars - 3]}..."

    def _saved_values(self, function: Any) -> Iterator[tuple[str, Any]]:
        """Yield the values that a backward function saved and that are to be shown, by name."""
        names = (
            [name for name in dir(function) if name.startswith(_SAVED)] if self.show_saved or self.show_attrs else []
        )
        try:
            for name in names:
                value = getattr(function, name)
                if self.show_saved or not list(leaves(value)):
                    yield name.removeprefix(_SAVED), value
            yield from (
                (f"saved_{i}", t) for i, t in enumerate(getattr(function, "saved_tensors", ())) if t is not None
            )
        except RuntimeError:
            note = "backward has run, and what was saved for it is freed"
            if note not in self.notes:
                self.notes.append(note)

    def _input(self, tensor: torch.Tensor, name: str) -> ValueRecord:
        value = ValueRecord(type_of(tensor), None, Role.INPUT, name, tensor.requires_grad)
        self.draft.inputs.append(value)
        return value


def _hooks_of(leaf: torch.Tensor | None) -> dict[str, Attribute]:
    """Return how many of the user's hooks wait for the gradient of a leaf; the hooks of other tensors cannot be counted."""
    count = _torch.gradient_hooks(leaf)
    return {"hooks": count} if count else {}


def _type_of_metadata(metadata: Any) -> TensorType:
    """Return the type of a forward result, which autograd keeps to check the gradient against."""
    return TensorType(
        tuple(int(size) for size in metadata.shape), str(metadata.dtype).removeprefix("torch."), str(metadata.device)
    )
