"""The data of weights, for readers who look at values: bytes as ONNX has them, without importing torch."""

from __future__ import annotations

import ctypes
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import onnx

from fxviz.errors import ExportError
from fxviz.exporters.onnx.view.hidden import trail
from fxviz.ir import Node, Role, Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fxviz.views.view import View

__all__ = ["WeightData"]

_MOST_BYTES = 2**31 - 2**24  # of one protobuf message, and some room for all else in it


@dataclass(frozen=True)
class WeightData:
    """The tensors of a view, by value, and the file beside the model for their bytes; without one they go into the model.

    ``nbytes`` is what they take in the model, which has a tensor once for each of its readers; beside it, it is there once.
    """

    tensors: Mapping[Value, Any] = field(default_factory=dict)
    nbytes: int = 0
    location: str = ""
    _offsets: dict[Value, int] = field(default_factory=dict)

    @classmethod
    def of(cls, view: View) -> WeightData:
        """Collect the data of every parameter and buffer that an operation in the view reads.

        Raises `ExportError` if they have none, such as weights on the meta device, and `GraphError` if the graph has no
        model behind it.
        """
        module = view.graph.module
        tensors: dict[str, Any] = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        nodes = (item for item in view.walk() if isinstance(item, Node))
        readers = Counter(trail(view, value)[0] for node in nodes for value in node.inputs)
        weights = (value for value in readers if value.role in (Role.PARAMETER, Role.BUFFER))
        found = {value: tensors[value.name].detach() for value in weights if value.name in tensors}
        if absent := [value.name for value, tensor in found.items() if tensor.is_meta]:
            raise ExportError(
                f"{len(absent)} weights of {view.graph.name!r} have no data, such as {absent[0]!r}: they are on the meta "
                "device; trace a model that has its weights (--random-weights makes random ones)"
            )
        return cls(found, sum(tensor.nbytes * readers[value] for value, tensor in found.items()))

    @property
    def fits(self) -> bool:
        """Whether one ONNX file can hold it all: less than 2 GiB."""
        return self.nbytes <= _MOST_BYTES

    def beside(self, location: str) -> WeightData:
        """Return the same data, to put into a file of this name beside the model."""
        return replace(self, location=location, _offsets={})

    def __contains__(self, value: Value) -> bool:
        return value in self.tensors

    def put(self, proto: onnx.TensorProto, value: Value) -> None:
        """Put the data of ``value`` into ``proto``, or its position in the file beside the model."""
        tensor = self.tensors[value]
        if not self.location or not tensor.nbytes:
            dense = tensor.cpu().contiguous()
            proto.raw_data = bytes(_bytes_of(dense))
            return
        if value not in self._offsets:
            last = next(reversed(self._offsets), None)
            self._offsets[value] = self._offsets[last] + self.tensors[last].nbytes if last else 0
        proto.data_location = onnx.TensorProto.EXTERNAL
        place = {"location": self.location, "offset": self._offsets[value], "length": tensor.nbytes}
        for key, entry in place.items():
            proto.external_data.add(key=key, value=str(entry))

    def save(self, path: Path) -> None:
        """Write what was put beside the model, one tensor after the other."""
        with path.open("wb") as file:
            for value in self._offsets:
                dense = self.tensors[value].cpu().contiguous()  # a copy only of what is not
                file.write(_bytes_of(dense))


def _bytes_of(dense: Any) -> ctypes.Array[ctypes.c_char]:
    """Return the bytes of a tensor where they are, for as long as it lives."""
    return (ctypes.c_char * dense.nbytes).from_address(dense.data_ptr()) if dense.nbytes else (ctypes.c_char * 0)()
