"""Scaled-dot-product attention in every fused form, and the fused modules around it.

``softmax(Q Kᵀ · scale + mask) V`` with queries (B, H, L, E), keys (B, H', S, E), values (B, H', S, Eᵥ) is two matrix
products of 2 · B · H · L · S · E and 2 · B · H · L · S · Eᵥ, as ``torch.utils.flop_counter`` has it (``sdpa_flop_count``).
Grouped queries (H' < H) change nothing: every query head meets a key head. A mask is counted dense, which is an upper
bound; the `causal_flops` of an operator count only the pairs that ``is_causal`` lets meet, L · (L + 1) / 2 of L · L, as every fused kernel
skips the rest by blocks. The values of a mask that is a tensor are not known, nor the lengths of packed sequences. For
each of the B · H · L · S scores the pointwise work is 1 for the scale, 1 for a mask, and 5 for the softmax (see
activation.py).

Backward, the fused kernels keep no scores: they make them again, P = exp(scale · Q Kᵀ + mask − L) with the row sums L of
the forward run, and five products follow (Dao et al., FlashAttention, 2022, algorithm 4; ``sdpa_backward_flop_count``):
Q Kᵀ, dP = dO Vᵀ, dV = Pᵀ dO, dQ = dS K, dK = dSᵀ Q, that is 3 · E + 2 · Eᵥ multiply-adds for each score. Pointwise, a
score costs its scale, a mask, subtract L, exp, then dS = P · (dP − D) and its scale: 6, 7 with a mask; and the row sums
D of dO · O cost 2 · Eᵥ for each query. Unfused attention runs as plain products and makes no score again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import sympy

from fxviz.analysis.ops import Operators
from fxviz.analysis.standard import Operation, Standard, is_known, rank_of, real, shape_of
from fxviz.ir import Attribute, Dim, Kernel, Value
from fxviz.passes.rules.activation import SOFTMAX
from fxviz.passes.rules.cost import Cost, numel, shape
from fxviz.passes.rules.normalization import LAYER_NORM

__all__ = ["operators"]

operators = Operators("attention")

Pairs: TypeAlias = Callable[[Kernel, Dim, Dim], Dim]
"""How many pairs of so many queries and so many keys of one head meet in a kernel."""


def _every_pair(kernel: Kernel, queries: Dim, keys: Dim) -> Dim:
    return queries * keys


def _causal_pairs(kernel: Kernel, queries: Dim, keys: Dim) -> Dim:
    """Count the keys up to i for query i, from the first ones or, for kernels that say so, from the last ones.

    With m the smaller number, the triangle of m · (m + 1) / 2 and, from the first ones, all keys for each further query;
    from the last ones, for each of m queries the keys that all of them meet.
    """
    alignment = _alignment(kernel)
    if alignment is None:
        return queries * keys
    static = isinstance(queries, int) and isinstance(keys, int)
    least = min(queries, keys) if static else sympy.Min(queries, keys)
    triangle = least * (least + 1) // 2 if static else least * (least + 1) / 2
    return triangle + ((queries - least) * keys if alignment == _FIRST else least * (keys - least))


_FIRST, _LAST = 1, 2  # as the memory-efficient kernels number them: custom_mask_type


def _alignment(kernel: Kernel) -> int | None:
    """Return where the causal mask begins, None without one; flash attention's own kernels align the last query and key."""
    if kernel.attributes.get("is_causal"):
        return _LAST if kernel.op.startswith("aten._flash_attention") else _FIRST
    kind = kernel.attributes.get("custom_mask_type")
    return kind if isinstance(kind, int) and kind in (_FIRST, _LAST) else None


def _fused(*ops: str) -> Callable[[Callable[[Kernel, Pairs], Cost]], Callable[[Kernel, Pairs], Cost]]:
    """Return a decorator that declares a rule twice: with every pair of a query and a key, and with those under the mask."""

    def register(rule: Callable[[Kernel, Pairs], Cost]) -> Callable[[Kernel, Pairs], Cost]:
        operators(*ops, causal_flops=lambda kernel: rule(kernel, _causal_pairs))(
            lambda kernel: rule(kernel, _every_pair)
        )
        return rule

    return register


def _attention(scores: Dim, key_width: Dim, value_width: Dim, masked: bool) -> Cost:
    """Count attention with so many pairs of a query and a key, over all heads and batches."""
    return Cost(2 * scores * (key_width + value_width), scores * (1 + masked + SOFTMAX))


