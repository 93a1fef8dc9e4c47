"""Every private or unstable part of torch that fxviz uses, each behind one name. Tried with torch 2.13."""

from __future__ import annotations

import functools
import inspect
import json
import logging
import os
import re
import sys
import zipfile
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch import sym_int
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    UnsupportedFakeTensorException,
)
from torch.fx.experimental.symbolic_shapes import DimDynamic, GuardOnDataDependentSymNode, ShapeEnv
from torch.overrides import get_testing_overrides
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode

from fxviz.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = [
    "VALUE_ERRORS",
    "FakeTensor",
    "FakeTensorMode",
    "GuardOnDataDependentSymNode",
    "ShapeEnv",
    "UnsupportedFakeTensorException",
    "autocast_is_on",
    "calls_are_seen",
    "can_be_known",
    "create_symbol",
    "current_autograd_node",
    "dynamic_export",
    "eager_compile",
    "enable_python_dispatcher",
    "fake_of_layout",
    "guards_of",
    "idle_conversions",
    "is_dense",
    "is_wrapped",
    "keep_known",
    "know",
    "layout_of",
    "load_program",
    "overloads_of",
    "packed_extents",
    "parse_to",
    "program_module",
    "references",
    "references_of_the_last",
    "run_backward",
    "sequence_number",
    "signature_of",
    "silent",
    "symbols_kept",
    "unwrap",
    "without_guards",
]

VALUE_ERRORS = (DataDependentOutputException, DynamicOutputShapeException, GuardOnDataDependentSymNode)
"""What fake tensors raise when the model reads the value of a tensor."""

_RESIZER = re.compile(r"_?upsample_[a-z]+(_exact)?[123]d(_aa)?")
_aten = torch.ops.aten
_FACTORIES = {_aten.arange, _aten.eye, _aten.full, _aten.linspace, _aten.ones, _aten.scalar_tensor, _aten.zeros}
KNOWN_NUMBERS = 4096  # of a tensor whose values are kept: enough for a table of image sizes, too few to cost time


