"""The recorder: a `torch.fx.Tracer` that runs a model on fake tensors and records what happens.

A torch-function mode sees the calls that the author wrote; each becomes a node. A dispatch mode sees the ATen operators
under them; each becomes a kernel. Storages are watched through weak references, so that lifetimes are observed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from fxviz.ir import Attribute, Phase, Role, Source, format_scope
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.attributes import author_op, kernel_op, schema_of, to_attribute
from fxviz.tracing.draft import Draft, KernelRecord, NodeRecord, ValueRecord
from fxviz.tracing.fxgraph import NODES, FxGraphBuilder, FxRef
from fxviz.tracing.kernels import chooses_backend, find_fake_kernel
from fxviz.tracing.memo import CallKey, Memo, Recipe
from fxviz.tracing.missing_device import is_missing, placed_beside, pretended, substitutes_for
from fxviz.tracing.names import named_arguments
from fxviz.tracing.scopes import ScopeStack
from fxviz.tracing.sources import find_source
from fxviz.tracing.structure import Path, format_path, leaves, rebuild
from fxviz.tracing.tensors import Tag, TensorBook

if TYPE_CHECKING:
    import inspect
    from types import FrameType

    from fxviz.tracing.stand_ins import StandIns
    from fxviz.tracing.symbols import Symbols

__all__ = ["OpenCall", "Recorder"]


class OpenCall:
    """A call of the author's that is running."""

    __slots__ = ("args", "autocast", "frame", "function", "fx", "kwargs", "node")

    def __init__(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], frame: FrameType | None
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.frame = frame
        self.autocast = _torch.autocast_is_on()  # to be asked here: within an operator it is off
        self.node: NodeRecord | None = None
        self.fx: tuple[tuple[Any, ...], dict[str, Any]] | None = None


