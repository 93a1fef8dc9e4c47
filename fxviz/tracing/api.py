"""`trace`: from a model and its inputs to a `Graph`."""

from __future__ import annotations

import contextvars
import functools
import inspect
import os
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import torch
from torch import fx, nn

from fxviz.errors import FxvizError, InputError, TraceError
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.failure import explain, reads_values
from fxviz.tracing.isolated import trace_in_child
from fxviz.tracing.placement import fake_mode, named_device, own_device
from fxviz.tracing.proxies import symbolic_trace
from fxviz.tracing.recorder import Recorder
from fxviz.tracing.replay import Program, exported_program, read_program
from fxviz.tracing.stand_ins import EagerStandIns, FakeStandIns
from fxviz.tracing.state import preserved, without_cached, without_garbage_collection
from fxviz.tracing.structural import graph_without_inputs
from fxviz.tracing.symbols import Symbols

if TYPE_CHECKING:
    from fxviz.ir import Graph

__all__ = ["Mode", "Request", "bind_inputs", "check_request", "trace"]

Mode: TypeAlias = Literal["auto", "record", "symbolic", "export", "eager"]
_MODES = ("auto", "record", "symbolic", "export", "eager")


def trace(
    model: nn.Module | Callable[..., Any] | torch.export.ExportedProgram | str | os.PathLike[str],
    args: Sequence[Any] | torch.Tensor = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    dynamic_shapes: Mapping[str, Any] | Sequence[Any] | None = None,
    mode: Mode = "auto",
    partial: bool = False,
    device: str | torch.device | None = None,
    isolated: bool = False,
) -> Graph:
    """Trace ``model`` on ``args`` and ``kwargs`` into a `Graph`, without reading a weight or an input.

    The model runs once on fake tensors, which have shapes and no data; it and its inputs are left exactly as they were, also when
    it raises. The run is under ``torch.no_grad()``, with the model's training flag as it is.

    Args:
        model: an ``nn.Module``, a ``torch.fx.GraphModule``, any callable, an ``ExportedProgram``, or the path of a
            ``.pt2`` file of one, or of an ``.onnx`` file, which is read as it is and takes no inputs.
        args: the positional inputs; tensors may be real, fake or on the meta device, nested in any way.
        kwargs: the keyword inputs.
        dynamic_shapes: as in ``torch.export.export``: ``{"x": {0: torch.export.Dim("B")}}``; names may be strings.
        mode: ``"record"`` runs the Python code on fake tensors. ``"symbolic"`` runs ``torch.fx.symbolic_trace`` first;
            without inputs, that is all (structure only). ``"export"`` runs ``torch.export.export`` first. ``"eager"``
            runs on real tensors, for models that read tensor values. ``"auto"`` takes ``"record"`` where there are
            inputs, ``"eager"`` after it if values are read, and ``"symbolic"`` where inputs are missing.
        partial: on a failure, return the graph up to there, with ``complete`` false.
        device: run as if the model and its inputs were on this device, such as ``"cuda"``, which need not be there:
            nothing is moved. By default each tensor is where it is, and one on the meta device where the others are.
        isolated: run in a forked copy of this process, so that this one is as it was whatever the code keeps or counts;
            the graph has no ``module`` then.

    Raises:
        InputError: ``model`` cannot be traced, or the inputs do not fit its signature.
        TraceError: the model raised; says in which module and line, with torch's own error chained.

    >>> import torch
    >>> graph = trace(torch.nn.Linear(4, 2), torch.empty(3, 4))
    >>> graph.nodes[0].op, str(graph.outputs[0].type)
    ('linear', 'float32[3, 2]')
    """
    if mode not in _MODES:
        raise InputError(f"unknown mode {mode!r}; one of {', '.join(_MODES)}")
    request = check_request(args, kwargs, dynamic_shapes, partial=partial, device=device, isolated=isolated)
    if isolated:
        return trace_in_child(functools.partial(_trace, model, mode, request))
    return _trace(model, mode, request)


def _trace(model: Any, mode: Mode, request: Request) -> Graph:
    """Trace a model, a program or a file in the mode that fits it."""
    if isinstance(model, str | os.PathLike):
        if Path(model).suffix.lower() == ".onnx":
            return _read_onnx(Path(model), request)
        model = read_program(Path(model))
    if isinstance(model, torch.export.ExportedProgram):
        _refuse_device(request, "an exported program names its devices itself")
        return _replay(exported_program(model, request.args, request.kwargs), "export", request)
    module = _as_module(model)
    if mode == "auto":
        return _trace_auto(module, request)
    if mode == "symbolic":
        return _trace_symbolic(module, request)
    if mode == "export":
        return _trace_exported(module, request)
    return _trace_code(module, mode, request)