def keep_known(mode: FakeTensorMode) -> FakeTensorMode:
    """Let small fake tensors that are made from known numbers keep their values, as `know` says; gives the mode.

    No subclass: torch finds what higher-order operators do under a mode by its very type.
    """
    dispatch = mode.dispatch

    def dispatch_and_know(func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = dispatch(func, types, args, kwargs)
        if getattr(func, "overloadpacket", None) in _FACTORIES and type(made) is FakeTensor and can_be_known(made):
            with no_dispatch():
                know(made, func(*args, **(kwargs or {})))
        return made

    patched: Any = mode
    patched.dispatch = dispatch_and_know
    patched.may_turn_const = lambda made: can_be_known(made) and not isinstance(made, FakeTensor)
    return mode


def can_be_known(tensor: torch.Tensor) -> bool:
    """Whether a tensor has values that are few enough to keep, and to compute with for real."""
    return (
        tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and all(type(size) is int for size in tensor.shape)
        and tensor.numel() <= KNOWN_NUMBERS
    )


def know(fake: torch.Tensor, real: torch.Tensor) -> None:
    """Let ``fake``, a stand-in of ``real``, answer with the values that ``real`` has now, until something unknown is written into it."""
    assert isinstance(fake, FakeTensor)
    with no_dispatch():
        fake.constant = real.detach().clone()
    fake.fake_mode.fake_tensor_converter.add_constant_storage_mapping(fake)


def layout_of(tensor: torch.Tensor) -> tuple[Any, ...] | None:
    """All that determines what an operator makes of a fake tensor; None if that is more than sizes, strides and dtype.

    A complex tensor may be a conjugate in waiting, and a tensor with a known constant behaves by its value.
    """
    if tensor.layout is not torch.strided or tensor.dtype.is_complex or tensor.is_quantized or tensor.is_neg():
        return None
    if getattr(tensor, "constant", None) is not None:
        return None
    return tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.dtype, tensor.device


def fake_of_layout(
    mode: FakeTensorMode, layout: tuple[Any, ...], storage: torch.UntypedStorage | None, nbytes: Any
) -> torch.Tensor:
    """A fake tensor of a layout, on ``storage`` or else on a new one of ``nbytes``."""
    shape, stride, offset, dtype, device = layout
    with torch._C._DisableTorchDispatch():
        if storage is None:
            storage = torch.empty(nbytes, dtype=torch.uint8, device="meta").untyped_storage()
        meta = torch.empty(0, dtype=dtype, device="meta").set_(storage, offset, shape, stride)
        return FakeTensor(mode, meta, device)


def create_symbol(env: ShapeEnv, name: str, hint: int) -> torch.SymInt:
    """A new symbolic size whose value in this run is ``hint``; torch names it, not we."""
    from torch._dynamo.source import ConstantSource

    source = ConstantSource(name)
    symbol = env.create_symbol(hint, source, dynamic_dim=DimDynamic.DYNAMIC, do_not_specialize_zero_one=hint < 2)
    size = env.create_symintnode(symbol, hint=hint, source=source)
    assert isinstance(size, torch.SymInt)
    return size


def guards_of(env: ShapeEnv) -> list[Any]:
    """The sympy conditions that a run put on the symbols of ``env``, in order."""
    return [guard.expr for guard in env.guards]


def is_wrapped(tensor: torch.Tensor) -> bool:
    """Whether ``tensor`` is a wrapper that `torch.vmap` or another function transform made."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def unwrap(tensor: torch.Tensor) -> torch.Tensor:
    """The plain tensor under every wrapper of a function transform."""
    while is_wrapped(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor


@contextmanager
def idle_conversions() -> Iterator[None]:
    """Let code convert a module to the dtype and device that it has: torch would swap its weights, which ours refuse, being watched."""
    convert = torch.nn.Module._apply

    def _apply(module: torch.nn.Module, change: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        with torch._C.DisableTorchFunction():
            tensors = [*module.parameters(recurse), *module.buffers(recurse)]
            idle = all(change(tensor) is tensor for tensor in tensors)
        return module if idle else convert(module, change, recurse)  # type: ignore[no-untyped-call]

    with mock.patch.object(torch.nn.Module, "_apply", _apply):
        yield


@contextmanager
def symbols_kept() -> Iterator[None]:
    """Let calls whose C++ code wants numbers for sizes, and would pin symbols, keep them: recurrent layers, FFT, `interpolate`."""
    owners = [(torch._VF, name) for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")]
    owners += [(torch.fft, name) for name in torch.fft.__all__]
    resizers = [name for name in dir(torch._C._nn) if _RESIZER.fullmatch(name)]
    with ExitStack() as stack:
        for owner, name in owners:
            stack.enter_context(mock.patch.object(owner, name, _in_python(getattr(owner, name)), create=True))
        for name in resizers:
            stack.enter_context(mock.patch.object(torch._C._nn, name, _resizer(name)))
        yield


def _in_python(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, taken apart by torch's Python code instead of its C++ code."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with enable_python_dispatcher():
            return function(*args, **kwargs)

    return call


def _resizer(name: str) -> Callable[..., Any]:
    """What `interpolate` calls, as the one kernel that it comes to; torch's Python code would take that apart, too."""
    kernel = getattr(torch.ops.aten, name).default

    def resize(input: torch.Tensor, output_size: Any, *options: Any) -> Any:
        *flags, scales = options
        size = output_size or [sym_int(n * scale) for n, scale in zip(input.shape[2:], scales, strict=True)]
        return kernel(input, size, *flags, *(scales or [None] * len(size)))

    return resize


def autocast_is_on() -> bool:
    """Whether this code runs under `torch.autocast`, on any device."""
    return torch._C._is_any_autocast_enabled()


def calls_are_seen() -> bool:
    """Whether a torch-function mode is on, to which a call of torch's API goes first."""
    return torch._C._is_torch_function_mode_enabled()


def parse_to(*args: Any, **kwargs: Any) -> tuple[torch.device | None, torch.dtype | None, torch.memory_format | None]:
    """The device, dtype and memory format among the arguments of `torch.Tensor.to`."""
    device, dtype, _, memory_format = torch._C._nn._parse_to(*args, **kwargs)
    return device, dtype, memory_format


def packed_extents(packed: torch.ScriptObject) -> tuple[int, ...] | None:
    """The extents of the weight in what a quantised layer holds instead of one; None for any other object."""
    if not hasattr(packed, "unpack"):
        return None
    with torch._C._DisableTorchDispatch():  # it computes on memory, which a fake tensor has not
        unpacked = packed.unpack()
    weight = unpacked[0] if isinstance(unpacked, tuple) else unpacked
    return tuple(weight.shape) if isinstance(weight, torch.Tensor) else None


def sequence_number() -> int:
    """The number that the next autograd node of the forward pass gets."""
    return torch.autograd._get_sequence_nr()  # type: ignore[attr-defined]


def run_backward(scalar: torch.Tensor) -> None:
    """`torch.autograd.backward`, which is itself a call that modes see, without that call."""
    from torch.autograd.graph import _engine_run_backward

    # keep_graph, create_graph, inputs, allow_unreachable, accumulate_grad
    _engine_run_backward((scalar,), (torch.ones_like(scalar),), False, False, (), True, True)


def current_autograd_node() -> Any:
    """The autograd node whose backward is running, or None."""
    return torch._C._current_autograd_node()


def references(tensor: torch.Tensor) -> tuple[int, int]:
    """How many references C++ holds to a tensor and to its storage."""
    return tensor._use_count(), torch._C._storage_Use_Count(tensor.untyped_storage()._cdata)  # type: ignore[attr-defined]


@cache
def references_of_the_last() -> tuple[int, int]:
    """The `references` that a dispatch mode sees to a fake gradient of which autograd's engine holds the last."""
    seen: list[tuple[int, int]] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func is torch.ops.aten.add.Tensor:
                seen.append(references(args[0]))
            return func(*args, **(kwargs or {}))

    with FakeTensorMode(), torch.enable_grad(), torch.autograd.set_multithreading_enabled(False):
        x = torch.empty(2, requires_grad=True) * 1
        result = (x.sin() * x.cos()).sum()  # the two gradients of x are made by two nodes, for it alone
        with Watch():  # type: ignore[no-untyped-call]
            result.backward()
    return seen[0]


def is_dense(tensor: torch.Tensor) -> bool:
    """Whether the elements lie without gaps or overlaps, in any order."""
    expected = 1
    for stride, extent in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if extent != 1:
            if stride != expected:
                return False
            expected *= extent
    return True


@contextmanager
def silent() -> Iterator[None]:
    """Keep torch from logging the errors of fake kernels, which are raised anyway."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


@contextmanager
def eager_compile() -> Iterator[None]:
    """Run functions that the model has compiled as the Python they were; nothing to do where none can be."""
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def program_module(program: torch.export.ExportedProgram) -> torch.fx.GraphModule:
    """The module of an exported program, without the checks on input sizes that newer versions of torch put into it."""
    module: Any = program.module
    return module(check_guards=False) if "check_guards" in inspect.signature(module).parameters else module()  # type: ignore[no-any-return]


def load_program(path: Path) -> torch.export.ExportedProgram:
    """`torch.export.load`, refusing what it would unpickle: objects among the constants, and more than tensors elsewhere."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith("_constants_config.json"):
                config = json.loads(archive.read(name)).get("config") or {}
                if pickled := [
                    key for key, entry in config.items() if not str(entry["path_name"]).startswith("tensor_")
                ]:
                    raise FormatError(
                        f"it holds pickled objects ({', '.join(pickled)}), which can run code; load it yourself and trace the program"
                    )
    # torch falls back to full unpickling by itself; this variable is its documented way to forbid that.
    with mock.patch.dict(os.environ, {"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"}):
        return torch.export.load(path)


@lru_cache(maxsize=1)
def _signatures() -> dict[Callable[..., Any], Callable[..., Any]]:
    return get_testing_overrides()


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """The Python signature of a function of torch's API, also of a built-in one; None where torch does not tell."""
    try:
        return inspect.signature(_signatures().get(function, function))
    except (TypeError, ValueError):
        return None


def overloads_of(name: str) -> list[Any]:
    """The schemas of the ATen operator called ``name``, if there is one."""
    packet = getattr(torch.ops.aten, name, None)
    return [getattr(packet, overload)._schema for overload in packet.overloads()] if packet else []


@contextmanager
def without_guards(env: ShapeEnv | None) -> Iterator[None]:
    """Evaluate conditions on sizes without taking note of them."""
    with env.suppress_guards() if env is not None else nullcontext():
        yield


@contextmanager
def dynamic_export(dynamic: bool) -> Iterator[None]:
    """Let `torch.export` keep dynamic a size that is 0 or 1 in its example, and loop recurrent layers over a dynamic length.

    As ``torch.onnx.export`` does where it calls it.
    """
    import torch.fx.experimental._config as config

    with ExitStack() as stack:
        stack.enter_context(config.patch(backed_size_oblivious=True))  # type: ignore[attr-defined]
        if dynamic:
            from torch.export import _patches

            stack.enter_context(_patches.register_lstm_while_loop_decomposition())
            stack.enter_context(_patches.register_gru_while_loop_decomposition())
        yield
