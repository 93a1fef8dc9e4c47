"""Scaled-dot-product attention in every fused form, and the fused modules around it.

``softmax(Q Kᵀ · scale + mask) V`` with queries (B, H, L, E), keys (B, H', S, E), values (B, H', S, Eᵥ) is two matrix
products of 2 · B · H · L · S · E and 2 · B · H · L · S · Eᵥ, as ``torch.utils.flop_counter`` has it (``sdpa_flop_count``).
Grouped queries (H' < H) change nothing: every query head meets a key head. A causal or block mask is counted dense,
which is an upper bound. For each of the B · H · L · S scores the pointwise work is 1 for the scale, 1 for a mask, and 5
for the softmax (see normalization.py).

Backward, the fused kernels keep no scores: they make them again, P = exp(scale · Q Kᵀ + mask − L) with the row sums L of
the forward run, and five products follow (Dao et al., FlashAttention, 2022, algorithm 4; ``sdpa_backward_flop_count``):
Q Kᵀ, dP = dO Vᵀ, dV = Pᵀ dO, dQ = dS K, dK = dSᵀ Q, that is 3 · E + 2 · Eᵥ multiply-adds for each score. Pointwise, a
score costs its scale, a mask, subtract L, exp, then dS = P · (dP − D) and its scale: 6, 7 with a mask; and the row sums
D of dO · O cost 2 · Eᵥ for each query. Unfused attention runs as plain products and makes no score again.
"""

from __future__ import annotations

import math

from fxviz.ir import Dim, Kernel, Value
from fxviz.passes.rules.cost import Cost, FlopRule, numel, shape
from fxviz.passes.rules.normalization import LAYER_NORM, SOFTMAX
from fxviz.rules import RuleTable

__all__ = ["flops_rules"]

flops_rules: RuleTable[FlopRule] = RuleTable()


def _attention(rows: Dim, keys: Dim, key_width: Dim, value_width: Dim, masked: bool) -> Cost:
    """Attention of ``rows`` queries (over all heads and batches), each to ``keys`` keys."""
    scores = rows * keys
    return Cost(2 * scores * (key_width + value_width), scores * (1 + masked + SOFTMAX))


def _is_masked(kernel: Kernel) -> bool:
    return bool(kernel.attributes.get("is_causal")) or any(
        kernel.input(name) is not None for name in ("attn_mask", "attn_bias", "bias")
    )


@flops_rules(
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
def _sdpa(kernel: Kernel) -> Cost:
    """Heads before positions: (…, L, E), (…, S, E), (…, S, Eᵥ); the leading extents broadcast into those of the output."""
    query, key, value = kernel.inputs[:3]
    rows = math.prod(shape(kernel.outputs[0])[:-1])
    return _attention(rows, shape(key)[-2], shape(query)[-1], shape(value)[-1], _is_masked(kernel))


@flops_rules("aten._flash_attention_forward", "aten._efficient_attention_forward", "aten._cudnn_attention_forward")
def _positions_first(kernel: Kernel) -> Cost:
    """Positions before heads, (B, L, H, E), or all sequences end to end, (ΣL, H, E) or (1, ΣL, H, E).

    Of packed sequences only the longest is known: every query is counted against so many keys, an upper bound.
    """
    query, key, value = kernel.inputs[:3]
    rows = math.prod(shape(query)[:-1])
    keys = _longest_key(kernel)
    if keys is None:
        keys = shape(key)[1]
    return _attention(rows, keys, shape(query)[-1], shape(value)[-1], _is_masked(kernel))


def _longest_key(kernel: Kernel) -> Dim | None:
    """The longest packed sequence of keys, None where the batch is not packed."""
    if kernel.input("cum_seq_k") is None and kernel.input("cu_seqlens_k") is None:
        return None
    longest = kernel.attributes.get("max_k", kernel.attributes.get("max_seqlen_k"))
    return longest if isinstance(longest, Dim) else None


def _backward(rows: Dim, keys: Dim, key_width: Dim, value_width: Dim, masked: bool) -> Cost:
    """The gradients of queries, keys and values, scores made again."""
    scores = rows * keys
    return Cost(2 * scores * (3 * key_width + 2 * value_width), scores * (6 + masked) + 2 * rows * value_width)


@flops_rules(
    "aten._scaled_dot_product_flash_attention_backward",
    "aten._scaled_dot_product_flash_attention_for_cpu_backward",
    "aten._scaled_dot_product_efficient_attention_backward",
    "aten._scaled_dot_product_cudnn_attention_backward",
    "aten._scaled_dot_product_fused_attention_overrideable_backward",
)
def _sdpa_backward(kernel: Kernel) -> Cost:
    """Heads before positions; the gradient of the output comes first."""
    gradient, query, key, value = kernel.inputs[:4]
    rows = math.prod(shape(gradient)[:-1])
    return _backward(rows, shape(key)[-2], shape(query)[-1], shape(value)[-1], _is_masked(kernel))


@flops_rules("flex_attention_backward")
def _flex_backward(kernel: Kernel) -> Cost:
    """Heads before positions; queries, keys and values come first."""
    query, key, value = kernel.inputs[:3]
    return _backward(math.prod(shape(query)[:-1]), shape(key)[-2], shape(query)[-1], shape(value)[-1], masked=False)


@flops_rules("aten._flash_attention_backward", "aten._efficient_attention_backward", "aten._cudnn_attention_backward")
def _positions_first_backward(kernel: Kernel) -> Cost:
    """Positions before heads, packed or not; the gradient of the output comes first."""
    _, query, key, value = kernel.inputs[:4]
    keys = _longest_key(kernel)
    if keys is None:
        keys = shape(key)[1]
    rows = math.prod(shape(query)[:-1])
    return _backward(rows, keys, shape(query)[-1], shape(value)[-1], _is_masked(kernel))


@flops_rules("aten._native_multi_head_attention")
def _multi_head(kernel: Kernel) -> Cost:
    """``nn.MultiheadAttention`` as one kernel: three projections in, attention, one projection out.

    With queries (B, L, D), keys and values (B, S, D) and H heads: 2 · D · D for each token that is projected, attention
    over B · H · L rows of width D / H; each projection adds a bias, and averaged weights sum the scores over the heads.
    """
    query, key, value = kernel.inputs[:3]
    masked = kernel.input("mask") is not None
    averaged = bool(kernel.attributes.get("need_weights", True) and kernel.attributes.get("average_attn_weights", True))
    return _heads(kernel, query, key, value, masked, averaged)


@flops_rules("aten._transformer_encoder_layer_fwd")
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
    """Multi-head attention with its projections; averaging over heads is 1 for each score."""
    width = shape(query)[-1]
    heads = kernel.attributes.get("num_head", kernel.attributes.get("num_heads"))
    assert isinstance(heads, Dim), "both kernels require a number of heads"
    projected = numel(query) + numel(key) + numel(value)
    projections = Cost(2 * width * (projected + numel(query)), projected + numel(query))
    rows, keys = numel(query) // width * heads, shape(key)[-2]
    head_width = width // heads
    averaging = Cost(pointwise=rows * keys if averaged else 0)
    return projections + _attention(rows, keys, head_width, head_width, masked) + averaging


@flops_rules("aten._transform_bias_rescale_qkv")
def _rescale(kernel: Kernel) -> Cost:
    """Adds the bias to packed queries, keys and values, and scales the queries, a third of them: 4 / 3 per element."""
    return Cost(pointwise=4 * numel(kernel.inputs[0]) // 3)
