"""The `torch.fx.Graph` of a recorded run, built during the run with the methods of `torch.fx.Tracer`."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import operator
import types
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from fxviz.errors import GraphError
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.structure import Path, leaves, members

if TYPE_CHECKING:
    from fxviz.tracing.symbols import Symbols

__all__ = ["NODES", "ORIGIN", "FxGraphBuilder", "FxRef", "Origin"]

NODES = "fxviz_nodes"
"""The key in an fx node's ``meta`` for the `range` of the positions in ``Graph.nodes`` that it stands for."""

ORIGIN = "fxviz_origin"
"""The key in a built module's ``meta`` for its `Origin`."""


@dataclass(frozen=True)
class Origin:
    """The link from a built module to the `Graph` of its trace.

    ``ops`` has the ``op`` of each node of the graph; ``inputs`` and ``outputs`` are in the order of the graph's. An input
    is the fx node of its tensor, None if nothing reads it, and the sizes that it had in the trace.
    """

    ops: tuple[str, ...]
    inputs: tuple[tuple[fx.Node | None, tuple[int, ...]], ...]
    outputs: tuple[fx.Node, ...]


@dataclass(slots=True)
class FxRef:
    """The reference to a tensor in the fx graph: an attribute of the model, a node, or a part of what a node returns.

    Attributes are read and parts extracted when they are first used.
    """

    node: fx.Node | str
    path: Path = ()


FxOf = Callable[[torch.Tensor], FxRef | None]


class _NotInGraph(Exception):  # noqa: N818 -- a signal within this file: fx cannot hold a value
    pass


@functools.cache
def _methods_of_tensor() -> dict[object, str]:
    """Return where to find each method of a tensor: what ``x ** 2`` calls says that it is ``pow``, but is ``__pow__``."""
    methods = ((name, getattr(torch.Tensor, name)) for name in dir(torch.Tensor))
    return {method: name for name, method in methods if isinstance(method, Hashable) and callable(method)}


