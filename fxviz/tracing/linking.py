"""The operation of a forward graph that each backward function came from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rapidfuzz.distance import LCSseq

from fxviz.tracing import torch_private as _torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fxviz.ir import Graph, Node

__all__ = ["link"]

_KERNEL = re.compile(r"aten\.(\w+?)_?\.")
_ALIASES = {"reshapealias": "view"}  # what a real tensor makes of `reshape`, and a fake one of it
_BACKWARD = re.compile(r"(\w+?)Backward\d*$")


def link(functions: Iterable[Any], forward: Graph) -> Mapping[Any, Node]:
    """Return the operation of ``forward`` that each autograd function came from.

    Autograd numbers its functions in the order in which the forward pass made them, and names them after their kernels.
    Functions and kernels of only one of the two runs are left out.
    """
    made = sorted(functions, key=_torch.sequence_number_of)
    ran = [(kernel, node) for node in forward.nodes for kernel in node.kernels]
    names = [_name_of_function(function) for function in made]
    kernels = [_name_of_kernel(kernel.op) for kernel, _ in ran]
    found: dict[Any, Node] = {}
    for same in LCSseq.opcodes(names, kernels):
        if same.tag == "equal":
            places = zip(range(same.src_start, same.src_end), range(same.dest_start, same.dest_end), strict=True)
            found.update((made[i], ran[j][1]) for i, j in places)
    return found


def _name_of_function(function: Any) -> str:
    """Return ``nativelayernorm`` for ``NativeLayerNormBackward0``; for anything else a name that no kernel has."""
    match = _BACKWARD.match(type(function).__name__)
    name = match[1].lower() if match else "no kernel"
    return _ALIASES.get(name, name)


def _name_of_kernel(op: str) -> str:
    """Return ``nativelayernorm`` for ``aten.native_layer_norm.default``."""
    match = _KERNEL.match(op)
    return match[1].replace("_", "").lower() if match else op
