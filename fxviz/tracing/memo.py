"""Repeated calls of a run, recorded again without running torch; their results are new fake tensors.

A model repeats its layers, and a call is determined by its function, the layouts of its tensors, which of them share
memory, its other arguments and the default dtype. The effect of a call is kept as a `Recipe`, whose steps refer to the
tensors by number. A call whose tensors carry more than a layout, that changes a layout in place, or that runs under
gradients, autocast or symbolic sizes has no recipe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from fxviz.tracing import torch_private as _torch
from fxviz.tracing.draft import KernelRecord, NodeRecord, StorageRecord, ValueRecord
from fxviz.tracing.tensors import Tag, TensorBook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fxviz.ir import Attribute, TensorType

__all__ = ["CallKey", "Memo", "Recipe"]

_ATOMS = (int, float, bool, str, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format, type(...))


@dataclass(frozen=True, slots=True)
class CallKey:
    """The key that determines a call, and its tensors with their layouts, in the order of its arguments."""

    key: tuple[Any, ...]
    tensors: tuple[torch.Tensor, ...]
    layouts: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """A kernel; ``inputs`` and ``outputs`` number the values of the call: first its inputs, then its results."""

    op: str
    inputs: tuple[int, ...]
    input_names: Sequence[str]
    outputs: tuple[int, ...]
    attributes: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class _Result:
    """A returned tensor: a new one of a layout with its value's number, or the argument at a position, returned as it is."""

    value: int
    layout: tuple[Any, ...]
    argument: int | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """The effect of a call. Storages are numbered like values: first those behind the arguments, then those it allocated."""

    input_names: Sequence[str]
    attributes: Mapping[str, Attribute]
    allocated: tuple[
        tuple[Any, str, int, int | None], ...
    ]  # bytes, device, born and died, counted from the call's start
    made: tuple[tuple[TensorType | None, int, bool], ...]  # of each value: type, storage, and whether it is a write
    steps: tuple[_Step, ...]
    results: tuple[_Result | None, ...]  # None where the call returned None
    outputs: tuple[int, ...]
    renewed: tuple[tuple[int, int], ...]  # arguments that are another value now: position, value
    container: type | None  # of several results; None for a single tensor


