"""Inputs bound to the arguments of a model: shapes as people write them, over what its zoo guesses."""

from __future__ import annotations

from itertools import takewhile
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fxviz.errors import InputError
from fxviz.models.inputs import InputSpec, Symbol, choose_sizes
from fxviz.models.signature import argument_names, takes_any_keyword
from fxviz.models.target import Target
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

__all__ = ["bind_inputs"]


def bind_inputs(
    name: str, model: Callable[..., Any], guess: Mapping[str, object], specs: Sequence[InputSpec]
) -> Target:
    """Bind specs to arguments, by name or else by position: the guessed arguments first, then those of the signature."""
    names = argument_names(model)
    specified = _by_argument(name, model, names, guess, specs)
    sizes = choose_sizes((spec, _shape_of(guess.get(argument))) for argument, spec in specified.items())
    device = _device_of(model)
    values = dict(guess) | {
        argument: _tensor(spec, sizes, guess.get(argument), device) for argument, spec in specified.items()
    }
    dynamic = {
        argument: _dynamic(specified[argument]) if argument in specified else _nothing_dynamic(value)
        for argument, value in values.items()
    }
    leading = list(takewhile(values.__contains__, names))
    return Target(
        name,
        model,
        tuple(values[argument] for argument in leading),
        MappingProxyType({argument: value for argument, value in values.items() if argument not in leading}),
        dynamic if sizes else None,
    )


def _by_argument(
    name: str,
    model: Callable[..., Any],
    names: Sequence[str],
    guess: Mapping[str, object],
    specs: Sequence[InputSpec],
) -> Mapping[str, InputSpec]:
    positions = iter([*guess, *(name for name in names if name not in guess)])
    specified: dict[str, InputSpec] = {}
    for number, spec in enumerate(specs):
        argument = spec.name or next((position for position in positions if position not in specified), None)
        if argument is None:
            raise InputError(f"{name} takes {len(names)} inputs ({', '.join(names)}), and {len(specs)} were given")
        if argument in specified:
            raise InputError(f"input {number + 1} gives {argument!r} a second time")
        if names and argument not in names and not takes_any_keyword(model):
            raise InputError(f"{name} has no input {argument!r}{suggest(argument, names)}")
        specified[argument] = spec
    return specified


def _tensor(spec: InputSpec, sizes: Mapping[str, int], guess: object, device: torch.device) -> torch.Tensor:
    import torch

    from fxviz.models.zoos import input_device

    shape = [sizes[extent.name] if isinstance(extent, Symbol) else extent for extent in spec.shape]
    if spec.dtype is not None and not hasattr(torch, spec.dtype):
        raise InputError(f"this torch ({torch.__version__}) has no dtype {spec.dtype}")
    if spec.dtype is not None:
        dtype = getattr(torch, spec.dtype)
    else:
        dtype = guess.dtype if isinstance(guess, torch.Tensor) else torch.get_default_dtype()
    try:
        return torch.zeros(shape, dtype=dtype, device=input_device(device, dtype))
    except (RuntimeError, TypeError) as error:
        reason = str(error).partition("\n")[0]  # torch may add the stack of its C++ code
        raise InputError(f"cannot make an input of shape {tuple(shape)} and dtype {dtype}: {reason}") from error


def _dynamic(spec: InputSpec) -> Mapping[int, object] | None:
    from torch.export import Dim

    return {dim: Dim(extent.name) for dim, extent in enumerate(spec.shape) if isinstance(extent, Symbol)} or None


def _nothing_dynamic(value: object) -> object:
    """Return what torch.export wants for a static argument: its structure, with None for every tensor."""
    return [_nothing_dynamic(item) for item in value] if isinstance(value, list) else None


def _shape_of(value: object) -> tuple[int, ...] | None:
    shape = getattr(value, "shape", None)
    return tuple(shape) if shape is not None else None


def _device_of(model: Callable[..., Any]) -> torch.device:
    """Return the device that holds the model: its inputs belong there too. The CPU for a model without weights."""
    import torch

    tensors = [*model.parameters(), *model.buffers()] if isinstance(model, torch.nn.Module) else []
    return tensors[0].device if tensors else torch.device("cpu")
