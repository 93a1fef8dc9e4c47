"""`trace_training`: one step of training, forward, backward and optimizer, as a `Graph`."""

from __future__ import annotations

import contextlib
import contextvars
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fxviz.errors import FxvizError, InputError
from fxviz.ir import Call, Category, Phase, Role, Scope
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.api import bind_inputs, check_request
from fxviz.tracing.draft import NodeRecord, ValueRecord
from fxviz.tracing.failure import explain
from fxviz.tracing.placement import fake_mode, own_device
from fxviz.tracing.recorder import Recorder
from fxviz.tracing.stand_ins import FakeStandIns
from fxviz.tracing.state import preserved, without_garbage_collection
from fxviz.tracing.structure import leaves
from fxviz.tracing.symbols import Symbols
from fxviz.tracing.tensors import Tag

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fxviz.ir import Graph

__all__ = ["trace_training"]

_BACKWARD = Call("backward", "Backward")


def trace_training(
    model: nn.Module,
    args: Sequence[Any] | torch.Tensor = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    loss: Callable[[Any], torch.Tensor] | None = None,
    optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None = None,
    keep_gradients: bool = False,
    dynamic_shapes: Mapping[str, Any] | Sequence[Any] | None = None,
    device: str | torch.device | None = None,
) -> Graph:
    """Trace one training step of ``model``: forward, loss, backward, and the optimizer's step if there is one.

    Everything runs on fake tensors, with the training flag of ``model`` as it is; nothing of it is changed. The step is
    one of many: the optimizer has its state already. Nodes carry their `Phase`. A node of the backward pass is in the
    scope of the forward operation whose gradient it computes, within a frame ``backward``; a node of the optimizer is in
    a frame ``optimizer``. What activation checkpointing computes again has the phase ``RECOMPUTE``.

    Args:
        model: the module to train.
        args: the positional inputs, as for `trace`.
        kwargs: the keyword inputs.
        loss: makes a scalar of what the model returns; by default the ``loss`` that it returns itself.
        optimizer: a class of ``torch.optim``, or any callable that makes an optimizer of parameters.
        keep_gradients: whether gradients exist before the step, as when they are accumulated or zeroed in place; by
            default they are None, as after ``zero_grad()``.
        dynamic_shapes: as for `trace`.
        device: as for `trace`.

    Raises:
        InputError: the inputs do not fit, the loss or the optimizer is not callable, there is no scalar loss, or nothing to
            train.
        TraceError: the model, the loss or the optimizer raised.

    >>> graph = trace_training(nn.Linear(4, 2), torch.empty(3, 4), loss=lambda y: y.square().mean(), optimizer=torch.optim.SGD)
    >>> sorted({node.phase.value for node in graph.nodes})
    ['backward', 'forward', 'optimizer']
    """
    request = check_request(args, kwargs, dynamic_shapes, device=device)
    if not isinstance(model, nn.Module):
        raise InputError(f"trace_training takes an nn.Module, not {type(model).__name__}")
    for what, function in (("loss", loss), ("optimizer", optimizer)):
        if function is not None and not callable(function):
            raise InputError(f"{what} is {function!r}: give a function, such as {_EXAMPLES[what]}")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"{type(model).__name__} has no parameter that requires a gradient: there is nothing to train")
    arguments = bind_inputs(model, request)
    place = request.device or own_device(model, arguments)
    symbols = Symbols(request.dynamic_shapes)
    fakes = fake_mode(place, symbols.env)
    name = type(model).__name__
    stand_ins = FakeStandIns(fakes, place, moves=request.device is not None)
    recorder = _TrainingRecorder(model, stand_ins, symbols, fakes, name)
    with without_garbage_collection():
        try:
            with preserved(model, loss, optimizer, *arguments.arguments.values()):
                contextvars.copy_context().run(
                    recorder.run_step, arguments, loss or _own_loss, optimizer, keep_gradients=keep_gradients
                )
        except FxvizError:
            raise
        except Exception as error:
            raise explain(error, model, name) from error
        finally:
            arguments.arguments.clear()  # they are stand-ins by now
            recorder.book.forget()
        recorder.book.check_forgotten()
        return recorder.draft.freeze(mode="training", guards=symbols.guards(), pinned=symbols.pinned())


_EXAMPLES = {"loss": "lambda result: result.square().mean()", "optimizer": "torch.optim.AdamW"}


def _own_loss(result: Any) -> torch.Tensor:
    found = result.get("loss") if isinstance(result, dict) else getattr(result, "loss", None)
    if not isinstance(found, torch.Tensor):
        raise InputError(
            f"the model returns {'a tensor' if isinstance(result, torch.Tensor) else type(result).__name__} without a loss; pass one: loss=lambda result: result.square().mean()"
        )
    return found


