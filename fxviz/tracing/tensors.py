"""The tags of tensor objects during a run: the current value, the storage, and the reference in the fx graph."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import torch

from fxviz.errors import TraceError
from fxviz.ir import Role, TensorType
from fxviz.tracing import torch_private as _torch
from fxviz.tracing.draft import Draft, NodeRecord, StorageRecord, ValueRecord
from fxviz.tracing.state import clear_caches_with, holder_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fxviz.tracing.fxgraph import FxGraphBuilder, FxRef
    from fxviz.tracing.stand_ins import StandIns
    from fxviz.tracing.symbols import Symbols

__all__ = ["Tag", "TensorBook", "type_of"]

_TAG = "_fxviz_tag"


class Tag:
    """The tag of a tensor object, which lives as long as it: its value, its fx reference, its layout once asked for."""

    __slots__ = ("book", "fx", "layout", "value")

    def __init__(self, value: ValueRecord, fx: FxRef | None = None) -> None:
        self.value = value
        self.fx = fx
        self.layout: tuple[Any, ...] | None = None
        self.book: TensorBook | None = None  # of the run that it belongs to


class TensorBook:
    """Keeps the tags of all tensors of one run, and watches their storages through weak references."""

    def __init__(self, draft: Draft, stand_ins: StandIns, symbols: Symbols, fx: FxGraphBuilder, *, fake: bool) -> None:
        self.draft = draft
        self.stand_ins = stand_ins
        self.symbols = symbols
        self.fx = fx
        self.fake = fake
        self.literals: dict[int, torch.Tensor] = {}
        self._storages: dict[int, tuple[StorageRecord, weakref.ref[Any]]] = {}
        self._types: dict[tuple[Any, ...], TensorType] = {}
        self._adopted: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self.unregistered = 0  # parameters of modules that the model holds where torch does not look for them
        self._kept: list[weakref.ref[Any]] = []

    # -- tags

    def known(self, tensor: torch.Tensor) -> Tag | None:
        """Return the tag of a tensor that was met before in this run; a library's cache may hand out one of another run."""
        tag: Tag | None = getattr(tensor, _TAG, None)
        return tag if tag is not None and tag.book is self else None

    def attach(self, tensor: torch.Tensor, tag: Tag) -> None:
        """Hang a tag on a tensor; only ever on one that this run made."""
        tag.book = self
        setattr(tensor, _TAG, tag)

    def tag(self, tensor: torch.Tensor) -> Tag:
        """Return the tag of any tensor; a tensor that no recorded kernel made is a constant of the graph."""
        if (tag := self.known(tensor)) is not None:
            return tag
        # A wrapper of a function transform has no tag of its own.
        tensor = self.stand_in(_torch.unwrap(tensor))
        return self.known(tensor) or self._again(tensor) or self._constant(tensor, None)

    def read(self, tensor: torch.Tensor) -> ValueRecord:
        """Return the value of a tensor that a node reads."""
        tag = self.tag(tensor)
        tag.value = self.draft.read(tag.value)
        return tag.value

    def written(self, tensor: torch.Tensor, node: NodeRecord) -> ValueRecord:
        """Return the new value of a tensor that a kernel of ``node`` has just written to."""
        tag = self.tag(tensor)
        if (storage := tag.value.storage) is not None:
            storage.mutations += 1
            storage.writer = node
        # resize_ and set_ change more than the content, so type and storage are read again.
        tag.value = self.value(tensor)
        tag.value.within = node
        tag.layout = None
        return tag.value

    def made(self, tensor: torch.Tensor, node: NodeRecord) -> ValueRecord:
        """Return the value of a tensor that a kernel of ``node`` has just returned."""
        value = self.value(tensor)
        value.within = node
        if (tag := self.known(tensor)) is None:
            self.attach(tensor, Tag(value))
        else:
            tag.value = value
        return value

    def fx_of(self, tensor: torch.Tensor) -> FxRef | None:
        """Return the reference to a tensor in the fx graph; None for a wrapper, which is not in it."""
        return None if _torch.is_wrapped(tensor) else self.tag(tensor).fx

    def _again(self, tensor: torch.Tensor) -> Tag | None:
        """Return the tag of a tensor that autograd kept, and returns as another object on the same memory."""
        storage = (
            self._storages.get(_torch.storage_key(tensor.untyped_storage())) if tensor.layout is torch.strided else None
        )
        if storage is None or (value := storage[0].latest.get(self._type(tensor))) is None:
            return None
        tag = Tag(value)
        self.attach(tensor, tag)
        return tag

    def _constant(self, tensor: torch.Tensor, fx: FxRef | None) -> Tag:
        value = self.value(tensor, Role.CONSTANT, f"constant_{len(self.draft.constants)}")
        self.draft.constants.append(value)
        self.unregistered += isinstance(tensor, torch.nn.Parameter)
        tag = Tag(value, fx)
        self.attach(tensor, tag)
        return tag

    # -- real tensors that reach a run on fake ones

    def stand_in(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the stand-in of a tensor that the model holds outside its parameters and buffers; any other tensor as it is."""
        if self.known(tensor) is not None:
            return tensor
        if (adopted := self._adopted.get(id(tensor))) is not None:
            return adopted[1]
        if not self._is_real(tensor):
            return tensor
        stand_in = self.stand_ins.constant(tensor)
        self._adopted[id(tensor)] = tensor, stand_in
        if self.known(stand_in) is None:
            self._constant(stand_in, self.fx.constant(tensor))
        return stand_in

    def without_real_tensors(self, args: Sequence[Any]) -> list[Any]:
        """Return the arguments of a kernel with stand-ins for the real tensors among them."""
        return [
            self._kernel_stand_in(a)
            if isinstance(a, torch.Tensor)
            else self.without_real_tensors(a)
            if type(a) is list
            else a
            for a in args
        ]

    def _kernel_stand_in(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the stand-in of a tensor; a real one that is not an argument of the call was made from numbers: a literal, not a value."""
        if not self._is_real(tensor) or self.known(tensor) is not None or id(tensor) in self._adopted:
            return self.stand_in(tensor)
        stand_in = self.stand_ins.constant(tensor)
        self.literals[id(stand_in)] = stand_in
        return stand_in

    def _is_real(self, tensor: torch.Tensor) -> bool:
        return self.fake and type(tensor) in (torch.Tensor, torch.nn.Parameter)

    # -- values and storages

    def value(self, tensor: torch.Tensor, role: Role = Role.RESULT, name: str = "") -> ValueRecord:
        """Return a new value for a tensor as it is now."""
        storage = self._storage(tensor, born=self.draft.step if role is Role.RESULT else -1)
        value = ValueRecord(self._type(tensor), storage, role, name, version=storage.mutations if storage else 0)
        if storage is not None:
            storage.latest[value.type] = value
        return value

    def _type(self, tensor: torch.Tensor) -> TensorType:
        key = (tensor.shape, tensor.dtype, tensor.device)
        if not self.symbols.env and (known := self._types.get(key)) is not None:
            return known
        shape = tuple(self.symbols.to_dim(size) for size in tensor.shape)
        made = TensorType(shape, str(tensor.dtype).removeprefix("torch."), str(tensor.device))
        if not self.symbols.env:
            self._types[key] = made
        return made

    def _storage(self, tensor: torch.Tensor, born: int) -> StorageRecord | None:
        try:
            storage = tensor.untyped_storage()
        except NotImplementedError:  # a sparse tensor has several storages, and shows none
            return None
        if (known := self._storages.get(_torch.storage_key(storage))) is not None:
            return known[0]
        record = StorageRecord(self.symbols.to_dim(storage.nbytes()), str(tensor.device), born)
        self.draft.storages.append(record)
        self.watch(storage, record)
        return record

    def watch(self, storage: torch.UntypedStorage, record: StorageRecord) -> None:
        """Record in ``record`` when ``storage`` is freed."""
        key = _torch.storage_key(storage)

        def freed(_: object) -> None:
            record.died = self.draft.step
            del self._storages[key]

        self._storages[key] = record, weakref.ref(storage, freed)

    def close(self) -> None:
        """End the watch: storages that are alive now outlive the run."""
        alive = [ref() for record, ref in self._storages.values() if record.born >= 0]
        self._kept += [weakref.ref(storage) for storage in alive if storage is not None]
        self._storages.clear()

    def forget(self) -> None:
        """See to it that no cache of the process hands out a tensor of this run, which has ended and dropped its results."""
        self.close()
        self.stand_ins.forget()
        self._adopted.clear()
        self.literals.clear()
        if any(ref() is not None for ref in self._kept):
            clear_caches_with(lambda thing: type(thing) is _torch.FakeTensor and self.known(thing) is not None)

    def check_forgotten(self) -> None:
        """Raise a `TraceError` if the model's code kept a tensor of this run where nothing puts things back.

        Called when the run has succeeded: a failure keeps the frames of the model alive, and with them their tensors.
        """
        if all(ref() is None for ref in self._kept):
            return
        gc.collect()  # what is left in cycles is not kept
        kept = [ref() for ref in self._kept]
        if not self.fake or all(storage is None for storage in kept):
            return
        ours = [
            thing for thing in gc.get_objects() if type(thing) is _torch.FakeTensor and self.known(thing) is not None
        ]
        if holder := next(filter(None, map(holder_of, ours)), None):
            raise TraceError(
                f"the model's code keeps {len(ours)} tensors of the trace in {holder}, where they cannot be taken back; "
                "make that anew, and trace the model with isolated=True"
            )


def type_of(tensor: torch.Tensor) -> TensorType:
    """Return the type of a tensor of static sizes; what lies on the meta device is taken to be on the CPU."""
    device = "cpu" if tensor.device.type == "meta" else str(tensor.device)
    return TensorType(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), device)
