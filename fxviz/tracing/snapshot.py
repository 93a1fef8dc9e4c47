"""The Python state that a model's code can reach, put back where a run has changed it.

The walk begins at the model and its inputs. It goes through containers, instance attributes and slots, the classes of
instances, and through functions: their closures, defaults, attributes, and the globals that their code names. It does
not enter tensors, nor the classes and functions of torch and of the standard library.

What a run left alone is not touched. What it changed is put back by the plain operations of the built-in types, so that
a class that forbids or counts its changes is not asked; one failure does not keep the rest from being restored.
"""

from __future__ import annotations

import collections
import copy
import functools
import itertools
import random
import sys
import threading
import types
import warnings
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Snapshot"]

Restore: TypeAlias = "Callable[[], None]"

_PLAIN = frozenset({type(None), bool, int, float, str, torch.Tensor, torch.nn.Parameter})
_WALKED = frozenset({dict, list, tuple, set, collections.OrderedDict, types.FunctionType})

_METHODS = (types.FunctionType, staticmethod, classmethod, property, functools.cached_property)
_CALLED_ANYHOW = frozenset({"forward"})

_WOUND_BACK: tuple[type, ...] = (type(iter([])), type(iter(())), type(iter(range(0))))
_MOST_OBJECTS = 1_000_000
_MOST_ARRAY_BYTES = 2**28  # of NumPy arrays that are copied, all together

_KNOWN_TO_BE_STATELESS = frozenset(
    {"torch", "torchvision", "numpy", "sympy", "fxviz", "builtins", *sys.stdlib_module_names}
)
"""Packages whose classes and functions are not entered; that of a program, ``__main__``, is the user's."""

_HOLDERS = frozenset({"_thread", "_weakrefset", "builtins", "collections", "functools", "queue", "types", "weakref"})
"""Modules of the standard library whose instances people keep things in."""

_OPAQUE = (
    type(None), bool, int, float, complex, str, bytes, range, slice, torch.Tensor, torch.dtype, torch.device, torch.layout,
    torch.memory_format, torch.Size, torch.SymInt, types.ModuleType, types.CodeType, types.FrameType, types.TracebackType,
    types.GetSetDescriptorType, types.MemberDescriptorType,
)  # fmt: skip