class Recorder:
    """Records one run of a model; `run` may be called once."""

    def __init__(
        self,
        model: torch.nn.Module,
        stand_ins: StandIns,
        symbols: Symbols,
        fake_mode: _torch.FakeTensorMode | None,
        name: str,
        original: torch.nn.Module | None = None,
    ) -> None:
        self.model = model
        self.stand_ins = stand_ins
        self.symbols = symbols
        self.fake_mode = fake_mode
        self.draft = Draft(name)
        self.scopes = ScopeStack(model, original)
        self.fx = FxGraphBuilder(model, symbols)
        self.phase = Phase.FORWARD
        self.source: Source | None = None  # set by an interpreter that knows better than the Python frames
        self.book = TensorBook(self.draft, stand_ins, symbols, self.fx, fake=fake_mode is not None)
        self._memo = Memo(self.book, fake_mode) if fake_mode is not None and symbols.env is None else None
        # Functions that are not an operation: they ran no operator and returned no tensor (shape, size), or only look at one.
        self._plain: set[Callable[..., Any]] = {getattr(torch.Tensor.grad, "__get__")}  # noqa: B009 -- it is typed as a tensor
        self._device_is_missing = fake_mode is not None and is_missing(stand_ins.device)
        self._substitutes = substitutes_for(stand_ins.device) if self._device_is_missing else {}
        self._call: OpenCall | None = None
        self._scripted: list[tuple[MutableMapping[str, torch.Tensor | None], str, torch.Tensor]] = []
        # The leaf module that is running, the number of nodes before it, and its call.
        self._leaf: tuple[torch.nn.Module, int, tuple[str, tuple[Any, ...], dict[str, Any]]] | None = None

    # -- a run, from inputs to outputs

    def run(self, forward: Callable[..., Any], arguments: inspect.BoundArguments) -> None:
        """Run ``forward`` on stand-ins for ``arguments`` and record it."""
        with torch.no_grad(), self._prepared(arguments) as (args, kwargs), self._recording():
            result = forward(*args, **kwargs)
        self._read_outputs(result)
        self.book.close()

    @contextmanager
    def _prepared(self, arguments: inspect.BoundArguments) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        """Put stand-ins in the place of weights and inputs, and make fake tensors wherever the code makes tensors."""
        with _torch.eager_compile(), _torch.silent(), _torch.idle_conversions(), pretended(self.stand_ins.device):
            self._place_weights()
            try:
                inputs = self._place_inputs(arguments)
                with self.fake_mode or nullcontext(), _torch.symbols_kept() if self.symbols.env else nullcontext():
                    yield inputs
            finally:
                self._return_scripted()

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """Record everything that runs inside."""
        with self.scopes.hooked(self._enter_module, self._leave_module), _Dispatch(self), _Functions(self):
            yield

    def _place_weights(self) -> None:
        """Put a stand-in in the place of every parameter and buffer; the caller puts the originals back."""
        for path, module in self.model.named_modules(remove_duplicate=False):
            prefix = f"{path}." if path else ""
            for table, role in (
                (_torch.parameters_of(module), Role.PARAMETER),
                (_torch.buffers_of(module), Role.BUFFER),
            ):
                for key, tensor in table.items():
                    if tensor is None:
                        continue
                    name = f"{prefix}{key}"
                    make = self.stand_ins.parameter if role is Role.PARAMETER else self.stand_ins.buffer
                    known = self.book.known(tensor)  # a module may be reached by two paths
                    if not isinstance(table, dict):
                        self._scripted.append((table, key, tensor))
                    table[key] = stand_in = tensor if known else make(tensor)
                    if (tag := known or self.book.known(stand_in)) is not None:
                        self._alias(name, tag.value)
                        continue
                    value = self.book.value(stand_in, role, name)
                    value.trainable = role is Role.PARAMETER and tensor.requires_grad
                    self.draft.parameters.append(value)
                    self.book.attach(stand_in, Tag(value, FxRef(name)))

    def _return_scripted(self) -> None:
        """Give script modules their own weights back: their tables are in C++, where no snapshot of Python objects reaches."""
        for table, key, tensor in reversed(self._scripted):
            table[key] = tensor
        self._scripted.clear()

    def _alias(self, name: str, value: ValueRecord) -> None:
        if name != value.name:
            self.draft.aliases[name] = value.name

    def _place_inputs(self, arguments: inspect.BoundArguments) -> tuple[tuple[Any, ...], dict[str, Any]]:
        parameters = arguments.signature.parameters
        for position, (name, argument) in enumerate(list(arguments.arguments.items())):
            placeholder = self.fx.placeholder(name, parameters[name].kind)

            def place(
                path: Path, tensor: torch.Tensor, position: int = position, placeholder: Any = placeholder
            ) -> torch.Tensor:
                stand_in = self.stand_ins.input(tensor, self.symbols.shape(path, tensor.shape, position))
                if self.book.known(stand_in) is None:
                    value = self.book.value(stand_in, Role.INPUT, format_path(_without_variadic(path, parameters)))
                    self.draft.inputs.append(value)
                    self.book.attach(stand_in, Tag(value, self.fx.input(placeholder, path, tensor.shape)))
                return stand_in

            arguments.arguments[name] = rebuild(argument, place, (("item", name),))
        self.symbols.check_used([value.name for value in self.draft.inputs])
        return arguments.args, arguments.kwargs

    def _read_outputs(self, result: Any) -> None:
        found = list(leaves(result))
        for path, tensor in found:
            self.draft.outputs.append(self.book.read(tensor))
            self.draft.output_names.append(format_path(path) or "output")
        self.fx.output(result, self.book.fx_of, tuple(node.op for node in self.draft.nodes))

    # -- calls of the author's: nodes

    def call(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], frame: FrameType | None
    ) -> Any:
        """Run one call of the author's; it becomes a node if an operator runs in it or a tensor comes out of it."""
        run = self._substitutes.get(function, function)
        if self._call is not None or function in self._plain:
            return run(*args, **kwargs)
        opened = OpenCall(function, args, kwargs, frame)
        key = self._key(opened)
        if key is not None and self._memo is not None and (recipe := self._memo.find(key)) is not None:
            return self._repeat(opened, key, recipe, self._memo)
        start = self.draft.step
        before = self._tags_of(args)
        self._call = opened
        try:
            result = run(*args, **kwargs)
        finally:
            self._call = None
        if opened.node is None and not isinstance(result, torch.Tensor | tuple | list):
            self._plain.add(function)
            return result
        self._close(opened, result)
        if key is not None and self._memo is not None:
            self._memo.learn(key, opened.node, start, result)
        return self._handed_on(result, opened.node, before)

    def _key(self, opened: OpenCall) -> CallKey | None:
        if self._memo is None or opened.autocast or torch.is_grad_enabled():
            return None
        return self._memo.key(opened.function, opened.args, opened.kwargs)

    def _repeat(self, opened: OpenCall, key: CallKey, recipe: Recipe, memo: Memo) -> Any:
        """Record a call that was seen before, without running it."""
        source = self.source or find_source(opened.frame)
        node = NodeRecord(author_op(opened.function), self.scopes.current, source, phase=self.phase)
        node.inputs = [self.book.read(tensor) for tensor in key.tensors]
        node.input_names, node.attributes = list(recipe.input_names), recipe.attributes
        self.draft.nodes.append(node)
        mapped = self.fx.arguments(opened.args, opened.kwargs, self.book.fx_of) if self._leaf is None else None
        before = self._tags_of(key.tensors)
        result = memo.follow(recipe, key, node)
        if mapped is not None:
            self._emit(self.fx.call(opened.function, *mapped), leaves(result))
        elif self._leaf is None:
            self.fx.problem = self.fx.problem or f"{node.op} was given what fx cannot hold"
        return self._handed_on(result, node, before)

    def _tags_of(self, args: Sequence[Any]) -> dict[int, tuple[Tag, ValueRecord, FxRef | None]]:
        """Return what is known of the tensors among a call's arguments, by identity; lists are not searched."""
        tags = ((argument, self.book.known(argument)) for argument in args if isinstance(argument, torch.Tensor))
        return {id(argument): (tag, tag.value, tag.fx) for argument, tag in tags if tag is not None}

    def _handed_on(
        self, result: Any, node: NodeRecord | None, before: Mapping[int, tuple[Tag, ValueRecord, FxRef | None]]
    ) -> Any:
        """Return the result of a call; if the call only returned its argument, another object on the same memory.

        Who reads the argument later reads what it was, and who reads the result reads what the call returned.
        """
        if node is None or node.kernels or id(result) not in before or node.op.endswith("_"):
            return result
        tag, value, ref = before[id(result)]
        alias = None
        if self.fake_mode is not None and not torch.is_grad_enabled():
            alias = _torch.alias_of(self.fake_mode, result)
        if alias is not None:
            self.book.attach(alias, Tag(tag.value, tag.fx))
        tag.value, tag.fx = value, ref
        return result if alias is None else alias

    def _emit(self, ref: Any, found: Iterable[tuple[Path, torch.Tensor]], start: int | None = None) -> None:
        """Tie an fx node to the tensors that it returned and to its nodes: those from ``start`` on, else the last."""
        end = len(self.draft.nodes)
        ref.meta[NODES] = range(end - 1 if start is None else start, end)
        for path, tensor in found:
            self.book.tag(tensor).fx = FxRef(ref, path)

    def _close(self, opened: OpenCall, result: Any) -> None:
        found = list(leaves(result))
        if not found and opened.node is None:
            return
        node = opened.node or self._begin(opened)
        outputs = dict.fromkeys(self._result(tensor, node) for _, tensor in found)
        node.outputs[:0] = [record for record in outputs if record not in node.outputs]
        if (
            opened.fx is not None
            and self._leaf is None
            and any(kernel.outputs for kernel in node.kernels) | bool(found)
        ):
            self._emit(self.fx.call(opened.function, *opened.fx), found)

    def _result(self, tensor: torch.Tensor, node: NodeRecord) -> ValueRecord:
        """Return the value that a node returns: made by its kernels, or a new name for a value that it passes through."""
        tag = self.book.tag(tensor)
        if tag.value.within is not node and tag.value not in node.outputs:
            tag.value = ValueRecord(tag.value.type, tag.value.storage, version=tag.value.version)
        tag.value.within = None
        return tag.value

    def _begin(self, opened: OpenCall) -> NodeRecord:
        """Begin a node and read the arguments of its call, before an operator can write to them."""
        source = self.source or find_source(opened.frame)
        opened.node = node = NodeRecord(author_op(opened.function), self.scopes.current, source, phase=self.phase)
        attributes: dict[str, Attribute] = {}
        for name, argument in named_arguments(opened.function, node.op, opened.args, opened.kwargs):
            self._read_argument(name, argument, node.inputs, node.input_names, attributes)
        node.attributes = attributes
        self.draft.nodes.append(node)
        if self._leaf is None and not opened.autocast:  # an fx graph has no autocast, but its kernels have the casts
            opened.fx = self.fx.arguments(opened.args, opened.kwargs, self.book.fx_of)
        return node

    def _read_argument(
        self,
        name: str,
        argument: Any,
        inputs: list[ValueRecord],
        input_names: list[str],
        attributes: dict[str, Attribute],
    ) -> None:
        if isinstance(argument, torch.Tensor):
            inputs.append(self.book.read(argument))
            input_names.append(name)
            return
        if isinstance(argument, list | tuple | Mapping):
            found = list(leaves(argument))
            for path, tensor in found:
                inputs.append(self.book.read(tensor))
                input_names.append(f"{name}.{format_path(path)}")
            if found and len(found) == len(argument):
                return
        attributes[name] = to_attribute(argument, self.symbols)

    # -- dispatched operators: kernels

    def dispatch(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run one ATen operator and record it as a kernel of the call it runs in."""
        if getattr(function, "namespace", "") in ("prim", "profiler"):  # questions and marks: they compute nothing
            return function(*args, **kwargs)
        if self._device_is_missing and "device" in kwargs:
            kwargs = self._beside(function, kwargs)
        schema = schema_of(function)
        node = self._node_of_kernel(function, args, kwargs)
        if self.book.fake:
            args, kwargs = (
                self.book.without_real_tensors(args),
                dict(zip(kwargs, self.book.without_real_tensors(list(kwargs.values())), strict=True)),
            )
        inputs: list[ValueRecord] = []
        names: list[str] = []
        attributes: dict[str, Attribute] = {}
        for position, argument in enumerate(args):
            name = schema.names[position] if position < len(schema.names) else f"arg{position}"
            self._read_kernel_argument(name, argument, node, inputs, names, attributes)
        for name, argument in kwargs.items():
            self._read_kernel_argument(name, argument, node, inputs, names, attributes)
        emitted = self._emit_kernel(function, args, kwargs)
        result = self._run_kernel(function, args, kwargs)
        written = _written_tensors(schema.written, args, kwargs)
        outputs = [self.book.written(tensor, node) for tensor in written]
        outputs += [self.book.made(t, node) for t in _tensors(result) if not any(t is other for other in written)]
        kernel = KernelRecord(kernel_op(function), inputs, names, outputs, attributes, len(written))
        node.kernels.append(kernel)
        self.draft.step += 1
        if emitted is not None:
            self._emit(self.fx.call(function, *emitted), leaves(result))
        return result

    def _beside(self, function: Any, kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a kernel's keywords with the device that C++ code would have named, had it known the device of the tensors."""
        if self._call is None:  # autograd, or a kernel that was called as it is
            return kwargs if _torch.current_autograd_node() is None else placed_beside([self.stand_ins.device], kwargs)
        if function is torch.ops.aten._to_copy.default:
            return kwargs
        return placed_beside([*self._call.args, *self._call.kwargs.values()], kwargs)

    def _run_kernel(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        outer, self._call = (
            self._call,
            self._call or OpenCall(function, args, kwargs, None),
        )  # its own call is not the author's
        try:
            return self._run_fake(function, args, kwargs)
        finally:
            self._call = outer

    def _run_fake(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if self.fake_mode is None:
            return function(*args, **kwargs)
        run = find_fake_kernel(function) or function
        if self.symbols.env is None:
            return run(*args, **kwargs)
        quiet = _torch.without_guards(self.symbols.env) if chooses_backend(function) else nullcontext()
        with quiet, _torch.enable_python_dispatcher():  # C++ code would want numbers for some sizes, and pin symbols
            return run(*args, **kwargs)

    def _node_of_kernel(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> NodeRecord:
        if self._call is not None:
            return self._call.node or self._begin(self._call)
        return self._begin(OpenCall(function, args, kwargs, sys._getframe(3)))

    def _emit_kernel(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return the fx arguments of a kernel, where the author's call cannot be held in an fx graph and its kernels stand for it."""
        if self._leaf is not None or (self._call is not None and self._call.fx is not None):
            return None
        if (mapped := self.fx.arguments(args, kwargs, self.book.fx_of)) is None:
            self.fx.problem = (
                self.fx.problem
                or f"{kernel_op(function)} in {format_scope(self.scopes.current) or 'the model itself'} was given what fx cannot hold"
            )
        return mapped

    def _read_kernel_argument(
        self,
        name: str,
        argument: Any,
        node: NodeRecord,
        inputs: list[ValueRecord],
        names: list[str],
        attributes: dict[str, Attribute],
    ) -> None:
        if id(argument) in self.book.literals:
            attributes[name] = "literal"
        elif isinstance(argument, torch.Tensor):
            inputs.append(self._kernel_input(argument, node))
            names.append(name)
        elif isinstance(argument, list | tuple) and any(isinstance(part, torch.Tensor) for part in argument):
            for index, part in enumerate(argument):
                if isinstance(part, torch.Tensor):
                    inputs.append(self._kernel_input(part, node))
                    names.append(f"{name}.{index}")
        else:
            attributes[name] = to_attribute(argument, self.symbols)

    def _kernel_input(self, tensor: torch.Tensor, node: NodeRecord) -> ValueRecord:
        """Return the value that a kernel of ``node`` reads; one that only the kernels of another node knew becomes its output.

        Autograd saves such tensors for a gradient that is taken later, and autocast keeps the casts of weights.
        """
        value = self.book.tag(tensor).value
        if value.within is None or value.within is node:
            return value
        value = self.book.read(tensor)
        if value not in node.inputs:
            node.inputs.append(value)
            node.input_names.append(value.name or f"input{len(node.inputs) - 1}")
        return value

    # -- module calls

    def _enter_module(self, module: torch.nn.Module, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.fx.enter_module(path, module)
        if self._leaf is None and self.fx.is_leaf_module(module, path) and not _torch.autocast_is_on():
            mapped = self.fx.arguments(args, kwargs, self.book.fx_of)
            if mapped is not None:
                self._leaf = module, len(self.draft.nodes), (path, *mapped)

    def _leave_module(self, module: torch.nn.Module, result: Any) -> None:
        if self._leaf is not None and self._leaf[0] is module:
            _, start, (path, args, kwargs) = self._leaf
            self._leaf = None
            self._emit(self.fx.call_module_node(path, args, kwargs), leaves(result), start)
        self.fx.leave_module()


class _Functions(TorchFunctionMode):
    """Sees every call of torch's Python API."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._recorder.call(func, args, kwargs or {}, sys._getframe(1))


class _Dispatch(_torch.DispatchMode):
    """Sees every ATen operator, below autograd and above the fake kernels."""

    supports_higher_order_operators = True

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._recorder = recorder

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._recorder.dispatch(func, args, kwargs or {})


def _tensors(result: Any) -> list[torch.Tensor]:
    """Return the different tensors that an operator returned, or got as one argument."""
    if isinstance(result, torch.Tensor):
        return [result]
    return list({id(tensor): tensor for _, tensor in leaves(result)}.values())


def _written_tensors(
    written: Sequence[tuple[int, str]], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[torch.Tensor]:
    """Return the different tensors among the arguments that an operator's schema says it writes to."""
    found = [args[position] if position < len(args) else kwargs.get(name) for position, name in written]
    return list({id(tensor): tensor for argument in found for tensor in _tensors(argument)}.values())


def _without_variadic(path: Path, parameters: Mapping[str, inspect.Parameter]) -> Path:
    """Return the path without the name of a ``**kwargs`` that holds the argument: the caller never wrote it."""
    first = parameters[path[0][1]]
    return path[1:] if first.kind is first.VAR_KEYWORD and len(path) > 1 else path
