"""`fxviz.watch`: the recorder around a training loop, which the optimizer's hooks notify of each step."""

from __future__ import annotations

import atexit
import os
import platform
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim import Optimizer

from fxviz.errors import InputError
from fxviz.tracing.torch_private import uncompiled
from fxviz.training.files import RunLog, holds_run
from fxviz.training.recording.hooks import Hook
from fxviz.training.recording.measure import Probe
from fxviz.training.recording.memory import memory_in_use
from fxviz.training.recording.scalars import MOST_NAMES, Scalars
from fxviz.training.recording.tensorboard import Board
from fxviz.training.run import load_run
from fxviz.training.schema import Event, Meta, Sample

if TYPE_CHECKING:
    from types import TracebackType

    from fxviz.training.recording.measure import Reading
    from fxviz.training.run import Run
    from fxviz.training.schema import Entry

__all__ = ["BLOCK", "Recorder", "Session", "watch"]

BLOCK = 4 * 2**20
"""The growth of the log, in bytes, after which the distance of samples doubles: so the log grows with the logarithm of
the number of steps, and the resolution of a run is about the same share of its length, however long it is."""


def watch(
    model: nn.Module,
    optimizer: Optimizer | Sequence[Optimizer] | None = None,
    *,
    every: int = 10,
    out: str | Path = "run",
    resume: bool | int = False,
    tensorboard: bool = False,
) -> Recorder:
    """Record how ``model`` trains into the folder ``out``, from now until the recorder is closed.

    Use it as a context manager around the training loop, or call `Recorder.close` after it. The loop itself does not
    change; ``run.log(loss=loss)`` adds scalars. A step is a call of ``optimizer.step()`` (of the last one, if there are
    several); without an optimizer, call ``run.step()`` after each update and before gradients are set to zero.

    Args:
        model: the model; inside ``torch.compile`` or `DistributedDataParallel`, the original one is watched.
        optimizer: the optimizer or optimizers, also as Accelerate or Lightning wraps them.
        every: the distance of samples in steps; the first step is also a sample. It doubles with each `BLOCK` of the
            log.
        out: the folder, which is created. `fxviz.load_run` reads it, also during the run.
        resume: True to continue the run in the folder, if any, from its last sample; a number to continue it after so
            many steps (of your checkpoint): the record of later steps is then void.
        tensorboard: True to also write TensorBoard's event files into the folder.

    In a distributed job only the process of rank 0 records. If the disk is full, recording stops, training continues,
    and ``run.error`` says why.

    Raises:
        InputError: the folder holds a run and ``resume`` is False, holds a run of another model, or cannot be written;
            or an argument is not a model, an optimizer or a positive number.
        MissingDependency: tensorboard is not installed.
    """
    optimizers = _optimizers(optimizer)
    if not isinstance(model, nn.Module):
        raise InputError(f"only an nn.Module can be watched, not {type(model).__name__}")
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise InputError(f"every must be the distance of samples in steps, 1 or more, not {every!r}")
    if isinstance(resume, int) and resume < 0:
        raise InputError(f"resume must be a number of steps, 0 or more, not {resume}")
    if _rank() != 0:
        return Recorder()
    return Session(model, optimizers, every, Path(out), resume, tensorboard)