class FxGraphBuilder(fx.Tracer):
    """A tracer that is given each call instead of patching Python; `build` makes the runnable module.

    A call that an fx graph cannot hold does not stop the trace: ``problem`` says why `build` is refused.
    """

    def __init__(self, model: torch.nn.Module, symbols: Symbols) -> None:
        super().__init__()
        self.root = model
        self.tensor_attrs = {}  # which Tracer.trace would fill; tensors never get as far as asking for it
        self.graph = fx.Graph(tracer_cls=fx.Tracer)
        self.symbols = symbols
        self.problem: str | None = None
        self._constants: dict[str, torch.Tensor] = {}
        self._inputs: dict[Path, FxRef] = {}
        self._input_sizes: list[tuple[int, ...]] = []
        self._outputs: tuple[fx.Node, ...] = ()
        self._ops: tuple[str, ...] = ()
        self._sizes: dict[Any, fx.Proxy] = {}

    # -- where tensors come from

    def placeholder(self, name: str, kind: Any) -> fx.Node:
        """Create the node of one argument of the model's forward."""
        stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(kind, "")
        return self.create_node("placeholder", f"{stars}{name}", (), {})

    def input(self, placeholder: fx.Node, path: Path, sizes: Sequence[int]) -> FxRef:
        """Return a new reference to the input at ``path``, whose first step is the argument itself."""
        self._inputs[path] = ref = FxRef(placeholder, path[1:])
        self._input_sizes.append(tuple(sizes))
        return ref

    def constant(self, tensor: torch.Tensor) -> FxRef:
        """Return a reference to a tensor outside the parameters and buffers; the built module will hold it, too."""
        name = f"_tensor_constant{len(self._constants)}"
        self._constants[name] = tensor
        return FxRef(name)

    # -- calls

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> fx.Node:
        """Create the node of a call of torch's API: a method of a tensor, a Python operator, or a function, as fx users know it."""
        name = getattr(function, "__name__", "")
        if name in ("__get__", "__set__"):
            attribute = function.__self__.__name__  # type: ignore[attr-defined]
            access = getattr if name == "__get__" else setattr
            return self.create_node(
                "call_function",
                access,
                (args[0], attribute, *args[1:2]) if access is setattr else (args[0], attribute),
                {},
            )
        method = name if getattr(torch.Tensor, name, None) is function else _methods_of_tensor().get(function)
        if method is None:
            return self.create_node("call_function", function, args, kwargs)
        if (python_operator := getattr(operator, method, None)) is not None and method.startswith("__"):
            return self.create_node("call_function", python_operator, args, kwargs)
        return self.create_node("call_method", method, args, kwargs)

    def call_module_node(self, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> fx.Node:
        """Create the node of a call of a leaf module."""
        return self.create_node("call_module", path, args, kwargs)

    def enter_module(self, path: str, module: torch.nn.Module) -> None:
        """Begin a module call, which goes into the ``nn_module_stack`` of the nodes to come."""
        self.module_stack[path] = path, type(module)

    def leave_module(self) -> None:
        """End the innermost module call."""
        self.module_stack.popitem()

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        """Create a node as the Tracer does, with the module stack that `Tracer.create_proxy` would add."""
        node = super().create_node(*args, **kwargs)
        if self.module_stack:
            node.meta["nn_module_stack"] = dict(self.module_stack)
        return node

    # -- arguments

    def arguments(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], fx_of: FxOf
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Return the arguments with fx nodes in the place of tensors; None if fx cannot hold one of them."""
        try:
            return tuple(self._argument(a, fx_of) for a in args), {
                k: self._argument(a, fx_of) for k, a in kwargs.items()
            }
        except _NotInGraph:
            return None

    def _argument(self, argument: Any, fx_of: FxOf) -> Any:
        if isinstance(argument, torch.Tensor):
            if (ref := fx_of(argument)) is None:
                raise _NotInGraph
            return self._resolve(ref)
        if argument is None or type(argument) in (bool, int, float, str):
            return argument
        if isinstance(
            argument, bool | int | float
        ):  # NumPy's numbers and members of enumerations have no name in the code
            return next(kind for kind in (bool, int, float) if isinstance(argument, kind))(argument)
        if isinstance(argument, torch.SymInt):
            return self._size(argument)
        if type(argument) in (tuple, list, torch.Size):
            parts = [self._argument(part, fx_of) for part in argument]
            return parts if isinstance(argument, list) else tuple(parts)
        if isinstance(argument, slice):
            return slice(*(self._argument(part, fx_of) for part in (argument.start, argument.stop, argument.step)))
        if type(argument) is dict:
            return {key: self._argument(part, fx_of) for key, part in argument.items()}
        if any(True for _ in leaves(argument)):
            raise _NotInGraph
        try:
            return self.create_arg(argument)
        except NotImplementedError:
            raise _NotInGraph from None

    def _resolve(self, ref: FxRef) -> fx.Node:
        if isinstance(ref.node, str):
            ref.node = self.create_node("get_attr", ref.node, (), {})
        for kind, key in ref.path:
            access = operator.getitem if kind == "item" else getattr
            ref.node = self.create_node("call_function", access, (ref.node, key), {})
        ref.path = ()
        return ref.node

    def _size(self, size: torch.SymInt) -> Any:
        expression = size.node.expr
        if not expression.free_symbols:
            return int(expression)
        for symbol in expression.free_symbols - self._sizes.keys():
            if symbol not in self.symbols.places:
                raise _NotInGraph
            path, dim = self.symbols.places[symbol]
            owner = self._resolve(self._inputs[path])
            node = self.create_node("call_function", torch.ops.aten.sym_size.int, (owner, dim), {})
            self._sizes[symbol] = fx.Proxy(node, self)
        result = _torch.evaluate(expression, self._sizes)
        return result.node if isinstance(result, fx.Proxy) else result

    # -- outputs and the module

    def output(self, result: Any, fx_of: FxOf, ops: tuple[str, ...]) -> None:
        """End the graph with what the model returned, after operations that are ``ops``."""
        self._ops = ops
        try:
            self._outputs = tuple(self._argument(tensor, fx_of) for _, tensor in leaves(result))
            self.create_node("output", "output", (self._result(result, fx_of),), {})
        except _NotInGraph:
            self.problem = self.problem or "it returns a tensor that no recorded operation made"

    def _result(self, result: Any, fx_of: FxOf) -> Any:
        """Return a nested result: containers as they are, dataclasses rebuilt, other objects as namespaces of their attributes."""
        if isinstance(result, torch.Tensor) or not (parts := members(result)):
            try:
                return self._argument(result, fx_of)
            except _NotInGraph:
                if isinstance(result, torch.Tensor):
                    raise
                return None  # no tensor in it, and nothing that fx could write down
        built = [(key, self._result(part, fx_of)) for (_, key), part in parts]
        if isinstance(result, tuple) and hasattr(result, "_fields"):
            return self.create_node("call_function", type(result), tuple(part for _, part in built), {})
        if isinstance(result, list | tuple):
            return type(result)(part for _, part in built)
        if dataclasses.is_dataclass(result):
            return self.create_node("call_function", type(result), (), dict(built))
        if isinstance(result, Mapping):
            return dict(built)
        return self.create_node(
            "call_function", types.SimpleNamespace, (), {k: v for k, v in built if str(k).isidentifier()}
        )

    def build(self) -> fx.GraphModule:
        """Build the runnable module, on the model's own parameters and submodules.

        Raises `GraphError` where the run did something that fx cannot hold.
        """
        if self.problem is not None:
            raise GraphError(f"no torch.fx module can be made of this trace: {self.problem}")
        targets = {str(node.target) for node in self.graph.nodes if node.op in ("get_attr", "call_module")}
        owned = {
            name: self._constants[name] if name in self._constants else operator.attrgetter(name)(self.root)
            for name in targets
        }
        module = fx.GraphModule(owned, self.graph, class_name=type(self.root).__name__)
        module.training = self.root.training  # of this module alone: those in it are the model's own
        module.meta[ORIGIN] = Origin(self._ops, tuple(self._resolved_inputs()), self._outputs)
        return module

    def _resolved_inputs(self) -> Iterator[tuple[fx.Node | None, tuple[int, ...]]]:
        for ref, sizes in zip(self._inputs.values(), self._input_sizes, strict=True):
            yield ref.node if isinstance(ref.node, fx.Node) and not ref.path else None, sizes