class Snapshot:
    """The state that can be reached from ``roots``, as it is when this is made."""

    def __init__(self, roots: Iterable[object]) -> None:
        self._restores: list[Restore] = []
        self._empty: list[dict[Any, Any]] = []
        self._seen: dict[int, object] = {}  # kept alive, so that an id stays its own
        self._array_bytes = 0
        self._names: set[str] = set()
        """What the code that was walked calls by name."""
        self._uncalled: dict[str, list[object]] = {}
        """Methods by name that no code has called yet."""
        self._waiting = list(roots)
        while self._waiting and len(self._seen) < _MOST_OBJECTS:
            thing = self._waiting.pop()
            kind = type(thing)
            if id(thing) in self._seen or (kind not in _WALKED and isinstance(thing, _OPAQUE)):
                continue
            self._seen[id(thing)] = thing
            if kind is collections.OrderedDict and not thing:  # the hooks of a module, nine times in ten
                self._empty.append(thing)  # type: ignore[arg-type]
            else:
                self._waiting.extend(self._save(thing))

    def restore(self) -> list[Exception]:
        """Put everything back that has changed. Return what could not be, the rest being done all the same."""
        failures = []
        for thing in self._empty:
            if thing:
                thing.clear()
        for restore in reversed(self._restores):
            try:
                restore()
            except Exception as failure:  # an exotic object must not keep the others from being restored
                failures.append(failure)
        return failures

    def _save(self, thing: object) -> Iterator[object]:
        """Remember what ``thing`` holds, and yield it."""
        if isinstance(thing, dict):
            yield from self._dict(thing)
            if type(thing) in (dict, collections.OrderedDict):
                return
        elif isinstance(thing, list):
            yield from self._list(thing)
        elif isinstance(thing, collections.deque):
            yield from self._deque(thing)
        elif isinstance(thing, set):
            yield from self._set(thing)
        elif isinstance(thing, tuple | frozenset):
            yield from thing
        elif isinstance(thing, type):
            yield from self._class(thing)
            return
        elif isinstance(thing, types.FunctionType):
            yield from self._function(thing)
            return
        elif isinstance(thing, types.MethodType):
            yield from (thing.__self__, thing.__func__)
            return
        elif isinstance(thing, staticmethod | classmethod):
            yield thing.__func__
        elif isinstance(thing, functools.cached_property):
            yield thing.func
        elif isinstance(thing, property):
            yield from (thing.fget, thing.fset)
        elif isinstance(thing, functools.partial):
            yield from (thing.func, thing.args, thing.keywords)
        elif isinstance(thing, types.CellType):
            yield from self._cell(thing)
            return
        elif isinstance(thing, bytearray):
            self._bytes(thing)
        yield from self._instance(thing)

    # -- containers

    def _dict(self, thing: dict[Any, Any]) -> Iterator[object]:
        saved = list(dict.items(thing))
        ordered = isinstance(thing, collections.OrderedDict)
        clear: Callable[[Any], None] = collections.OrderedDict.clear if ordered else dict.clear
        put: Callable[[Any, Any, Any], None] = collections.OrderedDict.__setitem__ if ordered else dict.__setitem__

        def restore() -> None:
            if not _same_items(dict.items(thing), saved):
                clear(thing)
                for key, value in saved:
                    put(thing, key, value)

        moved = self._moving(value for _, value in saved)
        if moved:
            fresh = [(key, moved.get(id(value), value)) for key, value in saved]
            self._restores.append(functools.partial(_replace_moved, thing, saved, fresh))
        self._restores.append(restore)
        for key, value in saved:
            if type(key) is not str:
                yield key
            if type(value) not in _PLAIN:
                yield value

    def _list(self, thing: list[Any]) -> Iterator[object]:
        saved = list.__getitem__(thing, slice(None))

        def restore() -> None:
            if not _same(list.__iter__(thing), saved):
                list.__setitem__(thing, slice(None), saved)

        self._restores.append(restore)
        yield from saved

    def _deque(self, thing: collections.deque[Any]) -> Iterator[object]:
        saved = list(collections.deque.__iter__(thing))

        def restore() -> None:
            if not _same(collections.deque.__iter__(thing), saved):
                collections.deque.clear(thing)
                collections.deque.extend(thing, saved)

        self._restores.append(restore)
        yield from saved

    def _set(self, thing: set[Any]) -> Iterator[object]:
        saved = list(set.__iter__(thing))

        def restore() -> None:
            if {id(part) for part in set.__iter__(thing)} != {id(part) for part in saved}:
                set.clear(thing)
                set.update(thing, saved)

        self._restores.append(restore)
        yield from saved

    def _bytes(self, thing: bytearray) -> None:
        saved = bytes(thing)

        def restore() -> None:
            if thing != saved:
                thing[:] = saved

        self._restores.append(restore)

    # -- instances and classes

    def _instance(self, thing: object) -> Iterator[object]:
        kind = type(thing)
        if _is_generator_of_numbers(thing):
            self._random(thing)
            return
        if _is_array(thing):
            self._array(thing)
            return
        if (root := _root(kind)) in sys.stdlib_module_names and root not in _HOLDERS:
            return
        if kind in _WOUND_BACK:
            self._iterator(thing)
            return
        attributes = _attributes(thing)
        if attributes is not None and not isinstance(thing, types.FunctionType):
            yield attributes
        yield from self._slots(thing)
        if _is_entered(kind):
            yield kind

    def _slots(self, thing: object) -> Iterator[object]:
        for member in _slots_of(type(thing)):  # type: ignore[arg-type]
            try:
                value = member.__get__(thing)
            except AttributeError:
                self._restores.append(functools.partial(_empty_slot, thing, member))
                continue
            self._restores.append(functools.partial(_fill_slot, thing, member, value))
            yield value

    def _class(self, kind: type) -> Iterator[object]:
        """Remember the attributes of a class of the user's, and of those that it is derived from."""
        for base in kind.__mro__:
            if base is not kind and _is_entered(base):
                yield base
        if not _is_entered(kind):
            return
        saved = {name: value for name, value in vars(kind).items() if not _is_of_the_class_itself(name)}

        def restore() -> None:
            present = {name: value for name, value in vars(kind).items() if not _is_of_the_class_itself(name)}
            for name in present.keys() - saved.keys():
                type.__delattr__(kind, name)
            for name, value in saved.items():
                if present.get(name, saved) is not value:
                    type.__setattr__(kind, name, value)

        self._restores.append(restore)
        for name, value in saved.items():
            if isinstance(value, _METHODS) and name not in self._names and name not in _CALLED_ANYHOW:
                self._uncalled.setdefault(name, []).append(value)
            else:
                yield value

    # -- functions

    def _function(self, thing: types.FunctionType) -> Iterator[object]:
        if not _is_entered_module(thing.__module__):
            return
        yield from (thing.__defaults__, thing.__kwdefaults__, thing.__closure__, thing.__dict__)
        names = _names_in(thing.__code__)
        for name in names - self._names:
            yield from self._uncalled.pop(name, ())
        self._names |= names
        scope = thing.__globals__
        saved = {name: scope[name] for name in names if name in scope}
        absent = [name for name in names if name not in scope]

        def restore() -> None:
            for name in absent:
                if name in scope:
                    dict.__delitem__(scope, name)
            for name, value in saved.items():
                if scope.get(name, saved) is not value:
                    dict.__setitem__(scope, name, value)

        self._restores.append(restore)
        for value in saved.values():
            if isinstance(value, types.ModuleType) and _is_entered_module(value.__name__):
                yield from (vars(value)[name] for name in names if name in vars(value))
            else:
                yield value

    def _cell(self, thing: types.CellType) -> Iterator[object]:
        try:
            saved = thing.cell_contents
        except ValueError:  # empty: the name is not bound yet
            return

        def restore() -> None:
            thing.cell_contents = saved

        self._restores.append(restore)
        yield saved

    # -- what moves without being written to

    def _moving(self, values: Iterator[object]) -> dict[int, object]:
        """Return copies, by identity, of iterators whose position is all that they are."""
        moving = [value for value in values if type(value) in (itertools.count, itertools.cycle)]
        if not moving:
            return {}
        with warnings.catch_warnings(action="ignore"):  # from Python 3.12 on: that 3.14 will not copy iterators
            return {id(value): copy.copy(value) for value in moving}

    def _iterator(self, thing: Any) -> None:
        """Wind an iterator over a sequence back; one that has ended cannot be."""
        if len(state := thing.__reduce__()) == 3:
            self._restores.append(functools.partial(thing.__setstate__, state[2]))

    def _random(self, thing: Any) -> None:
        if isinstance(thing, random.Random):
            state = thing.getstate()
            self._restores.append(lambda: thing.setstate(state))
        elif isinstance(thing, torch.Generator):
            held = thing.get_state()
            self._restores.append(functools.partial(_set_state, thing, held))
        elif hasattr(thing, "bit_generator"):
            numbers = thing.bit_generator.state
            self._restores.append(lambda: setattr(thing.bit_generator, "state", numbers))
        else:  # numpy.random.RandomState
            self._restores.append(functools.partial(thing.set_state, thing.get_state()))

    def _array(self, thing: Any) -> None:
        """Copy the content of a NumPy array, as long as all copies together stay small."""
        if self._array_bytes + thing.nbytes > _MOST_ARRAY_BYTES or thing.dtype.hasobject or not thing.flags.writeable:
            return
        self._array_bytes += thing.nbytes
        saved = thing.copy()

        def restore() -> None:
            if thing.tobytes() != saved.tobytes():
                thing[...] = saved

        self._restores.append(restore)


