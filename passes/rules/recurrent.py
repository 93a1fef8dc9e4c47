"""Recurrent layers and cells: RNN, GRU and LSTM; bidirectional, stacked and projected; native, oneDNN and cuDNN.

Every weight matrix meets every token (a position of a sequence of the batch) exactly once: 2 · elements of the matrix
for each token. That holds for input, hidden and projection weights, for each layer and direction, and is what the
derivation 2 · T · N · 4H · (I + H) of an LSTM comes to. A bias is 1 per element and token; gates are pointwise work.

Backward through time, every weight matrix meets every token twice: dx = Wᵀ dy, and dW = dy xᵀ.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators
from fxviz.passes.rules.cost import Cost, members, numel, shape, wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fxviz.ir import Dim, Kernel, Value

__all__ = ["operators"]

operators = Operators("matrix")

# Gates of a cell, and its pointwise FLOPs for each hidden element, the sum of input and hidden gates included.
_RNN = (1, 2)  # tanh(a + b)
_LSTM = (4, 13)  # 4 sums, 3 sigmoids, 1 tanh; c = f · c + i · g; h = o · tanh(c)
_GRU = (3, 10)  # 2 sums, 2 sigmoids; n = tanh(a + r · b); h = n + z · (h − n)
# The same of its derivative.
_RNN_BACKWARD = (1, 3)  # dy · (1 − y²)
# dc += dh · o · (1 − tanh(c)²): 6; of i and f: dc · g · i · (1 − i), 4 each; of o 4; of g: dc · i · (1 − g²), 4; of c 1
_LSTM_BACKWARD = (4, 23)
# of n: dh · (1 − z) · (1 − n²), 5; of z: dh · (h − n) · z · (1 − z), 4; of r 4; of r · b 1; of h 2
_GRU_BACKWARD = (3, 16)
_MODES_BACKWARD = {0: _RNN_BACKWARD, 1: _RNN_BACKWARD, 2: _LSTM_BACKWARD, 3: _GRU_BACKWARD}
_MODES = {0: _RNN, 1: _RNN, 2: _LSTM, 3: _GRU}  # as cuDNN, MIOpen and oneDNN number them


def _run(tokens: Dim, weights: Sequence[Value], cell: tuple[int, int]) -> Cost:
    """Count all layers and directions over ``tokens``; each has its input weight first, its hidden weight second."""
    gates, flops = cell
    matrices = [value for value in weights if len(shape(value)) == 2]
    biases = [value for value in weights if len(shape(value)) == 1]
    # Input and hidden weights have a row for each gate and hidden element; a projection has fewer rows than columns.
    rows = [shape(value)[0] for value in matrices]
    hidden = sum(row for row in rows if row == rows[0]) // (2 * gates)
    return Cost(
        2 * tokens * sum(numel(value) for value in matrices),
        tokens * (flops * hidden + sum(numel(value) for value in biases)),
    )


def _tokens(sequence: Value) -> Dim:
    """Return the number of tokens of (T, N, I) or (N, T, I), or packed (ΣT, I)."""
    return math.prod(shape(sequence)[:-1])


@operators("aten.lstm")
def _lstm(kernel: Kernel) -> Cost:
    """Count a stack of LSTM layers, its weights in ``params``."""
    return _run(_tokens(kernel.inputs[0]), members(kernel, "params"), _LSTM)


@operators("aten.gru")
def _gru(kernel: Kernel) -> Cost:
    """Count a stack of GRU layers, its weights in ``params``."""
    return _run(_tokens(kernel.inputs[0]), members(kernel, "params"), _GRU)


@operators("aten.rnn_tanh", "aten.rnn_relu")
def _rnn(kernel: Kernel) -> Cost:
    """Count a stack of Elman layers, its weights in ``params``."""
    return _run(_tokens(kernel.inputs[0]), members(kernel, "params"), _RNN)


@operators("aten._cudnn_rnn", "aten.miopen_rnn")
def _library_rnn(kernel: Kernel) -> Cost | None:
    """Count all layers in one kernel, of the kind that ``mode`` says, its weights in ``weight``."""
    if (cell := _cell(kernel)) is None:
        return None
    return _run(_tokens(kernel.inputs[0]), members(kernel, "weight"), cell)


@operators("aten.mkldnn_rnn_layer")
def _mkldnn_rnn_layer(kernel: Kernel) -> Cost | None:
    """Count one layer in one direction: weights ``weight0`` and ``weight1``, perhaps biases ``weight2``, ``weight3``."""
    if (cell := _cell(kernel)) is None:
        return None
    return _run(_tokens(kernel.inputs[0]), kernel.inputs[1 : 5 if kernel.attributes.get("has_biases") else 3], cell)


@operators("aten.lstm_cell")
def _lstm_cell(kernel: Kernel) -> Cost:
    """Count one step of an LSTM, whose state is a pair."""
    return _run(_tokens(kernel.inputs[0]), kernel.inputs[3:], _LSTM)


@operators("aten.gru_cell")
def _gru_cell(kernel: Kernel) -> Cost:
    """Count one step of a GRU."""
    return _run(_tokens(kernel.inputs[0]), kernel.inputs[2:], _GRU)


@operators("aten.rnn_tanh_cell", "aten.rnn_relu_cell")
def _rnn_cell(kernel: Kernel) -> Cost:
    """Count one step of an Elman network."""
    return _run(_tokens(kernel.inputs[0]), kernel.inputs[2:], _RNN)


@operators("aten._thnn_fused_lstm_cell", "aten._thnn_fused_gru_cell")
def _gates(kernel: Kernel) -> Cost:
    """Count the pointwise half of a cell: gates (N, G · H), state (N, H), two optional biases."""
    gates, _, state = kernel.inputs[:3]
    _, flops = _LSTM if "lstm" in kernel.op else _GRU
    biases = len(kernel.inputs) - 3
    return Cost(pointwise=flops * numel(state) + biases * numel(gates))


@operators("aten._cudnn_rnn_backward", "aten.miopen_rnn_backward")
def _library_rnn_backward(kernel: Kernel) -> Cost | None:
    """Count all layers in one kernel; the weights' gradients are the last that ``output_mask`` asks for."""
    if (cell := _cell(kernel, _MODES_BACKWARD)) is None:
        return None
    forward = _run(_tokens(kernel.inputs[0]), members(kernel, "weight"), cell)
    return Cost((1 + wanted(kernel, 4)[3]) * forward.matrix, forward.pointwise)


