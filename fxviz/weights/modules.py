"""Read the parameters and buffers of a module, a state dict or an exported program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import torch

from fxviz.errors import InputError
from fxviz.ir import Role, TensorType
from fxviz.tracing.torch_private import storage_key
from fxviz.weights.weight import Weight, has_numbers

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping

    from fxviz.weights.statistics import Array
    from fxviz.weights.values import Region

__all__ = ["TensorValues", "weights_of_mapping", "weights_of_model"]

_Named: TypeAlias = "tuple[str, torch.Tensor, Role | None]"


@dataclass(frozen=True, eq=False)
class TensorValues:
    """The values of a tensor in memory, on any device; only one block is copied at a time."""

    tensor: torch.Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the tensor."""
        return tuple(self.tensor.shape)

    def read(self, regions: Iterable[Region]) -> Iterator[Array]:
        """Yield the elements in each region; of a quantised tensor, the numbers that they represent."""
        with torch.no_grad():
            tensor = self.tensor.dequantize() if self.tensor.is_quantized else self.tensor
            for region in regions:
                yield tensor[region].cpu().to(torch.float64).numpy()


def weights_of_model(model: object) -> Iterator[Weight]:
    """Return every parameter and buffer of a module, or of an ExportedProgram, once each, module by module."""
    if isinstance(model, torch.export.ExportedProgram):
        tensors: list[_Named] = [(name, parameter, Role.PARAMETER) for name, parameter in model.named_parameters()]
        tensors += [(name, buffer, Role.BUFFER) for name, buffer in model.named_buffers()]
        return _weights(tensors)
    if isinstance(model, torch.nn.Module):
        return _weights(_tensors_of(model))
    raise InputError(
        f"expected a module, a state dict, a graph or a path, not {type(model).__name__}: "
        "pass the model itself, or a .safetensors file"
    )


def weights_of_mapping(tensors: Mapping[object, object]) -> Iterator[Weight]:
    """Return every tensor of a state dict, once each, in its order; entries that are not tensors are left out."""
    if odd := [name for name in tensors if not isinstance(name, str)]:
        raise InputError(f"the keys of a state dict must be names, but one is {odd[0]!r}")
    found = [(str(name), value) for name, value in tensors.items() if isinstance(value, torch.Tensor)]
    if tensors and not found:
        names = ", ".join(map(repr, list(tensors)[:5]))
        raise InputError(
            f"no value of the mapping is a tensor; if the state dict is under one of its keys, pass that entry: {names}"
        )
    return _weights((name, value, _role_of(value)) for name, value in found)


def _tensors_of(model: torch.nn.Module) -> Iterator[_Named]:
    for path, module in model.named_modules(remove_duplicate=False):
        for name, parameter in module.named_parameters(path, recurse=False, remove_duplicate=False):
            yield name, parameter, Role.PARAMETER
        for name, buffer in module.named_buffers(path, recurse=False, remove_duplicate=False):
            yield name, buffer, Role.BUFFER
        yield from _packed_in(module, path)


def _packed_in(module: torch.nn.Module, path: str) -> Iterator[_Named]:
    """Yield the tensors that a quantised module keeps in a C++ object, which only its state dict unpacks."""
    if not any(isinstance(value, torch.ScriptObject) for value in vars(module).values()):
        return
    prefix = f"{path}." if path else ""
    own = {name: value for name, value in module.state_dict(prefix=prefix).items() if "." not in name[len(prefix) :]}
    for name, value in own.items():
        if isinstance(value, torch.Tensor):
            yield name, value, None
        elif isinstance(value, tuple | list):
            yield from (
                (f"{name}.{place}", each, None) for place, each in enumerate(value) if isinstance(each, torch.Tensor)
            )


def _role_of(tensor: torch.Tensor) -> Role | None:
    return Role.PARAMETER if isinstance(tensor, torch.nn.Parameter) else None


def _weights(named: Iterable[_Named]) -> Iterator[Weight]:
    """Yield one weight for each tensor, under the first of its names."""
    owners: dict[Hashable, _Named] = {}
    further: dict[Hashable, list[str]] = {}
    for name, tensor, role in named:
        key = _identity(tensor)
        if key in owners:
            further.setdefault(key, []).append(name)
        else:
            owners[key] = name, tensor, role
    for key, (name, tensor, role) in owners.items():
        yield Weight(
            name,
            None if torch.nn.parameter.is_lazy(tensor) else _type_of(tensor),
            role,
            None if role is None else tensor.requires_grad,
            tuple(further.get(key, ())),
            _values_of(tensor),
            _values_of(tensor.grad) if tensor.is_leaf and tensor.grad is not None else None,
        )


def _identity(tensor: torch.Tensor) -> Hashable:
    """Return a key that is equal for tensors of the same memory and layout, such as a weight and its detached alias."""
    if torch.nn.parameter.is_lazy(tensor) or tensor.layout is not torch.strided:
        return id(tensor)
    try:
        storage = storage_key(tensor.untyped_storage())
    except NotImplementedError:  # a tensor that is made of others
        return id(tensor)
    return storage, tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tensor.stride()


def _type_of(tensor: torch.Tensor) -> TensorType:
    return TensorType(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), str(tensor.device))


def _values_of(tensor: torch.Tensor) -> TensorValues | None:
    """Return the values; None for a tensor without data, or of a subclass with its own layout."""
    ordinary = type(tensor).__torch_dispatch__ is torch.Tensor.__torch_dispatch__
    if not ordinary or torch.nn.parameter.is_lazy(tensor) or tensor.is_meta or tensor.layout is not torch.strided:
        return None
    return TensorValues(tensor) if has_numbers(str(tensor.dtype).removeprefix("torch.")) else None