class _TrainingRecorder(Recorder):
    """Records a forward pass with gradients, then what the autograd engine and the optimizer do."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.fx.problem = "it is of a training step, which is not a module"
        self._forward_of: list[NodeRecord | None] = []  # by the sequence number of the autograd node, from the first
        self._first = _torch.sequence_number()
        self._references_of_the_last = _torch.references_of_the_last()
        self._scope_of: dict[str, Scope] = {}  # the last forward scope of a module path
        self._open: tuple[NodeRecord | None, NodeRecord] | None = (
            None  # a forward node and its backward that is running
        )

    def run_step(
        self,
        arguments: inspect.BoundArguments,
        loss: Callable[[Any], torch.Tensor],
        optimizer: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None,
        *,
        keep_gradients: bool,
    ) -> None:
        """Run and record one step."""
        with torch.enable_grad(), _single_thread(), self._prepared(arguments) as (args, kwargs), _OptimizerReads(self):
            trainable = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
            stepper = self._make_optimizer(optimizer, trainable)
            if keep_gradients:
                self._make_gradients(trainable)
            with self._recording():
                scalar = _check_scalar(loss(self.model(*args, **kwargs)))
                self._index_scopes()
                self._backward(scalar)
                self._claim_gradients(trainable)
                if stepper is not None:
                    self._step(stepper)
            self._read_outputs({"loss": scalar})
            self.book.close()

    # -- what is there before the step

    def _make_optimizer(self, make: Any, trainable: list[nn.Parameter]) -> torch.optim.Optimizer | None:
        """Return an optimizer that has stepped once, so that its state exists; the state is memory that was there before."""
        if make is None:
            return None
        stepper = make(trainable)
        if isinstance(stepper, torch.optim.LBFGS):
            raise InputError(
                "LBFGS runs the model again within its step; trace the step without it, or with another optimizer"
            )
        if not isinstance(stepper, torch.optim.Optimizer):
            raise InputError(f"optimizer must make a torch.optim.Optimizer of parameters, not {type(stepper).__name__}")
        for parameter in trainable:
            gradient: torch.Tensor = torch.zeros_like(parameter)
            parameter.grad = gradient
        self.phase = Phase.OPTIMIZER
        stepper.step()
        self.phase = Phase.FORWARD
        stepper.zero_grad(set_to_none=True)
        for held, state in stepper.state.items():
            owner = self.book.tag(held).value.name
            for path, tensor in leaves(state):
                key = ".".join(str(step) for _, step in path)
                self._hold(tensor, f"optimizer.{owner}.{key}", Category.OPTIMIZER)
        return stepper

    def _make_gradients(self, trainable: list[nn.Parameter]) -> None:
        for parameter in trainable:
            gradient: torch.Tensor = torch.zeros_like(parameter)
            parameter.grad = gradient
            self._hold(gradient, f"{self.book.tag(parameter).value.name}.grad", Category.GRADIENT)

    def _hold(self, tensor: torch.Tensor, name: str, category: Category) -> None:
        if self.book.known(tensor) is not None:
            return
        value = self.book.value(tensor, Role.CONSTANT, name)
        if value.storage is not None:
            value.storage.category = category
        self.draft.constants.append(value)
        self.book.attach(tensor, Tag(value))

    # -- forward: which node an autograd node belongs to

    def call(self, function: Any, args: Any, kwargs: Any, frame: Any) -> Any:
        before, nodes = _torch.sequence_number(), len(self.draft.nodes)
        result = super().call(function, args, kwargs, frame)
        if self.phase is Phase.FORWARD and (made := _torch.sequence_number() - before):
            node = self.draft.nodes[nodes] if len(self.draft.nodes) > nodes else None
            start = before - self._first
            self._forward_of.extend([None] * (start + made - len(self._forward_of)))
            self._forward_of[start : start + made] = [node] * made
        return result

    def _index_scopes(self) -> None:
        for node in self.draft.nodes:
            for depth, call in enumerate(node.scope, 1):
                self._scope_of[call.path] = node.scope[:depth]

    # -- backward and optimizer

    def _backward(self, scalar: torch.Tensor) -> None:
        self.phase = Phase.BACKWARD
        self.draft.backward_step = self.draft.step
        with self.scopes.within((_BACKWARD,)):
            _torch.run_backward(scalar)

    def _step(self, stepper: torch.optim.Optimizer) -> None:
        self.phase = Phase.OPTIMIZER
        with self.scopes.within((Call("optimizer", type(stepper).__name__),)):
            stepper.step()

    def dispatch(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if function is torch.ops.aten.add.Tensor and not kwargs and self._adds_up(*args):
            function = torch.ops.aten.add_.Tensor
        return super().dispatch(function, args, kwargs)

    def _adds_up(self, first: Any, second: Any) -> bool:
        """Return whether the engine adds up two gradients and would do so in place, if ``first`` were not a fake tensor.

        It does where it holds the last reference to the first gradient, which another node has made
        (torch/csrc/autograd/input_buffer.cpp, ``can_accumulate_inplace``).
        """
        if self._call is not None or self.phase is not Phase.BACKWARD or not isinstance(first, torch.Tensor):
            return False
        made = self.book.tag(first).value
        return (
            isinstance(second, torch.Tensor)
            and made.storage is not None
            and made.storage.born >= (self.draft.backward_step or 0)
            and not (self._open and any(made in kernel.outputs for kernel in self._open[1].kernels))
            and _torch.references(first) == self._references_of_the_last
            and self._is_dense(first)
        )

    def _is_dense(self, tensor: torch.Tensor) -> bool:
        with _torch.without_guards(self.symbols.env) if self.symbols.env is not None else contextlib.nullcontext():
            return is_dense(tensor)

    def _enter_module(self, *args: Any) -> None:
        if self.phase is Phase.BACKWARD:
            self.phase = Phase.RECOMPUTE
        super()._enter_module(*args)

    def _leave_module(self, *args: Any) -> None:
        super()._leave_module(*args)
        if self.phase is Phase.RECOMPUTE and self.scopes.current[:-1] == (_BACKWARD,):
            self.phase = Phase.BACKWARD

    def _node_of_kernel(self, function: Any, args: Any, kwargs: Any) -> NodeRecord:
        current = _torch.current_autograd_node()
        if self._call is not None or current is None or self.phase is Phase.FORWARD:
            return super()._node_of_kernel(function, args, kwargs)
        forward = self._forward_node(current)
        if self._open is None or self._open[0] is not forward or self.draft.nodes[-1] is not self._open[1]:
            self._open = forward, self._backward_node(forward, current)
        node = self._open[1]
        self._read_outside(node, [*args, *kwargs.values()])
        return node

    def _forward_node(self, current: Any) -> NodeRecord | None:
        number = _torch.sequence_number_of(current) - self._first
        return self._forward_of[number] if 0 <= number < len(self._forward_of) else None

    def _backward_node(self, forward: NodeRecord | None, current: Any) -> NodeRecord:
        if forward is not None:
            op, scope, source = f"{forward.op.rstrip('_')}_backward", forward.scope, forward.source
        else:
            op, scope, source = _accumulation(current), self._scope_of_parameter(current), None
        node = NodeRecord(op, (_BACKWARD, *scope), source, phase=Phase.BACKWARD)
        self.draft.nodes.append(node)
        return node

    def _scope_of_parameter(self, current: Any) -> Scope:
        """Return the scope of the module that owns the leaf whose gradient is accumulated."""
        leaf = getattr(current, "variable", None)
        if leaf is None:
            return ()
        return self._scope_of.get(self.book.tag(leaf).value.name.rpartition(".")[0], ())

    def _read_outside(self, node: NodeRecord, args: Iterable[Any]) -> None:
        """Add the tensors that a kernel reads and its node did not make to the inputs of the node."""
        for _, tensor in leaves(list(args)):
            value: ValueRecord = self.book.tag(tensor).value
            if value.within is not node:
                value = self.book.read(tensor)
                if value not in node.inputs and value not in node.outputs:
                    node.inputs.append(value)
                    node.input_names.append(value.name or f"input{len(node.inputs) - 1}")

    def _claim_gradients(self, trainable: list[nn.Parameter]) -> None:
        for parameter in trainable:
            if parameter.grad is not None and (storage := self.book.tag(parameter.grad).value.storage) is not None:
                storage.category = Category.GRADIENT


class _OptimizerReads(_torch.DispatchMode):
    """Answers with any number where an optimizer reads one from its state: the kernels that it runs do not depend on it."""

    def __init__(self, recorder: _TrainingRecorder) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._recorder = recorder

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and self._recorder.phase is Phase.OPTIMIZER:
            return 0.5 if args[0].is_floating_point() else 1  # 1.0 would be a division by 1 - 1.0 in NAdam
        return func(*args, **(kwargs or {}))


def is_dense(tensor: torch.Tensor) -> bool:
    """Return whether the elements lie without gaps or overlaps, in any order."""
    expected = 1
    for stride, extent in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if extent != 1:
            if stride != expected:
                return False
            expected *= extent
    return True


def _accumulation(current: Any) -> str:
    name = type(current).__name__
    return "accumulate_grad" if name == "AccumulateGrad" else name


def _check_scalar(scalar: Any) -> torch.Tensor:
    if not isinstance(scalar, torch.Tensor) or scalar.numel() != 1:
        what = f"a tensor of shape {tuple(scalar.shape)}" if isinstance(scalar, torch.Tensor) else type(scalar).__name__
        raise InputError(f"the loss must be a tensor of one element, not {what}; end it with .mean() or .sum()")
    if not scalar.requires_grad:
        raise InputError("the loss does not depend on any parameter that requires a gradient")
    return scalar


@contextlib.contextmanager
def _single_thread() -> Iterator[None]:
    """Run the engine in this thread: its own threads would not see the modes that record."""
    with torch.autograd.set_multithreading_enabled(False):
        yield