def _same(now: Iterable[object], before: list[object]) -> bool:
    present = list(now)
    return len(present) == len(before) and all(a is b for a, b in zip(present, before, strict=True))


def _same_items(now: Iterable[tuple[object, object]], before: list[tuple[object, object]]) -> bool:
    present = list(now)
    return len(present) == len(before) and all(
        key is old_key and value is old for (key, value), (old_key, old) in zip(present, before, strict=True)
    )


def _replace_moved(thing: dict[Any, Any], saved: list[tuple[Any, Any]], copies: list[tuple[Any, Any]]) -> None:
    """Put a copy in the place of each counter that has moved on: a counter cannot be wound back."""
    for (key, value), (_, fresh) in zip(saved, copies, strict=True):
        if value is not fresh and repr(value) != repr(fresh):
            dict.__setitem__(thing, key, fresh)


def _set_state(generator: torch.Generator, state: torch.Tensor) -> None:
    generator.set_state(state)


def _fill_slot(thing: object, member: types.MemberDescriptorType, value: object) -> None:
    try:
        if member.__get__(thing) is value:
            return
    except AttributeError:  # emptied by the run
        pass
    member.__set__(thing, value)


def _empty_slot(thing: object, member: types.MemberDescriptorType) -> None:
    try:
        member.__get__(thing)
    except AttributeError:
        return
    member.__delete__(thing)


@functools.cache
def _slots_of(kind: Any) -> tuple[types.MemberDescriptorType, ...]:
    return tuple(
        member
        for base in kind.__mro__
        if "__slots__" in vars(base)  # a member of a class in C may be readonly
        for member in vars(base).values()
        if isinstance(member, types.MemberDescriptorType) and not member.__name__.startswith("__")
    )


@functools.cache
def _names_in(code: types.CodeType) -> frozenset[str]:
    """Return every name that a function's code looks up outside itself, the functions within it included."""
    inner = (_names_in(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))
    return frozenset(code.co_names).union(*inner)


def _attributes(thing: object) -> dict[str, Any] | None:
    """Return the attributes of an instance as they are kept, whatever its class says of them."""
    try:
        if isinstance(thing, threading.local):  # one dict a thread, which the class itself looks up
            return thing.__dict__
        attributes = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return None
    return attributes if isinstance(attributes, dict) else None


def _root(kind: type) -> str:
    return str(getattr(kind, "__module__", "")).partition(".")[0]


def _is_entered(kind: type) -> bool:
    return _is_entered_module(getattr(kind, "__module__", ""))


def _is_entered_module(name: object) -> bool:
    return str(name).partition(".")[0] not in _KNOWN_TO_BE_STATELESS


def _is_of_the_class_itself(name: str) -> bool:
    return name.startswith("__") or name.startswith("_abc_")


def _is_generator_of_numbers(thing: object) -> bool:
    if isinstance(thing, random.Random | torch.Generator):
        return True
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, numpy.random.Generator | numpy.random.RandomState)


def _is_array(thing: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, numpy.ndarray)
