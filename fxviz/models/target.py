"""A model with inputs for it: the target of a trace."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from fxviz.errors import InputError, TraceError
from fxviz.models.checkpointing import checkpointed
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import torch

    from fxviz.ir import Graph
    from fxviz.tracing import Mode

__all__ = ["LOSSES", "Target"]

LOSSES = ("mean", "own")
"""What `Target.trace_training` makes a scalar of: the mean of the first result, or the loss that the model returns."""


@dataclass(frozen=True, eq=False)
class Target:
    """A model and what to call it with: the arguments of `fxviz.trace`.

    ``others`` have other inputs, for when the inputs were guessed and do not fit.
    """

    name: str
    model: Callable[..., object]
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    dynamic_shapes: Mapping[str, object] | None = None
    others: tuple[Target, ...] = ()

    def trace(
        self,
        mode: Mode = "auto",
        device: str | torch.device | None = None,
        *,
        partial: bool = False,
        isolated: bool = False,
    ) -> Graph:
        """Trace the model on the first inputs that fit; the options are as for `fxviz.trace`."""
        from fxviz.tracing import trace

        def attempt(target: Target) -> Graph:
            kwargs = dict(target.kwargs)
            return trace(
                target.model,
                target.args,
                kwargs,
                dynamic_shapes=target.dynamic_shapes,
                mode=mode,
                device=device,
                partial=partial,
                isolated=isolated,
            )

        return self._first_that_fits(attempt)

    def trace_training(
        self,
        loss: str = "mean",
        optimizer: str | None = None,
        device: str | None = None,
        checkpoint: Sequence[str] = (),
    ) -> Graph:
        """Trace a training step, with the model in training mode.

        Args:
            loss: One of `LOSSES`.
            optimizer: The name of a class of ``torch.optim``, in any case.
            device: As for `trace`.
            checkpoint: Patterns of module paths, such as ``"layers.*"``: the activations of modules that match one are
                not kept for the backward pass but computed again, by ``torch.utils.checkpoint``.
        """
        import torch

        from fxviz.tracing import trace_training

        if not isinstance(self.model, torch.nn.Module):
            raise InputError(f"{self.name} is not a module: only a module can be trained")
        if loss not in LOSSES:
            raise InputError(f"there is no loss {loss!r}: choose one of {', '.join(LOSSES)}")
        model = self.model.train()
        make_optimizer = None if optimizer is None else _find_optimizer(optimizer)

        def attempt(target: Target) -> Graph:
            return trace_training(
                model,
                target.args,
                dict(target.kwargs),
                loss=_mean_of_first if loss == "mean" else None,
                optimizer=make_optimizer,
                dynamic_shapes=target.dynamic_shapes,
                device=device,
            )

        with checkpointed(model, checkpoint):
            return self._first_that_fits(attempt)

    def _first_that_fits(self, attempt: Callable[[Target], Graph]) -> Graph:
        """Return the graph on the first inputs that do not fail; raise the failure of the likeliest if all do."""
        try:
            return attempt(self)
        except (TraceError, InputError) as error:
            for other in self.others:
                with suppress(TraceError, InputError):
                    return attempt(other)
            raise error from error.__cause__


def _mean_of_first(result: object) -> torch.Tensor:
    from fxviz.tracing.structure import leaves

    for _, tensor in leaves(result):
        if tensor.requires_grad:
            return tensor.mean()
    raise InputError("the model returns no tensor that depends on a parameter: there is nothing to take the mean of")


def _find_optimizer(name: str) -> Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]:
    from torch import optim

    known = {
        key.lower(): value
        for key, value in vars(optim).items()
        if isinstance(value, type) and issubclass(value, optim.Optimizer) and value is not optim.Optimizer
    }
    if name.lower() not in known:
        raise InputError(f"torch.optim has no {name!r}{suggest(name.lower(), list(known))}")
    return cast("Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]", known[name.lower()])