@dataclass(frozen=True)
class Request:
    """The inputs of a trace, checked."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    dynamic_shapes: dict[str, Any] | tuple[Any, ...] | list[Any] | None
    partial: bool
    device: torch.device | None
    reads_inputs: bool = False
    isolated: bool = False


def check_request(
    args: Any, kwargs: Any, dynamic_shapes: Any, *, partial: bool = False, device: object = None, isolated: bool = False
) -> Request:
    """Check the inputs of a caller and return them in one form; raise an `InputError` if they are of a wrong type."""
    if isinstance(args, torch.Tensor):
        args = (args,)
    if not isinstance(args, list | tuple):
        raise InputError(f"args must be a tuple of inputs, not {type(args).__name__}; write trace(model, (x,))")
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise InputError(
            f"kwargs must map names to inputs, not {type(kwargs).__name__}; write trace(model, (), {{'x': x}})"
        )
    if dynamic_shapes is not None and not isinstance(dynamic_shapes, Mapping | list | tuple):
        raise InputError(f"dynamic_shapes must be as in torch.export.export, not {type(dynamic_shapes).__name__}")
    shapes = dict(dynamic_shapes) if isinstance(dynamic_shapes, Mapping) else dynamic_shapes
    return Request(tuple(args), dict(kwargs or {}), shapes, partial, named_device(device), isolated=isolated)


def _read_onnx(path: Path, request: Request) -> Graph:
    from fxviz.importers.onnx import read_onnx

    if request.args or request.kwargs or request.dynamic_shapes:
        raise InputError(f"{path} has inputs and sizes of its own: an ONNX file is traced without any")
    return read_onnx(path)


# -- the modes


def _trace_auto(module: nn.Module, request: Request) -> Graph:
    """Record; without inputs trace the structure alone, and where the model reads values run on real tensors."""
    if isinstance(module, fx.GraphModule):
        return _trace_symbolic(module, request)
    if not request.args and not request.kwargs and _required_inputs(module):
        return _trace_symbolic(module, request)
    try:
        return _trace_code(module, "record", request)
    except TraceError as error:
        if not reads_values(error):
            raise
        try:
            return _trace_reading(module, request)
        except FxvizError as second:
            error.add_note(f"mode='eager', tried next, stopped too: {second}")
            raise error from error.__cause__


def _trace_reading(module: nn.Module, request: Request) -> Graph:
    """Record with the values of small inputs and buffers known; if the model reads others, run on real tensors."""
    try:
        return _trace_code(module, "record", replace(request, reads_inputs=True))
    except TraceError as error:
        if not reads_values(error) or request.dynamic_shapes or request.device is not None:
            raise
        return _trace_code(module, "eager", request)


def _trace_code(module: nn.Module, mode: str, request: Request) -> Graph:
    """Run the model's own Python code."""
    if mode == "eager":
        _refuse_device(request, "mode='eager' runs on the tensors as they are")
    arguments = bind_inputs(module, request)
    return _record(module, module, type(module).__name__, arguments, mode, request)


def _trace_symbolic(module: nn.Module, request: Request) -> Graph:
    """Trace with proxies, unless ``module`` is a trace already; then run the trace, if there are inputs."""
    name = type(module).__name__
    traced = module if isinstance(module, fx.GraphModule) else _symbolic_trace(module, name)
    if not request.args and not request.kwargs and _required_inputs(module):
        _refuse_device(request, "without inputs nothing runs")
        return graph_without_inputs(traced, module, name)
    return _replay(Program(traced, name, bind_inputs(traced, request), original=module), "symbolic", request)


def _symbolic_trace(module: nn.Module, name: str) -> fx.GraphModule:
    try:
        with preserved(module), without_cached(fx.Proxy):
            return contextvars.copy_context().run(symbolic_trace, module)
    except Exception as error:
        failure = explain(error, module, name)
        raise TraceError(
            f"{failure}; torch.fx.symbolic_trace cannot follow this code: give inputs and use mode='record'"
        ) from error


def _trace_exported(module: nn.Module, request: Request) -> Graph:
    """Run `torch.export.export`, then its program."""
    _refuse_device(request, "an exported program names its devices itself")
    name = type(module).__name__
    try:
        with preserved(module, *request.args, *request.kwargs.values()), without_cached(_torch.FakeTensor):
            program = contextvars.copy_context().run(
                torch.export.export,
                module,
                request.args,
                request.kwargs,
                dynamic_shapes=request.dynamic_shapes,
                strict=False,
            )
    except Exception as error:
        raise TraceError(
            f"{explain(error, module, name)}; torch.export cannot follow this code: use mode='record'"
        ) from error
    exported = exported_program(program, request.args, request.kwargs)
    return _replay(Program(exported.module, name, exported.arguments, exported.results, module), "export", request)


def _refuse_device(request: Request, because: str) -> None:
    if request.device is not None:
        raise InputError(
            f"{because}, so it cannot be traced as if on {request.device}; use mode='record' on the model and inputs"
        )