class Recorder:
    """The interface for a training loop. This class does nothing: processes of other ranks than 0 get it."""

    error: str | None = None
    """Why recording stopped before the training did, if so."""

    def log(self, values: Mapping[str, object] | None = None, /, **scalars: object) -> None:
        """Record numbers of this step: floats, or tensors of one element, which are not waited for."""

    def step(self) -> None:
        """Mark the end of a step, if `watch` has no optimizer."""

    def close(self, how: str = "finished") -> None:
        """Write what is left and remove all hooks; closing again does nothing. ``how`` is the reason in the log."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close("finished" if kind is None else f"ended by {kind.__name__}")


class Session(Recorder):
    """Records a run: until `close`, its hooks are on the model and the optimizers.

    The sample of a step is written when the next forward pass begins, so that the loop may log before or after the
    optimizer steps.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizers: tuple[Optimizer, ...],
        every: int,
        out: Path,
        resume: bool | int,
        tensorboard: bool,
    ) -> None:
        self._optimizers = optimizers
        self._every = every
        self._probe = Probe(_inner_model(model))
        self._scalars = Scalars()
        self._seen: set[tuple[str, int | str]] = set()
        self._ordered = False
        self._alarmed = False
        self._reading: Reading | None = None
        self._over = False  # the last step is done, the next has not begun
        self._steps = 0
        self._hooks = ExitStack()
        self._board = Board() if tensorboard else None
        self._log = self._begin_log(out, model, resume)
        if self._board is not None:
            self._board.open(out, self._steps)
        self._open = True
        self._append(Event("start", self._steps, time.time(), detail=_versions()["fxviz"]))
        if self.error is not None:
            raise InputError(f"cannot record a run in {out}: {self.error}")
        atexit.register(self.close, "the process ended")  # for a loop without ``with``
        self._hooks.callback(model.register_forward_pre_hook(Hook(self._begin)).remove)
        if optimizers:
            self._hooks.callback(optimizers[-1].register_step_post_hook(self._end).remove)
        self._mark = time.perf_counter()
        self._timed = False
        self._arm_if_due()

    def log(self, values: Mapping[str, object] | None = None, /, **scalars: object) -> None:
        """Record numbers of this step: floats, or tensors of one element, which are not waited for.

        Raises `InputError` if a value is not a number. NaN and infinities are counted, and the first is an event.
        """
        if values is not None and not isinstance(values, Mapping):
            raise InputError(f"log takes names and numbers, log(loss=loss), not {type(values).__name__}")
        step = self._steps if self._over else self._steps + 1
        alarm = self._scalars.add(step, {**(values or {}), **scalars})
        if alarm and not self._over:
            self._alarmed = True
        elif alarm and self._reading is None:  # the step is done, and its gradients still exist
            self._probe.disarm()
            self._observe()
            self._arm_if_due()

    def step(self) -> None:
        """Mark the end of a step; raises `InputError` if an optimizer does so itself."""
        if self._optimizers:
            raise InputError("the optimizer marks its steps itself: leave out run.step()")
        self._step()

    def close(self, how: str = "finished") -> None:
        """Write what is left and remove all hooks; closing again does nothing. ``how`` is the reason in the log."""
        if not self._open:
            return
        try:
            self._settle(last=True)
            self._append(Event("end", self._steps, time.time(), detail=how))
        finally:
            self._stop()

    # What happens in a step ------------------------------------------------------------------------------------------

    def _begin(self, inputs: Any) -> None:
        """Settle the step that is over when a forward pass begins."""
        if torch.is_grad_enabled():
            self._settle()

    def _end(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """End a step of the optimizer. A fused one is also called if AMP found an overflow; it then does nothing."""
        overflow = getattr(optimizer, "found_inf", None)
        if self._probe.armed and isinstance(overflow, Tensor) and overflow.item():
            self._probe.disarm()  # the next step is observed instead
            self._probe.arm()
            return
        self._step()

    def _step(self) -> None:
        if not self._open:
            return
        self._settle()
        self._steps += 1
        if self._timed:
            self._scalars.add(self._steps, {"step_time": time.perf_counter() - self._mark})
        if self._probe.armed or self._alarmed:
            self._observe()
        self._over = True
        self._arm_if_due()
        self._mark, self._timed = time.perf_counter(), True  # so that the time of the next step excludes this work

    def _observe(self) -> None:
        self._scalars.add(self._steps, {**self._rates(), **memory_in_use()})
        self._reading = self._probe.read()
        self._alarmed = False

    def _arm_if_due(self) -> None:
        step = self._steps + 1
        if step == 1 or step % self._distance() == 0:
            self._probe.arm()

    def _distance(self) -> int:
        return int(self._every * 2 ** (self._log.nbytes // BLOCK))

    def _rates(self) -> dict[str, float]:
        groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
        if len(groups) == 1:
            return {"learning_rate": float(groups[0]["lr"])}
        return {f"learning_rate/{position}": float(group["lr"]) for position, group in enumerate(groups)}

    # What is written -------------------------------------------------------------------------------------------------

    def _settle(self, last: bool = False) -> None:
        """Write the sample of the step that is over, if it is one; with ``last`` write whatever is left."""
        over, self._over = self._over, False
        if not last and not (over and self._reading is not None):
            return
        reading, self._reading = self._reading, None
        scalars = self._scalars.take()
        now = time.time()
        for event in self._news(reading, now):
            self._append(event)
        if reading is None and not scalars:
            return
        sample = Sample(
            step=self._steps,
            time=now,
            every=self._distance(),
            scalars=scalars,
            layers=reading.layers if reading else {},
            gradients=reading.gradients if reading else (),
        )
        self._append(sample)
        if self._board is not None:
            self._board.add(sample, self._probe.layers)

    def _news(self, reading: Reading | None, now: float) -> list[Event]:
        """Return events for what was observed for the first time."""
        news = []
        for name, (step, number) in self._scalars.nonfinite.items():
            if self._is_new("scalar", name):
                news.append(Event("nonfinite", step, now, "scalar", detail=f"{name} = {number}"))
        if self._scalars.refused and self._is_new("dropped", ""):
            words = f"scalars beyond the first {MOST_NAMES} names, such as {self._scalars.refused!r}"
            news.append(Event("dropped", self._steps, now, detail=words))
        if reading is None:
            return news
        if reading.order and not self._ordered:
            self._ordered = True
            news.append(Event("order", self._steps, now, layers=reading.order))
        for what, layer in reading.nonfinite:
            if self._is_new(what, layer):
                news.append(Event("nonfinite", self._steps, now, what, layer))
        return news

    def _is_new(self, what: str, which: int | str) -> bool:
        known = (what, which) in self._seen
        self._seen.add((what, which))
        return not known

    def _append(self, entry: Entry) -> None:
        if not self._open:
            return
        try:
            self._log.append(entry)
        except OSError as error:
            self.error = f"{error.strerror or error}, after {self._steps} steps"
            self._stop()

    def _stop(self) -> None:
        self._open = False
        self._probe.disarm()
        self._hooks.close()
        self._log.close()
        atexit.unregister(self.close)
        if self._board is not None:
            self._board.close()

    # How it begins ---------------------------------------------------------------------------------------------------

    def _begin_log(self, out: Path, model: nn.Module, resume: bool | int) -> RunLog:
        if not holds_run(out):
            self._steps = 0 if isinstance(resume, bool) else resume
            return RunLog(out, self._meta(model))
        if resume is False:
            raise InputError(f"{out} holds a run already: choose another folder, or continue it with resume=True")
        run = load_run(out)
        if difference := _difference(run, self._probe):
            raise InputError(f"{out} holds a run of another model: {difference}; choose another folder")
        self._steps = run.steps if resume is True else resume
        self._seen = {
            (event.what, event.detail.partition(" = ")[0] if event.layer is None else event.layer)
            for event in run.events
            if event.kind == "nonfinite" and event.step <= self._steps
        }
        self._ordered = any(event.kind == "order" for event in run.events)
        self._every = run.meta.every
        return RunLog(out, None)

    def _meta(self, model: nn.Module) -> Meta:
        return Meta(
            model=type(_inner_model(model)).__name__,
            layers=self._probe.layers,
            every=self._every,
            optimizers=tuple(type(optimizer).__name__ for optimizer in self._optimizers),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=_versions(),
        )


def _optimizers(given: object) -> tuple[Optimizer, ...]:
    """Return the optimizers themselves, without the wrappers of Accelerate or Lightning."""
    several = tuple(given) if isinstance(given, Sequence) else () if given is None else (given,)
    found = []
    for optimizer in several:
        while isinstance(inner := getattr(optimizer, "optimizer", None), Optimizer):
            optimizer = inner
        if not isinstance(optimizer, Optimizer):
            raise InputError(f"expected an optimizer of torch.optim, not {type(optimizer).__name__}")
        found.append(optimizer)
    return tuple(found)


def _inner_model(model: nn.Module) -> nn.Module:
    """Return the model inside ``torch.compile``, `DistributedDataParallel` and `DataParallel`."""
    inner = model.module if isinstance(model, DataParallel | DistributedDataParallel) else uncompiled(model)
    return model if inner is model else _inner_model(inner)


def _rank() -> int:
    """Return the rank of this process in a distributed job, which launchers set before the processes connect."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank()
    rank = os.environ.get("RANK", "0")
    return int(rank) if rank.isdecimal() else 0


def _difference(run: Run, probe: Probe) -> str:
    """Describe the first layer in which the model and the run differ; whether parameters are frozen does not count."""
    then, now = ([_signature(layer) for layer in layers] for layers in (run.meta.layers, probe.layers))
    for before, after in zip(then, now, strict=False):
        if before != after:
            return f"it had {_format_signature(before)}, and now {_format_signature(after)}"
    longer, word = (then, "no more") if len(then) > len(now) else (now, "new")
    return "" if len(then) == len(now) else f"{_format_signature(longer[min(len(then), len(now))])} is {word}"


def _signature(layer: Any) -> tuple[str, str, tuple[tuple[str, tuple[int, ...]], ...]]:
    return layer.name, layer.kind, tuple((parameter.name, parameter.shape) for parameter in layer.parameters)


def _format_signature(signature: tuple[str, str, tuple[tuple[str, tuple[int, ...]], ...]]) -> str:
    name, kind, parameters = signature
    return f"{name}: {kind}({', '.join('×'.join(map(str, shape)) or 'scalar' for _, shape in parameters)})"


def _versions() -> dict[str, str]:
    return {"fxviz": version("fxviz"), "torch": str(torch.__version__), "python": platform.python_version()}
