"""Recurrent layers and cells: RNN, GRU and LSTM; bidirectional, stacked and projected; native, oneDNN and cuDNN.

Every weight matrix meets every token (a position of a sequence of the batch) exactly once: 2 · elements of the matrix
for each token. That holds for input, hidden and projection weights, for each layer and direction, and is what the
derivation 2 · T · N · 4H · (I + H) of an LSTM comes to. A bias is 1 per element and token; gates are pointwise work.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fxviz.passes.rules.cost import Cost, FlopRule, numel, shape
from fxviz.rules import RuleTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fxviz.ir import Dim, Kernel, Value

__all__ = ["flops_rules"]

flops_rules: RuleTable[FlopRule] = RuleTable()

# Gates of a cell, and its pointwise FLOPs for each hidden element, the sum of input and hidden gates included.
_RNN = (1, 2)  # tanh(a + b)
_LSTM = (4, 13)  # 4 sums, 3 sigmoids, 1 tanh; c = f · c + i · g; h = o · tanh(c)
_GRU = (3, 10)  # 2 sums, 2 sigmoids; n = tanh(a + r · b); h = n + z · (h − n)
_MODES = {0: _RNN, 1: _RNN, 2: _LSTM, 3: _GRU}  # as cuDNN, MIOpen and oneDNN number them


def _run(tokens: Dim, weights: Sequence[Value], cell: tuple[int, int]) -> Cost:
    """All layers and directions over so many tokens; each has its input weight first and its hidden weight second."""
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
    """(T, N, I) or (N, T, I), or packed (ΣT, I)."""
    return math.prod(shape(sequence)[:-1])


def _members(kernel: Kernel, name: str) -> list[Value]:
    """The tensors of a list argument."""
    return [
        value for given, value in zip(kernel.input_names, kernel.inputs, strict=True) if given.startswith(f"{name}.")
    ]


@flops_rules("aten.lstm")
def _lstm(kernel: Kernel) -> Cost:
    """A stack of LSTM layers, its weights in ``params``."""
    return _run(_tokens(kernel.inputs[0]), _members(kernel, "params"), _LSTM)


@flops_rules("aten.gru")
def _gru(kernel: Kernel) -> Cost:
    """A stack of GRU layers, its weights in ``params``."""
    return _run(_tokens(kernel.inputs[0]), _members(kernel, "params"), _GRU)


@flops_rules("aten.rnn_tanh", "aten.rnn_relu")
def _rnn(kernel: Kernel) -> Cost:
    """A stack of Elman layers, its weights in ``params``."""
    return _run(_tokens(kernel.inputs[0]), _members(kernel, "params"), _RNN)


@flops_rules("aten._cudnn_rnn", "aten.miopen_rnn")
def _library_rnn(kernel: Kernel) -> Cost | None:
    """All layers in one kernel, of the kind that ``mode`` says, its weights in ``weight``."""
    if (cell := _cell(kernel)) is None:
        return None
    return _run(_tokens(kernel.inputs[0]), _members(kernel, "weight"), cell)


@flops_rules("aten.mkldnn_rnn_layer")
def _mkldnn_rnn_layer(kernel: Kernel) -> Cost | None:
    """One layer in one direction: weights ``weight0`` and ``weight1``, biases ``weight2`` and ``weight3`` if it has any."""
    if (cell := _cell(kernel)) is None:
        return None
    return _run(_tokens(kernel.inputs[0]), kernel.inputs[1 : 5 if kernel.attributes.get("has_biases") else 3], cell)


@flops_rules("aten.lstm_cell")
def _lstm_cell(kernel: Kernel) -> Cost:
    """One step of an LSTM, whose state is a pair."""
    return _run(_tokens(kernel.inputs[0]), kernel.inputs[3:], _LSTM)


@flops_rules("aten.gru_cell")
def _gru_cell(kernel: Kernel) -> Cost:
    """One step of a GRU."""
    return _run(_tokens(kernel.inputs[0]), kernel.inputs[2:], _GRU)


@flops_rules("aten.rnn_tanh_cell", "aten.rnn_relu_cell")
def _rnn_cell(kernel: Kernel) -> Cost:
    """One step of an Elman network."""
    return _run(_tokens(kernel.inputs[0]), kernel.inputs[2:], _RNN)


@flops_rules("aten._thnn_fused_lstm_cell", "aten._thnn_fused_gru_cell")
def _gates(kernel: Kernel) -> Cost:
    """The pointwise half of a cell, after its matrix products: gates (N, G · H), state (N, H), two optional biases."""
    gates, _, state = kernel.inputs[:3]
    _, flops = _LSTM if "lstm" in kernel.op else _GRU
    biases = len(kernel.inputs) - 3
    return Cost(pointwise=flops * numel(state) + biases * numel(gates))


def _cell(kernel: Kernel) -> tuple[int, int] | None:
    mode = kernel.attributes.get("mode")
    return _MODES.get(mode) if isinstance(mode, int) else None