def _replay(program: Program, mode: str, request: Request) -> Graph:
    """Record the run of a program that was traced before."""
    return _record(program.module, program, program.name, program.arguments, mode, request)


def _record(
    module: nn.Module,
    code: nn.Module | Program,
    name: str,
    arguments: inspect.BoundArguments,
    mode: str,
    request: Request,
) -> Graph:
    """Run the code once under the recorder and return the graph."""
    symbols = Symbols(request.dynamic_shapes)
    device = request.device or own_device(module, arguments)
    eager = mode == "eager"
    fakes = None if eager else fake_mode(device, symbols.env)
    stand_ins = (
        FakeStandIns(fakes, device, moves=request.device is not None, knows=request.reads_inputs)
        if fakes
        else EagerStandIns(device)
    )
    original = code.original if isinstance(code, Program) else None
    recorder = Recorder(module, stand_ins, symbols, fakes, name, original)
    forward = functools.partial(code.run, recorder) if isinstance(code, Program) else code
    with without_garbage_collection():
        try:
            with preserved(module, *arguments.arguments.values()):
                contextvars.copy_context().run(recorder.run, forward, arguments)
        except FxvizError:
            raise
        except Exception as error:
            failure = explain(error, original or module, name)
            if not request.partial:
                raise failure from error
            outcome: dict[str, Any] = {"notes": (f"incomplete: {failure}",), "complete": False}
        else:
            outcome = {"notes": _notes(recorder.book.unregistered, stand_ins), "build_module": recorder.fx.build}
        finally:
            arguments.arguments.clear()  # they are stand-ins by now
            recorder.book.forget()
        if outcome.get("complete", True) and not request.isolated:
            recorder.book.check_forgotten()
        return recorder.draft.freeze(mode=mode, guards=symbols.guards(), pinned=symbols.pinned(), **outcome)


def _notes(unregistered: int, stand_ins: FakeStandIns | EagerStandIns) -> list[str]:
    notes = []
    if unregistered:
        notes.append(
            f"{unregistered} parameters are not registered with the model (kept in a plain list, say): they are counted as constants"
        )
    if isinstance(stand_ins, EagerStandIns):
        made_up = f", {stand_ins.invented} bytes of weights and inputs made up" if stand_ins.invented else ""
        notes.append(
            f"the model was run on real tensors{made_up}: where it reads values, another input may take another path"
        )
    elif stand_ins.knows:
        notes.append("the model reads values of inputs or buffers: where these differ, it may take another path")
    return notes


# -- what the caller gave


def _as_module(model: Any) -> nn.Module:
    if isinstance(model, nn.Module):
        return _torch.uncompiled(model)
    if isinstance(model, type) and issubclass(model, nn.Module):
        raise InputError(f"{model.__name__} is a class: trace an instance of it, {model.__name__}(...)")
    if callable(model):
        return _Function(model)
    raise InputError(
        f"cannot trace {type(model).__name__}: give an nn.Module, a callable, an ExportedProgram or a .pt2 file"
    )


class _Function(nn.Module):
    """A plain callable as a module, with the modules that it closes over as children, so that they are scopes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self._function = function
        for name, module in _modules_of(function).items():
            self.add_module(name, module)
        self.__class__ = type(getattr(function, "__name__", type(function).__name__), (_Function,), {})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)


def _modules_of(function: Any) -> dict[str, nn.Module]:
    """Return the modules that a callable can reach by name: bound, closed over, global, or given to a `functools.partial`."""
    if isinstance(function, functools.partial):
        given = {f"arg{i}": part for i, part in enumerate(function.args)} | function.keywords
        return _modules_of(function.func) | _only_modules(given)
    if isinstance(function, types.MethodType):
        return _only_modules({"self_": function.__self__}) | _modules_of(function.__func__)
    if not isinstance(function, types.FunctionType):
        return {}
    closed = inspect.getclosurevars(function)
    return _only_modules({**closed.globals, **closed.nonlocals})


def _only_modules(named: Mapping[str, Any]) -> dict[str, nn.Module]:
    return {name: part for name, part in named.items() if isinstance(part, nn.Module)}


def _signature(module: nn.Module) -> inspect.Signature:
    try:
        return inspect.signature(module._function if isinstance(module, _Function) else module.forward)
    except ValueError:  # a built-in function that tells nothing of its parameters
        return inspect.signature(lambda *args, **kwargs: None)


def bind_inputs(module: nn.Module, request: Request) -> inspect.BoundArguments:
    """Bind the inputs to the signature of the model's forward; raise an `InputError` where they do not fit."""
    try:
        return _signature(module).bind(*request.args, **request.kwargs)
    except TypeError as error:
        raise InputError(
            f"the inputs do not fit {type(module).__name__}.forward{_signature(module)}: {error}"
        ) from error


def _required_inputs(module: nn.Module) -> list[str]:
    parameters = _signature(module).parameters.values()
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in variadic]