class Memo:
    """The recipes of one run."""

    def __init__(self, book: TensorBook, mode: _torch.FakeTensorMode) -> None:
        self._book = book
        self._mode = mode
        self._recipes: dict[tuple[Any, ...], Recipe | None] = {}

    def key(self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> CallKey | None:
        """Return the key of a call; None if more than its arguments may determine what it does."""
        tensors: list[torch.Tensor] = []
        seen: dict[int, int] = {}
        try:
            parts = [self._part(argument, tensors, seen) for argument in args]
            named = [(name, self._part(argument, tensors, seen)) for name, argument in kwargs.items()]
            layouts = tuple([self._layout(tensor) for tensor in tensors])
        except _NoKeyError:
            return None
        if not tensors:
            return None
        key = (function, tuple(parts), tuple(named), layouts, self._shared(tensors), torch.get_default_dtype())
        return CallKey(key, tuple(tensors), layouts)

    def find(self, key: CallKey) -> Recipe | None:
        """Return the recipe of a call that was seen before; None for any other."""
        return self._recipes.get(key.key)

    def _part(self, argument: Any, tensors: list[torch.Tensor], seen: dict[int, int]) -> Any:
        kind = type(argument)
        if kind is _torch.FakeTensor:
            tensors.append(argument)
            return kind, seen.setdefault(id(argument), len(seen))
        if kind in (tuple, list, torch.Size):
            return kind, tuple(self._part(part, tensors, seen) for part in argument)
        if kind is slice:
            return kind, tuple(
                self._part(part, tensors, seen) for part in (argument.start, argument.stop, argument.step)
            )
        if kind in _ATOMS:
            return kind, argument
        raise _NoKeyError

    def _layout(self, tensor: torch.Tensor) -> tuple[Any, ...]:
        if (tag := self._book.known(tensor)) is None:
            raise _NoKeyError
        if tag.layout is None:
            tag.layout = _torch.layout_of(tensor)
        if tag.layout is None:
            raise _NoKeyError
        return tag.layout

    def _shared(self, tensors: Sequence[torch.Tensor]) -> tuple[int, ...]:
        """Return for each tensor the number of its storage: a call of two views of one memory is not a call of two memories."""
        if len(tensors) == 1:
            return ()
        storages: dict[StorageRecord | None, int] = {}
        return tuple([storages.setdefault(self._book.tag(t).value.storage, len(storages)) for t in tensors])

    # -- writing a recipe

    def learn(self, key: CallKey, node: NodeRecord | None, start: int, result: Any) -> None:
        """Keep the recipe of a call that began at kernel ``start``, if it can be repeated."""
        if key.key not in self._recipes:
            self._recipes[key.key] = self._write(key, node, start, result) if node is not None else None

    def _write(self, key: CallKey, node: NodeRecord, start: int, result: Any) -> Recipe | None:
        results = [result] if isinstance(result, torch.Tensor) else result
        if not isinstance(results, list | tuple) or not all(r is None or type(r) is _torch.FakeTensor for r in results):
            return None
        if len(node.inputs) != len(key.tensors) or tuple(map(_torch.layout_of, key.tensors)) != key.layouts:
            return None
        values = {record: number for number, record in enumerate(node.inputs)}
        storages = {record.storage: number for number, record in enumerate(node.inputs)}
        count = len(node.inputs)
        made: list[ValueRecord] = []
        for record in [r for kernel in node.kernels for r in kernel.outputs] + node.outputs:
            if record not in values:
                values[record] = count + len(made)
                made.append(record)
        allocated: list[StorageRecord] = []
        for record in made:
            if record.storage not in storages:
                if record.storage is None or record.storage.born < start:
                    return None
                storages[record.storage] = count + len(allocated)
                allocated.append(record.storage)
        if not all(record in values for kernel in node.kernels for record in kernel.inputs):
            return None
        described = [None if tensor is None else self._describe(tensor, key, values) for tensor in results]
        if any(tensor is not None and found is None for tensor, found in zip(results, described, strict=True)):
            return None
        kept = {made[d.value - count].storage for d in described if d is not None and d.value >= count}
        if any(storage.died is None and storage not in kept for storage in allocated):
            return None
        writes = {record for kernel in node.kernels for record in kernel.outputs[: kernel.writes]}
        now = [(position, self._book.tag(tensor).value) for position, tensor in enumerate(key.tensors)]
        return Recipe(
            input_names=node.input_names,
            attributes=node.attributes,
            allocated=tuple(
                (s.nbytes, s.device, s.born - start, None if s.died is None else s.died - start) for s in allocated
            ),
            made=tuple((record.type, storages[record.storage], record in writes) for record in made),
            steps=tuple(
                _Step(
                    kernel.op,
                    tuple(values[record] for record in kernel.inputs),
                    kernel.input_names,
                    tuple(values[record] for record in kernel.outputs),
                    kernel.attributes,
                )
                for kernel in node.kernels
            ),
            results=tuple(described),
            outputs=tuple(values[record] for record in node.outputs),
            renewed=tuple((position, values[record]) for position, record in now if values.get(record, 0) >= count),
            container=None if isinstance(result, torch.Tensor) else type(result),
        )

    def _describe(self, tensor: torch.Tensor, key: CallKey, values: Mapping[ValueRecord, int]) -> _Result | None:
        number, layout = values.get(self._book.tag(tensor).value), _torch.layout_of(tensor)
        if number is None or layout is None:
            return None
        return _Result(number, layout, next((i for i, given in enumerate(key.tensors) if tensor is given), None))

    # -- following a recipe

    def follow(self, recipe: Recipe, key: CallKey, node: NodeRecord) -> Any:
        """Record the recipe into ``node``, whose inputs have been read, and return new fake tensors."""
        draft = self._book.draft
        start = draft.step
        storages = [record.storage for record in node.inputs]
        for nbytes, device, born, died in recipe.allocated:
            storage = StorageRecord(nbytes, device, start + born, None if died is None else start + died)
            storages.append(storage)
            draft.storages.append(storage)
        values = list(node.inputs)
        for type_, number, is_write in recipe.made:
            backing = storages[number]
            if is_write and backing is not None:
                backing.mutations += 1
                backing.writer = node
            version = backing.mutations if backing is not None else 0
            values.append(ValueRecord(type_, backing, version=version, within=node))
        for step in recipe.steps:
            inputs, outputs = [values[i] for i in step.inputs], [values[i] for i in step.outputs]
            node.kernels.append(KernelRecord(step.op, inputs, step.input_names, outputs, step.attributes))
        draft.step = start + len(recipe.steps)
        for number in recipe.outputs:
            values[number].within = None
            node.outputs.append(values[number])
        for position, number in recipe.renewed:
            self._book.tag(key.tensors[position]).value = values[number]
        results = self._results(recipe, key, values, storages)
        if recipe.container is None:
            return results[0]
        return recipe.container(results)

    def _results(
        self,
        recipe: Recipe,
        key: CallKey,
        values: Sequence[ValueRecord],
        storages: Sequence[StorageRecord | None],
    ) -> list[torch.Tensor | None]:
        given = len(key.tensors)
        backing: dict[int, torch.UntypedStorage] = {}
        results: list[torch.Tensor | None] = []
        for result in recipe.results:
            if result is None or result.argument is not None:
                results.append(None if result is None or result.argument is None else key.tensors[result.argument])
                continue
            number = recipe.made[result.value - given][1]
            source = key.tensors[number].untyped_storage() if number < given else backing.get(number)
            record = storages[number]
            tensor = _torch.fake_of_layout(self._mode, result.layout, source, record.nbytes if record else 0)
            if number >= given and source is None and record is not None:
                backing[number] = tensor.untyped_storage()
                self._book.watch(backing[number], record)
            tag = Tag(values[result.value])
            tag.layout = result.layout
            self._book.attach(tensor, tag)
            results.append(tensor)
        return results


class _NoKeyError(Exception):
    """A signal within this file: an argument determines more than can be compared."""