@operators("aten.mkldnn_rnn_layer_backward")
def _mkldnn_rnn_layer_backward(kernel: Kernel) -> Cost | None:
    """Count one layer in one direction, its weights in ``weight1`` and ``weight2``, its biases in the next two."""
    if (cell := _cell(kernel, _MODES_BACKWARD)) is None:
        return None
    weights = kernel.inputs[1 : 5 if kernel.attributes.get("has_biases") else 3]
    forward = _run(_tokens(kernel.inputs[0]), weights, cell)
    return Cost(2 * forward.matrix, forward.pointwise)


@operators("aten._thnn_fused_lstm_cell_backward", "aten._thnn_fused_lstm_cell_backward_impl")
def _lstm_gates_backward(kernel: Kernel) -> Cost:
    """Count 23 for each element of the state, and 1 for each of 4 gates if the gradient of a bias adds them up."""
    state = kernel.input("cx") or kernel.inputs[-1]
    flops = _LSTM_BACKWARD[1] + 4 * bool(kernel.attributes.get("has_bias"))
    return Cost(pointwise=flops * numel(state))


@operators("aten._thnn_fused_gru_cell_backward")
def _gru_gates_backward(kernel: Kernel) -> Cost:
    """Count 16 for each element of the state, and 1 for each of 2 · 3 gates if gradients of biases add them up."""
    flops = _GRU_BACKWARD[1] + 6 * bool(kernel.attributes.get("has_bias"))
    return Cost(pointwise=flops * numel(kernel.inputs[0]))


def _cell(kernel: Kernel, modes: Mapping[int, tuple[int, int]] = MappingProxyType(_MODES)) -> tuple[int, int] | None:
    mode = kernel.attributes.get("mode")
    return modes.get(mode) if isinstance(mode, int) else None
