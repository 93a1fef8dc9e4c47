"""The arguments of the author's operation as JSON, for a standard operator, whose names and order are others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fxviz.exporters.onnx.view.kernels import plain
from fxviz.importers.onnx.metadata_keys import ARGUMENTS
from fxviz.ir import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fxviz.analysis.standard import Operand
    from fxviz.ir import Node

__all__ = ["describe_arguments"]


def describe_arguments(node: Node, operands: Sequence[Operand]) -> dict[str, str]:
    """Return the inputs of ``node``, each with its index among the ``operands``, and its attributes, under `ARGUMENTS`.

    Nothing if an input is not among them.
    """
    places = {operand: place for place, operand in enumerate(operands) if isinstance(operand, Value)}
    if not all(value in places for value in node.inputs):
        return {}
    inputs = [[name, places[value]] for name, value in zip(node.input_names, node.inputs, strict=True)]
    return {ARGUMENTS: json.dumps({"inputs": inputs, "attributes": plain(node.attributes)}, separators=(",", ":"))}
