"""The kernels of an operation in full, as JSON: for operations that run several, since a name alone does not say which.

Tensors are numbered: the operation's inputs first, then what its kernels make, in order.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fxviz.importers.onnx.metadata_keys import KERNELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fxviz.ir import Attribute, Kernel, Node, Value

__all__ = ["describe_kernels", "plain"]


def describe_kernels(node: Node) -> dict[str, str]:
    """Return the kernels under `KERNELS`; nothing if one of them does all the work, or if a type is not known."""
    if sum(map(_works, node.kernels)) < 2:
        return {}
    numbers = {value: number for number, value in enumerate(dict.fromkeys(node.inputs))}
    types: dict[int, str] = {}
    rows = []
    for kernel in node.kernels:
        if any(value not in numbers for value in kernel.inputs) or any(value.type is None for value in kernel.outputs):
            return {}
        for value in kernel.outputs:
            types[numbers.setdefault(value, len(numbers))] = str(value.type)
        operands = [[name, numbers[value]] for name, value in zip(kernel.input_names, kernel.inputs, strict=True)]
        rows.append([kernel.op, operands, [numbers[value] for value in kernel.outputs], plain(kernel.attributes)])
    if any(value not in numbers for value in node.outputs):
        return {}
    returned = [numbers[value] for value in node.outputs]
    return {KERNELS: json.dumps({"kernels": rows, "types": types, "returns": returned}, separators=(",", ":"))}


def _works(kernel: Kernel) -> bool:
    """Whether a kernel makes a tensor, and not only a view of one."""
    read = {value.storage for value in kernel.inputs}
    return any(value.storage not in read for value in kernel.outputs)


def plain(attributes: Mapping[str, Attribute]) -> dict[str, object]:
    """Return the attributes that JSON holds as they are; symbols are left out."""
    return {name: value for name, value in attributes.items() if _is_plain(value)}


def _is_plain(value: Attribute | Value) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return isinstance(value, bool | int | str | None) or (isinstance(value, float) and abs(value) < 1e300)