def _backward(scores: Dim, rows: Dim, key_width: Dim, value_width: Dim, masked: bool) -> Cost:
    """Return the gradients of ``rows`` queries, and of keys and values, scores made again."""
    return Cost(2 * scores * (3 * key_width + 2 * value_width), scores * (6 + masked) + 2 * rows * value_width)


def _is_masked(kernel: Kernel) -> bool:
    return _alignment(kernel) is not None or any(
        kernel.input(name) is not None for name in ("attn_mask", "attn_bias", "bias")
    )


@_fused(
    "aten.scaled_dot_product_attention",
    "aten._scaled_dot_product_attention_math",
    "aten._scaled_dot_product_attention_math_for_mps",
    "aten._scaled_dot_product_flash_attention",
    "aten._scaled_dot_product_flash_attention_for_cpu",
    "aten._scaled_dot_product_efficient_attention",
    "aten._scaled_dot_product_cudnn_attention",
    "aten._scaled_dot_product_fused_attention_overrideable",
    "flex_attention",  # its mask and score functions are code, and left out
)
def _sdpa(kernel: Kernel, pairs: Pairs) -> Cost:
    """Heads before positions: (…, L, E), (…, S, E), (…, S, Eᵥ); the leading extents broadcast into those of the output."""
    query, key, value = kernel.inputs[:3]
    *heads, queries, _ = shape(kernel.outputs[0])
    scores = math.prod(heads) * pairs(kernel, queries, shape(key)[-2])
    return _attention(scores, shape(query)[-1], shape(value)[-1], _is_masked(kernel))


@_fused(
    "aten._scaled_dot_product_flash_attention_backward",
    "aten._scaled_dot_product_flash_attention_for_cpu_backward",
    "aten._scaled_dot_product_efficient_attention_backward",
    "aten._scaled_dot_product_cudnn_attention_backward",
    "aten._scaled_dot_product_fused_attention_overrideable_backward",
)
def _sdpa_backward(kernel: Kernel, pairs: Pairs) -> Cost:
    """Heads before positions; the gradient of the output comes first."""
    gradient, query, key, value = kernel.inputs[:4]
    *heads, queries, _ = shape(gradient)
    scores = math.prod(heads) * pairs(kernel, queries, shape(key)[-2])
    rows = math.prod(heads) * queries
    return _backward(scores, rows, shape(query)[-1], shape(value)[-1], _is_masked(kernel))


@operators("flex_attention_backward")
def _flex_backward(kernel: Kernel) -> Cost:
    """Heads before positions; queries, keys and values come first."""
    query, key, value = kernel.inputs[:3]
    rows = math.prod(shape(query)[:-1])
    return _backward(rows * shape(key)[-2], rows, shape(query)[-1], shape(value)[-1], masked=False)


@_fused("aten._flash_attention_forward", "aten._efficient_attention_forward", "aten._cudnn_attention_forward")
def _positions_first(kernel: Kernel, pairs: Pairs) -> Cost:
    """Positions before heads, (B, L, H, E), or all sequences end to end, (ΣL, H, E) or (1, ΣL, H, E).

    Of packed sequences only the longest is known: every query is counted against so many keys, an upper bound.
    """
    query, key, value = kernel.inputs[:3]
    scores = _scores(kernel, query, key, pairs)
    return _attention(scores, shape(query)[-1], shape(value)[-1], _is_masked(kernel))


@_fused("aten._flash_attention_backward", "aten._efficient_attention_backward", "aten._cudnn_attention_backward")
def _positions_first_backward(kernel: Kernel, pairs: Pairs) -> Cost:
    """Positions before heads, packed or not; the gradient of the output comes first."""
    _, query, key, value = kernel.inputs[:4]
    scores, rows = _scores(kernel, query, key, pairs), math.prod(shape(query)[:-1])
    return _backward(scores, rows, shape(query)[-1], shape(value)[-1], _is_masked(kernel))


def _scores(kernel: Kernel, query: Value, key: Value, pairs: Pairs) -> Dim:
    """Return the pairs over all heads and batches, positions before heads."""
    if (longest := _longest_key(kernel)) is not None:
        return math.prod(shape(query)[:-1]) * longest
    batch, queries, heads, _ = shape(query)
    return batch * heads * pairs(kernel, queries, shape(key)[1])


