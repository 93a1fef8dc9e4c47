"""Which module call an operation of a file stands in: from what exporters write beside it, or from its name.

fxviz writes the stack of modules; ``torch.onnx`` writes lists of paths and of classes; older exporters and other
frameworks give names such as ``/layer1/layer1.0/conv1/Conv``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from fxviz.ir import Call, Scope, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

__all__ = ["Scopes", "metadata_of", "source_of"]

_CONTAINER = "modules"  # what holds modules and is not called, such as a ModuleList; files do not name its class
_MODULE = "module"  # a module of which only the name is known
_LONGEST = 10_000  # characters of a list that is read
_MOST_FRAMES = 60


def metadata_of(proto: onnx.NodeProto | onnx.ModelProto | onnx.TensorProto | onnx.ValueInfoProto) -> Mapping[str, str]:
    """Return the metadata of a part of a file."""
    return {entry.key: entry.value for entry in proto.metadata_props}


@dataclass
class Scopes:
    """The scopes of one file: a module is of one class, wherever it is met."""

    kinds: dict[str, str] = field(default_factory=dict)

    def of(self, proto: onnx.NodeProto, facts: Mapping[str, str], own: bool) -> Scope:
        """Return the scope of an operation, without the scopes around the graph that holds it."""
        if own:
            frames = _of_fxviz(facts)
        elif "pkg.torch.onnx.name_scopes" in facts:
            frames = _of_torch(facts)
        else:
            frames = _of_name(proto.name)
        return self._scope(frames[:_MOST_FRAMES])

    def inside(self, scope: Scope, name: str, kind: str) -> Scope:
        """Return the scope of a function or the body of a loop within ``scope``, where the operation that runs it is."""
        path = f"{scope[-1].path}.{name}" if scope else name
        return (*scope, self._call(path, kind, 0))

    def _scope(self, frames: list[tuple[str, str, int]]) -> Scope:
        calls: list[Call] = []
        for path, kind, index in frames:
            above = calls[-1].path if calls else ""
            inner = path.removeprefix(f"{above}.") if above else path
            prefix = path[: len(path) - len(inner)]
            parts = inner.split(".")
            for depth in range(1, len(parts)):
                container = prefix + ".".join(parts[:depth])
                if container not in {call.path for call in calls}:
                    calls.append(self._call(container, _CONTAINER, 0))
            calls.append(self._call(path, kind, index))
        return tuple(dict.fromkeys(calls))

    def _call(self, path: str, kind: str, index: int) -> Call:
        return Call(path, self.kinds.setdefault(path, kind), index)


def source_of(facts: Mapping[str, str], own: bool) -> Source | None:
    """Return the line of source behind an operation, the innermost that is not torch's own; None if it is not known."""
    if own:
        found = re.fullmatch(r"(.+):(\d{1,9}) in (.+)", facts.get("source", ""))
        return Source(found[1], int(found[2]), found[3]) if found else None
    frames = re.findall(r'File "([^"]+)", line (\d{1,9}), in (\S+)', facts.get("pkg.torch.onnx.stack_trace", ""))
    relative = [(re.split(r"(?:site|dist)-packages/", file)[-1], int(line), name) for file, line, name in frames]
    return next((Source(*frame) for frame in reversed(relative) if not frame[0].startswith("torch/")), None)


def _of_fxviz(facts: Mapping[str, str]) -> list[tuple[str, str, int]]:
    """Lines such as ``layers.0@1: Block``, outermost first."""
    frames = []
    for line in facts.get("stack", facts.get("module", "")).splitlines():
        path, colon, kind = line.partition(": ")
        if colon and path:
            frames.append(_frame(path, kind))
    return frames


def _frame(path: str, kind: str) -> tuple[str, str, int]:
    """Return the path without its call number, the kind, and that number."""
    found = re.fullmatch(r"(.+)@(\d{1,9})", path)
    return (found[1], kind, int(found[2])) if found else (path, kind, 0)


def _of_torch(facts: Mapping[str, str]) -> list[tuple[str, str, int]]:
    """Two lists, of the paths and of the classes of all modules around an operation, the root and itself included."""
    paths = _strings(facts["pkg.torch.onnx.name_scopes"])[:-1]
    classes = _strings(facts.get("pkg.torch.onnx.class_hierarchy", ""))[: len(paths)]
    classes += [_MODULE] * (len(paths) - len(classes))
    frames = [
        _frame(path, kind.rpartition(".")[2] or _MODULE) for path, kind in zip(paths, classes, strict=True) if path
    ]
    # A frame belongs to the one before it; what stands beside it was called from there all the same.
    return [frame for frame in frames if frame[0]]


def _strings(text: str) -> list[str]:
    """Return the members of a list of strings in Python's notation."""
    return [single or double for single, double in re.findall(r"'([^']*)'|\"([^\"]*)\"", text[:_LONGEST])]


def _of_name(name: str) -> list[tuple[str, str, int]]:
    """``/layer1/layer1.0/conv1/Conv``: modules by their names, of which some repeat that of the module around them."""
    parts = [part for part in name.split("/")[:-1] if part]
    frames: list[tuple[str, str, int]] = []
    path = ""
    for before, part in pairwise(["", *parts]):
        inner = part.removeprefix(f"{before}.") if before else part
        path = f"{path}.{inner}" if path else inner
        frames.append((path, _MODULE, 0))
    return frames
