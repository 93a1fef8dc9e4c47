"""Stand-ins for the tensors of a model and its inputs: fake tensors, or in eager mode real ones that may be written to."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn

from fxviz.errors import InputError
from fxviz.tracing import torch_private as _torch

__all__ = ["EagerStandIns", "FakeStandIns", "StandIns"]

_PLAIN_TYPES = (torch.Tensor, nn.Parameter, nn.Buffer, _torch.FakeTensor)
_INVENTED_LIMIT = 2 * 2**30


class StandIns(Protocol):
    """Makes the stand-in of a tensor, the same one each time for the same tensor."""

    device: torch.device  # of what has no place of its own

    def parameter(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the stand-in of a parameter; it has its device and, unless eager, no data."""
        ...

    def buffer(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the stand-in of a buffer, which the model may write to."""
        ...

    def constant(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the stand-in of any other tensor that the code holds, which it may write to as well."""
        ...

    def input(self, tensor: torch.Tensor, shape: tuple[int | torch.SymInt, ...]) -> torch.Tensor:
        """Return the stand-in of an input, of the given sizes."""
        ...

    def forget(self) -> None:
        """Let go of every stand-in: the run is over."""
        ...


class FakeStandIns:
    """Fake tensors: no data is read, copied or made. What lies on the meta device is taken to be on ``device``.

    With ``moves`` so are parameters, buffers and inputs, wherever they lie: as after ``model.to(device)``.
    A small constant keeps its values for code that reads them; with ``knows`` so do small buffers and inputs.
    """

    def __init__(
        self, mode: _torch.FakeTensorMode, device: torch.device, *, moves: bool = False, knows: bool = False
    ) -> None:
        self.mode = mode
        self.device = device
        self.moves = moves
        self.knows = knows
        self._made: dict[
            int, tuple[torch.Tensor, torch.Tensor]
        ] = {}  # the original is kept so that its id stays its own
        self._storages: dict[int, torch.UntypedStorage] = {}

    def parameter(self, tensor: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return self._stand_in(tensor, self._device(tensor))

    def buffer(self, tensor: torch.Tensor) -> torch.Tensor:  # noqa: D102
        stand_in = self._stand_in(tensor, self._device(tensor))
        return _with_values(stand_in, tensor) if self.knows else stand_in

    def constant(self, tensor: torch.Tensor) -> torch.Tensor:  # noqa: D102
        device = self.device if tensor.device.type == "meta" else tensor.device
        return _with_values(self._stand_in(tensor, device), tensor)

    def input(self, tensor: torch.Tensor, shape: tuple[int | torch.SymInt, ...]) -> torch.Tensor:  # noqa: D102
        if not any(isinstance(size, torch.SymInt) for size in shape):
            stand_in = self._stand_in(tensor, self._device(tensor))
            return _with_values(stand_in, tensor) if self.knows else stand_in
        # A fake factory call keeps the symbols; the dimensions are laid out in the order of the original's strides.
        strides = tensor.stride()
        order = sorted(range(tensor.dim()), key=lambda dim: (-strides[dim], dim))
        inverse = sorted(range(tensor.dim()), key=order.__getitem__)
        with self.mode:
            dense = torch.empty([shape[dim] for dim in order], dtype=tensor.dtype, device=self._device(tensor))
            return dense.permute(inverse)

    def forget(self) -> None:  # noqa: D102
        self._made.clear()
        self._storages.clear()

    def _device(self, tensor: torch.Tensor) -> torch.device:
        return self.device if self.moves or tensor.device.type == "meta" else tensor.device

    def _stand_in(self, tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        if (known := self._made.get(id(tensor))) is not None:
            return known[1]
        stand_in = self._make(tensor, device)
        self._made[id(tensor)] = tensor, stand_in
        return stand_in

    def _make(self, tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
        if nn.parameter.is_lazy(tensor):
            raise InputError(
                "the model has lazy layers whose shapes are not known yet; call it once on an input of its kind, then trace it"
            )
        if type(tensor) not in _PLAIN_TYPES or tensor.layout is not torch.strided or tensor.is_quantized:
            other: torch.Tensor = self.mode.from_tensor(tensor)
            return other.to(device) if self.moves and other.device != device else other
        # Tensors that share memory (tied through a view) have stand-ins that share it, too.
        storage = tensor.untyped_storage()
        layout = (tensor.shape, tensor.stride(), tensor.storage_offset(), tensor.dtype, device)
        key = _torch.storage_key(storage)
        stand_in = _torch.fake_of_layout(self.mode, layout, self._storages.get(key), storage.nbytes())
        self._storages.setdefault(key, stand_in.untyped_storage())
        if isinstance(tensor, nn.Parameter):
            _torch.mark_as_parameter(stand_in)
        return stand_in.requires_grad_(tensor.requires_grad) if tensor.is_leaf else stand_in


class EagerStandIns:
    """Real tensors: copies of the model's own, which a run may write to; what has no data is made up.

    Tensors that share memory have copies that share it, too.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.invented = 0  # bytes made up so far
        self._made: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._storages: dict[int, torch.UntypedStorage] = {}
        self._generator = torch.Generator().manual_seed(0)

    def parameter(self, tensor: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return self._stand_in(tensor)

    def buffer(self, tensor: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return self._stand_in(tensor)

    def constant(self, tensor: torch.Tensor) -> torch.Tensor:  # noqa: D102
        return self._stand_in(tensor)

    def input(self, tensor: torch.Tensor, shape: tuple[int | torch.SymInt, ...]) -> torch.Tensor:  # noqa: D102
        if any(isinstance(size, torch.SymInt) for size in shape):
            raise InputError("eager mode runs on real tensors, which have no symbolic sizes; leave out dynamic_shapes")
        return self._stand_in(tensor)

    def forget(self) -> None:  # noqa: D102
        self._made.clear()
        self._storages.clear()

    def _stand_in(self, tensor: torch.Tensor) -> torch.Tensor:
        if (known := self._made.get(id(tensor))) is not None:
            return known[1]
        data = self._invent(tensor) if _has_no_data(tensor) else self._copy(tensor.detach())
        stand_in = nn.Parameter(data, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else data
        self._made[id(tensor)] = tensor, stand_in
        return stand_in

    def _copy(self, tensor: torch.Tensor) -> torch.Tensor:
        if type(tensor) is not torch.Tensor or tensor.layout is not torch.strided or tensor.is_quantized:
            return tensor.clone()
        storage = tensor.untyped_storage()
        own = self._storages.get(_torch.storage_key(storage))
        if own is None:
            own = self._storages[_torch.storage_key(storage)] = storage.clone()
        copy = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        return copy.set_(own, tensor.storage_offset(), tensor.shape, tensor.stride())

    def _invent(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return small random numbers for floats, zeros for everything else: valid as token ids, masks and counters."""
        self.invented += tensor.nbytes
        if self.invented > _INVENTED_LIMIT:
            raise InputError(
                f"eager mode would have to make up more than {_INVENTED_LIMIT // 2**30} GiB of weights; give the model real ones"
            )
        made = torch.zeros(tensor.shape, dtype=tensor.dtype, device=self.device)
        return made.normal_(0, 0.02, generator=self._generator) if tensor.is_floating_point() else made


def _with_values(stand_in: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """Return the stand-in, which now keeps the values of ``tensor`` if that is small."""
    if type(tensor) in _PLAIN_TYPES and type(tensor) is not _torch.FakeTensor and _torch.can_be_known(tensor):
        _torch.know(stand_in, tensor)
    return stand_in


def _has_no_data(tensor: torch.Tensor) -> bool:
    return tensor.device.type == "meta" or isinstance(tensor, _torch.FakeTensor)