def _longest_key(kernel: Kernel) -> Dim | None:
    """Return the longest packed sequence of keys, None where the batch is not packed."""
    if kernel.input("cum_seq_k") is None and kernel.input("cu_seqlens_k") is None:
        return None
    longest = kernel.attributes.get("max_k", kernel.attributes.get("max_seqlen_k"))
    return longest if isinstance(longest, Dim) else None


@operators("aten._native_multi_head_attention")
def _multi_head(kernel: Kernel) -> Cost:
    """``nn.MultiheadAttention`` as one kernel: three projections in, attention, one projection out.

    With queries (B, L, D), keys and values (B, S, D) and H heads: 2 · D · D for each token that is projected, attention
    over B · H · L rows of width D / H; each projection adds a bias, and averaged weights sum the scores over the heads.
    """
    query, key, value = kernel.inputs[:3]
    masked = kernel.input("mask") is not None
    averaged = bool(kernel.attributes.get("need_weights", True) and kernel.attributes.get("average_attn_weights", True))
    return _heads(kernel, query, key, value, masked, averaged)


@operators("aten._transformer_encoder_layer_fwd")
def _encoder_layer(kernel: Kernel) -> Cost:
    """``nn.TransformerEncoderLayer`` as one kernel: multi-head self-attention, two linears, two norms, two residuals.

    With a source (B, L, D) and a hidden width F: 2 · 2 · D · F for each of the B · L tokens beside the attention, and
    pointwise two biases, the activation over F (relu 1, gelu 5), two layer norms and two additions over D.
    """
    source, masked = kernel.inputs[0], kernel.input("mask") is not None
    hidden_weight = kernel.input("ffn_weight_1")
    assert hidden_weight is not None, "the kernel requires it"
    elements, width = numel(source), shape(source)[-1]
    hidden = elements // width * shape(hidden_weight)[0]
    activation = 5 if kernel.attributes.get("use_gelu") else 1
    feed_forward = Cost(4 * hidden * width, hidden * (1 + activation) + elements)
    norms_and_residuals = Cost(pointwise=2 * (LAYER_NORM + 2 + 1) * elements)
    return _heads(kernel, source, source, source, masked, averaged=False) + feed_forward + norms_and_residuals


def _heads(kernel: Kernel, query: Value, key: Value, value: Value, masked: bool, averaged: bool) -> Cost:
    """Count multi-head attention with its projections; averaging over heads is 1 for each score."""
    width = shape(query)[-1]
    heads = kernel.attributes.get("num_head", kernel.attributes.get("num_heads"))
    assert isinstance(heads, Dim), "both kernels require a number of heads"
    projected = numel(query) + numel(key) + numel(value)
    projections = Cost(2 * width * (projected + numel(query)), projected + numel(query))
    scores = numel(query) // width * heads * shape(key)[-2]
    head_width = width // heads
    averaging = Cost(pointwise=scores if averaged else 0)
    return projections + _attention(scores, head_width, head_width, masked) + averaging


@operators("aten._transform_bias_rescale_qkv")
def _rescale(kernel: Kernel) -> Cost:
    """Add the bias to packed queries, keys and values, and scale the queries, a third of them: 4 / 3 per element."""
    return Cost(pointwise=4 * numel(kernel.inputs[0]) // 3)


# As authors write them ------------------------------------------------------------------------------------------------


def _write_attention(node: Operation) -> Standard | None:
    query, key, value, *masks = node.inputs
    mask = node.input("attn_mask")
    if (
        not is_known(node)
        or [rank_of(each) for each in (query, key, value)] != [4, 4, 4]
        or masks != [mask] * len(masks)
    ):
        return None
    causal = bool(node.attributes.get("is_causal"))
    # With unequal lengths the two mean different diagonals.
    if node.attributes.get("dropout_p") or (causal and shape_of(query)[2] != shape_of(key)[2]):
        return None
    attributes: dict[str, Attribute] = {"is_causal": 1} if causal else {}
    if (scale := node.attributes.get("scale")) is not None:
        attributes["scale"] = real(scale)
    return Standard("Attention", (query, key, value, mask) if mask else (query, key, value), node.outputs, attributes)


operators.declare("scaled_dot_product_attention", library="", onnx=_write_attention)
operators.declare("multi_head_attention_forward native_multi_head_attention transformer_encoder_layer_fwd", library="")
