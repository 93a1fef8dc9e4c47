"""Measure the layers of a model at one step: norms, updates and outputs, with one transfer from each device."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from fxviz.errors import InputError
from fxviz.tracing.torch_private import is_wrapped, norms
from fxviz.training.recording.hooks import Hook
from fxviz.training.schema import DECADES, LAYER_METRICS, Layer, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Probe", "Reading"]

_UPDATE_ELEMENTS = 65_536
"""The most elements of a parameter that its update is measured on. A dense update is known to 0.3 %."""

_GRADIENT_ELEMENTS = 4_096
"""The most elements of a gradient in its histogram."""

_MOST_CALLS = 16
"""The most calls of a layer that are observed in one step: a cell of a recurrent network is called a thousand times."""

_FEWEST_VALUES = 8
"""The fewest values of a unit from which it counts as dead: fewer may be 0 by chance."""

_ROOT = "."  # the name of the layer that is the model itself


@dataclass(frozen=True)
class Reading:
    """A number for each layer and metric, or None, and the positions of NaN and infinities."""

    layers: dict[str, tuple[float | None, ...]]
    gradients: tuple[tuple[int, ...] | None, ...]
    nonfinite: tuple[tuple[str, int], ...]  # activation, gradient or weight, and the index of the layer
    order: tuple[int, ...]  # layers in the order of their calls


@dataclass
class _Sums:
    """The sums of a reading for one layer."""

    weight: float | None = None
    gradient: float | None = None
    update: float | None = None
    bins: tuple[int, ...] | None = None
    outputs: list[list[float]] = field(default_factory=list)  # mean, variance, share of dead units

    def metrics(self) -> dict[str, float | None]:
        weight = None if self.weight is None else math.sqrt(self.weight)
        ratio = math.sqrt(self.update) / weight if self.update is not None and weight else None
        mean, variance, dead = (
            (math.fsum(column) / len(column) for column in zip(*self.outputs, strict=True))
            if self.outputs
            else (None, None, None)
        )
        return {
            "grad_norm": None if self.gradient is None else math.sqrt(self.gradient),
            "weight_norm": weight,
            "update_ratio": ratio,
            "activation_mean": mean,
            "activation_spread": None if variance is None else _root(variance),
            "dead_share": None if dead is None or math.isnan(dead) else dead,
        }


def _root(variance: float) -> float:
    return math.sqrt(max(variance, 0.0)) if not math.isnan(variance) else math.nan


class Probe:
    """Observes the layers of a model: between `arm` and `read`, its hooks see the outputs of layers.

    Nothing is read from the device before `read`, and memory is bounded: some elements of large parameters are kept,
    and three numbers of each output.
    """

    def __init__(self, model: nn.Module) -> None:
        owned = {id(parameter): name for name, parameter in model.named_parameters()}
        self._modules: list[nn.Module] = []
        self._owners: list[tuple[int, nn.Parameter]] = []
        layers: list[Layer] = []
        for name, module in model.named_modules():
            parameters = [each for each in module.parameters(recurse=False) if owned.get(id(each))]
            if not parameters and next(module.children(), None) is not None:
                continue
            described = tuple(_described(owned.pop(id(each)), each) for each in parameters if id(each) in owned)
            self._owners += [(len(layers), each) for each in parameters if _is_observable(each)]
            self._modules.append(module)
            layers.append(Layer(name or _ROOT, type(module).__name__, described))
        self.layers = tuple(layers)
        self._hooks = ExitStack()
        self._weights: list[tuple[int, Tensor]] = []
        self._before: list[Tensor] = []
        self._sampled: list[tuple[int, nn.Parameter]] = []
        self._outputs: list[tuple[int, Tensor]] = []
        self._calls: Counter[int] = Counter()
        self._places: dict[tuple[tuple[int, int], ...], Tensor] = {}

    @property
    def armed(self) -> bool:
        """Whether outputs are being observed."""
        return bool(self._sampled)

    def arm(self) -> None:
        """Keep the weights before a step, and observe the outputs of layers until `read`."""
        self._sampled = [(index, each) for index, each in self._owners if _numeric(each)]
        with torch.no_grad():
            self._weights = self._weight_norms()
            self._before = [_some(each.detach(), _UPDATE_ELEMENTS).clone() for _, each in self._sampled]
        for index, module in enumerate(self._modules):
            self._hooks.callback(module.register_forward_hook(Hook(partial(self._observe, index))).remove)

    def disarm(self) -> None:
        """Remove the hooks and drop what they observed."""
        self._hooks.close()
        self._weights, self._before, self._sampled, self._outputs = [], [], [], []
        self._calls.clear()

    @torch.no_grad()
    def read(self) -> Reading:
        """Return the reading of a step that is done, with the weights before it if it was armed."""
        sums = [_Sums() for _ in self.layers]
        graded = [(index, _values(each.grad)) for index, each in self._owners if each.grad is not None]
        graded = [(index, gradient) for index, gradient in graded if _is_observable(gradient) and _numeric(gradient)]
        weights = self._weights or self._weight_norms()
        gradients = _norms(graded)
        updates = self._updates()
        histograms = list(self._histograms(graded))
        tensors = [tensor for _, tensor in (*weights, *gradients, *self._outputs, *histograms)]
        found = iter(_fetch([*tensors, *(norm for _, norm, _ in updates)]))  # consumed below in this order
        for (index, _), (norm,) in zip(weights, found, strict=False):
            sums[index].weight = (sums[index].weight or 0.0) + norm**2
        for (index, _), (norm,) in zip(gradients, found, strict=False):
            sums[index].gradient = (sums[index].gradient or 0.0) + norm**2
        for (index, _), outline in zip(self._outputs, found, strict=False):
            sums[index].outputs.append(outline)
        for (indices, _), counts in zip(histograms, found, strict=False):
            for index, bins in zip(indices, zip(*[iter(counts)] * len(DECADES), strict=True), strict=True):
                sums[index].bins = tuple(map(int, bins))
        for (index, _, share), (norm,) in zip(updates, found, strict=False):
            sums[index].update = (sums[index].update or 0.0) + norm**2 * share
        reading = self._reading(sums)
        self.disarm()
        return reading

    def _reading(self, sums: Sequence[_Sums]) -> Reading:
        metrics = [each.metrics() for each in sums]
        nonfinite = [
            (what, index)
            for what, key in (("activation", "activation_mean"), ("gradient", "grad_norm"), ("weight", "weight_norm"))
            for index, found in enumerate(metrics)
            if (value := found[key]) is not None and not math.isfinite(value)
        ]
        return Reading(
            layers={metric: tuple(found[metric] for found in metrics) for metric in LAYER_METRICS},
            gradients=tuple(each.bins for each in sums),
            nonfinite=tuple(nonfinite),
            order=tuple(dict.fromkeys(index for index, _ in self._outputs)),
        )

    # Updates and gradients

    def _weight_norms(self) -> list[tuple[int, Tensor]]:
        return _norms([(index, each.detach()) for index, each in self._owners if _numeric(each)])

    def _updates(self) -> list[tuple[int, Tensor, float]]:
        """Return the norm of the change of some elements of each parameter, and how many elements each represents."""
        changes = [
            (index, (_some(each.detach(), _UPDATE_ELEMENTS) - before).to(_wide(each)), each.numel())
            for (index, each), before in zip(self._sampled, self._before, strict=True)
            if each.numel() and each.requires_grad and before.device == each.device
        ]
        lengths = _norms([(index, change) for index, change, _ in changes])
        return [
            (index, norm, size / change.numel())
            for (index, norm), (_, change, size) in zip(lengths, changes, strict=True)
        ]

    def _histograms(self, graded: Sequence[tuple[int, Tensor]]) -> Iterator[tuple[list[int], Tensor]]:
        """Yield, for each device, the layers with gradients there, and their counts over `DECADES` in that order."""
        by_device: defaultdict[torch.device, list[tuple[int, Tensor]]] = defaultdict(list)
        for index, gradient in graded:
            if gradient.numel():
                by_device[gradient.device].append((index, _some(gradient, _GRADIENT_ELEMENTS)))
        for device, parts in by_device.items():
            indices = list(dict.fromkeys(index for index, _ in parts))
            sizes = tuple((indices.index(index), part.numel()) for index, part in parts)
            elements = torch.cat([part.abs().float() for _, part in parts])
            finite = elements.isfinite()
            decade = elements.log10().floor().nan_to_num(0.0).clamp(DECADES[0], DECADES[-1]) - DECADES[0]
            counts = torch.zeros(len(indices) * len(DECADES), device=device)
            counts.index_add_(0, self._rows(sizes, device) + decade.long(), finite.float())
            yield indices, counts

    def _rows(self, sizes: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
        """Return the first bin of the layer of each sampled element. Sizes seldom change: the last result is kept."""
        if sizes not in self._places or self._places[sizes].device != device:
            rows = torch.tensor([row * len(DECADES) for row, _ in sizes])
            self._places = {sizes: rows.repeat_interleave(torch.tensor([size for _, size in sizes])).to(device)}
        return self._places[sizes]

    # Outputs

    def _observe(self, index: int, output: Any) -> None:
        if not torch.is_grad_enabled() or self._calls[index] >= _MOST_CALLS:
            return
        tensor = _first_tensor(output)
        if tensor is None or not _is_observable(tensor) or not tensor.is_floating_point() or not tensor.numel():
            return
        self._calls[index] += 1
        self._outputs.append((index, _outline(tensor.detach())))


def _fetch(tensors: Sequence[Tensor]) -> list[list[float]]:
    """Return the numbers in each of some small tensors, with one transfer from each device."""
    positions: defaultdict[torch.device, list[int]] = defaultdict(list)
    for position, tensor in enumerate(tensors):
        positions[tensor.device].append(position)
    found: dict[int, list[float]] = {}
    for here in positions.values():
        numbers = iter(torch.cat([tensors[position].reshape(-1).float() for position in here]).tolist())
        found.update((position, list(islice(numbers, tensors[position].numel()))) for position in here)
    return [found[position] for position in range(len(tensors))]


def _described(name: str, parameter: nn.Parameter) -> Parameter:
    if isinstance(parameter, nn.UninitializedParameter):
        raise InputError(f"{name} has no shape yet: run the model once before watching it")
    dtype = str(parameter.dtype).removeprefix("torch.")
    return Parameter(name, tuple(parameter.shape), dtype, parameter.requires_grad)


def _is_observable(tensor: object) -> bool:
    """Return whether this is a plain tensor with numbers to read: not fake, sharded, on meta or in a `torch.vmap`."""
    return (
        type(tensor) in (Tensor, nn.Parameter)
        and isinstance(tensor, Tensor)
        and tensor.device.type != "meta"
        and not is_wrapped(tensor)
        and not torch.compiler.is_compiling()
    )


def _norms(tensors: Sequence[tuple[int, Tensor]]) -> list[tuple[int, Tensor]]:
    """Return the Euclidean norm of each numbered tensor, in the same order."""
    groups: defaultdict[tuple[torch.device, torch.dtype], list[int]] = defaultdict(list)
    for position, (_, tensor) in enumerate(tensors):
        groups[tensor.device, tensor.dtype].append(position)
    found: dict[int, Tensor] = {}
    for positions in groups.values():
        found.update(zip(positions, norms([tensors[position][1] for position in positions]), strict=True))
    return [(index, found[position]) for position, (index, _) in enumerate(tensors)]


def _some(tensor: Tensor, most: int) -> Tensor:
    """Return at most ``most`` elements, spread evenly; a view if the memory has no gaps.

    The stride is coprime to the number of elements, so that elements of all rows and columns are among them.
    """
    flat = _flat(tensor)
    stride = max(1, -(-flat.numel() // most))
    while math.gcd(stride, flat.numel()) > 1:
        stride += 1
    return flat[::stride]


def _flat(tensor: Tensor) -> Tensor:
    """Return all elements, in the order of memory if it has no gaps: weights in channels_last are not copied."""
    extent = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)) + 1
    if tensor.numel() and extent == tensor.numel():
        return tensor.as_strided((extent,), (1,), tensor.storage_offset())
    return tensor.reshape(-1)


def _values(gradient: Tensor) -> Tensor:
    """Return the elements of a gradient that are not zero by layout."""
    return gradient.coalesce().values() if gradient.is_sparse else gradient.detach()


def _numeric(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _wide(tensor: Tensor) -> torch.dtype:
    """Return the dtype to compute differences in: at least float32."""
    return torch.promote_types(tensor.dtype, torch.float32)


def _first_tensor(output: Any) -> Tensor | None:
    """Return the output of a layer, or the first tensor in it: the outputs of (outputs, state)."""
    if isinstance(output, Tensor):
        return output
    parts = output.values() if isinstance(output, dict) else output if isinstance(output, tuple | list) else ()
    return next((found for part in parts if (found := _first_tensor(part)) is not None), None)


@torch.no_grad()
def _outline(output: Tensor) -> Tensor:
    """Return mean, variance and share of dead units of an output, without copying it.

    A unit is a channel of an image (dimension 1 of four or more), else a feature (the last dimension). The variance is
    the mean square minus the squared mean: on a CPU ``torch.var_mean`` takes twenty times as long, and is more precise
    only for outputs whose distance from 0 is a thousand times their spread.
    """
    wide = torch.promote_types(output.dtype, torch.float32)
    mean = output.mean(dtype=wide)
    variance = torch.linalg.vector_norm(output, dtype=wide).square() / output.numel() - mean.square()
    unit = 1 if output.ndim >= 4 else output.ndim - 1
    if output.ndim < 2 or output.numel() < _FEWEST_VALUES * output.shape[unit]:
        dead = torch.full_like(mean, math.nan)
    else:
        others = [dim for dim in range(output.ndim) if dim != unit]
        dead = ((output.amax(others) == 0) & (output.amin(others) == 0)).float().mean()
    return torch.stack([mean.float(), variance.float(), dead.float()])
