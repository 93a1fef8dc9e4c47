"""Every operator with a FLOP rule on one sample kernel: the count that the mathematics gives, derived beside it.

The extents are such that no two of a sample can be mistaken for each other. An operator without a row fails the test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import pytest
import sympy

from fxviz.ir import Attribute, Dim, Kernel, TensorType, Value
from fxviz.passes.flops import causal_rules, flops_rules
from fxviz.passes.rules.cost import Cost

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape: TypeAlias = "tuple[Dim, ...]"


@dataclass(frozen=True)
class Row:
    """A kernel by the shapes of its inputs and outputs, and its cost; None where the kernel does not tell."""

    op: str
    inputs: Mapping[str, Shape]
    outputs: tuple[Shape, ...]
    attributes: Mapping[str, Attribute]
    cost: Cost | None

    def kernel(self) -> Kernel:
        inputs = tuple(Value(name, TensorType(shape, "float32")) for name, shape in self.inputs.items())
        outputs = tuple(Value("", TensorType(shape, "float32")) for shape in self.outputs)
        return Kernel(self.op, inputs, outputs, tuple(self.inputs), self.attributes)


ROWS: list[Row] = []


def rows(
    ops: str,
    inputs: Mapping[str, Shape] | Shape,
    output: Shape | list[Shape],
    cost: Cost | int | None,
    *,
    library: str = "aten",
    **attributes: Attribute,
) -> None:
    """Add a row for each of the operators; a lone shape is that of the input ``self``, a lone number is pointwise work."""
    named = {"self": inputs} if isinstance(inputs, tuple) else inputs
    outputs = tuple(output) if isinstance(output, list) else (output,)
    expected = Cost(pointwise=cost) if isinstance(cost, int) else cost
    ROWS.extend(Row(f"{library}.{op}" if library else op, named, outputs, attributes, expected) for op in ops.split())


X, N = (2, 3, 8), 48
LAST = (8,)  # broadcasts to X
PAIR: dict[str, Shape] = {"self": LAST, "other": X}


# Element by element: so many primitives for each element of the output, to which the inputs broadcast -----------------

rows(  # one primitive
    """
    abs absolute rsub mul multiply div divide true_divide floor_divide remainder fmod neg negative
    reciprocal square sqrt rsqrt pow float_power exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan atan2
    arcsin arccos arctan arctan2 sinh cosh tanh asinh acosh atanh arcsinh arccosh arctanh erf erfc erfinv sigmoid
    floor ceil round trunc fix frac sign sgn copysign nextafter ldexp frexp heaviside hypot sinc deg2rad rad2deg angle
    conj_physical _conj_physical _conj_copy _neg_view_copy relu maximum minimum fmax fmin clamp_min clamp_max
    eq ne lt le gt ge not_equal less less_equal greater greater_equal isfinite isinf isnan isneginf isposinf signbit
    logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor bitwise_not bitwise_left_shift
    bitwise_right_shift __and__ __or__ __xor__ __lshift__ __rshift__ __iand__ __ior__ __ixor__ __ilshift__ __irshift__
    where masked_fill masked_scatter threshold nan_to_num gcd lcm max.other min.other
    lgamma digamma polygamma mvlgamma igamma igammac i0 special_i0e special_i1 special_i1e special_zeta special_ndtri
    special_log_ndtr special_erfcx special_airy_ai special_bessel_j0 special_bessel_j1 special_bessel_y0
    special_bessel_y1 special_modified_bessel_i0 special_modified_bessel_i1 special_modified_bessel_k0
    special_modified_bessel_k1 special_scaled_modified_bessel_k0 special_scaled_modified_bessel_k1
    special_spherical_bessel_j0 special_chebyshev_polynomial_t special_chebyshev_polynomial_u
    special_chebyshev_polynomial_v special_chebyshev_polynomial_w special_hermite_polynomial_h
    special_hermite_polynomial_he special_laguerre_polynomial_l special_legendre_polynomial_p
    special_shifted_chebyshev_polynomial_t special_shifted_chebyshev_polynomial_u
    special_shifted_chebyshev_polynomial_v special_shifted_chebyshev_polynomial_w
    """,
    PAIR,
    X,
    1 * N,
)
rows("_add_relu", PAIR, X, 2 * N)  # add; max with 0
rows("lerp", PAIR, X, 3 * N)  # subtract; times the weight; add
rows("linalg_cross", PAIR, X, 3 * N)  # two products; subtract
rows("logaddexp logaddexp2", PAIR, X, 7 * N)  # maximum; subtract, absolute, negate; exp; log1p; add
rows("logit", LAST, X, 3 * N)  # 1 − x; divide; log
rows("logit_backward", LAST, X, 3 * N)  # 1 − x; times x; divide
rows("polar", PAIR, X, 4 * N)  # cos, sin; two products
rows("special_entr", LAST, X, 3 * N)  # log; times x; negate
rows("special_xlog1py xlogy", PAIR, X, 2 * N)  # log or log1p; times x
rows("add sub subtract", PAIR, X, 1 * N)
rows("add sub subtract", PAIR, X, 2 * N, alpha=2)  # the factor
rows("addcmul addcdiv", {**PAIR, "tensor2": X}, X, 2 * N)  # a product or a quotient; add
rows("addcmul addcdiv", {**PAIR, "tensor2": X}, X, 3 * N, value=0.5)
rows("clamp clip", X, X, 1 * N, min=0)
rows("clamp clip", X, X, 1 * N, max=0)
rows("clamp clip", X, X, 2 * N, min=0, max=6)
rows("clamp clip", {"self": X, "min": X, "max": X}, X, 2 * N)


# Activations; "a if c else b" compares, and computes both sides -------------------------------------------------------

rows("celu", X, X, 4 * N)  # x > 0; x / α; expm1; times α
rows("elu", X, X, 3 * N)  # x > 0; expm1; times α
rows("glu", (2, 3, 16), X, 2 * N)  # sigmoid; times the other half
rows("hardshrink", X, X, 2 * N)  # x > λ; x < −λ
rows("hardsigmoid", X, X, 4 * N)  # x + 3; max; min; divide by 6
rows("hardswish", X, X, 5 * N)  # those, and times x
rows("hardtanh relu6", X, X, 2 * N)  # max; min
rows("leaky_relu _prelu_kernel", X, X, 2 * N)  # x > 0; times the slope
rows("rrelu rrelu_with_noise", X, X, 2 * N)  # the same with a slope at random
rows("log_sigmoid_forward", X, X, 6 * N)  # absolute, negate, exp, log1p; min; subtract
rows("mish", X, X, 4 * N)  # exp; log1p; tanh; times x
rows("selu", X, X, 4 * N)  # elu; times the scale
rows("silu", X, X, 2 * N)  # sigmoid; times x
rows("softplus", X, X, 5 * N)  # β · x; above the threshold; exp; log1p; divide by β
rows("softshrink", X, X, 3 * N)  # x > λ, x < −λ: which of two; one shift
rows("gelu", X, X, 5 * N)  # x / √2; erf; add 1; x / 2; times it
rows("gelu", X, X, 9 * N, approximate="tanh")  # x³ 2; times 0.044715; add x; times √(2/π); tanh; add 1; x / 2; times it

rows("elu_backward", X, X, 4 * N)  # x > 0; exp; times α; times dy
rows("glu_backward", X, (2, 3, 16), 3 * 2 * N)  # a: s, dy · s; b: a · (1 − s) · s · dy, s shared: 6 for both halves
rows("hardshrink_backward hardtanh_backward softshrink_backward", X, X, 2 * N)  # two comparisons
rows("hardsigmoid_backward", X, X, 3 * N)  # two comparisons; dy / 6
rows("hardswish_backward", X, X, 5 * N)  # two comparisons; x / 3; add ½; times dy
rows("leaky_relu_backward", X, X, 2 * N)  # x > 0; slope · dy
rows("rrelu_with_noise_backward", X, X, 2 * N)
rows("log_sigmoid_backward", X, X, 6 * N)  # x < 0; the sign; 1 + z; divide; subtract; times dy
rows("mish_backward", X, X, 10 * N)  # t: 3; s 1; t² 1; 1 − t² 1; times s, times x 2; add t 1; times dy 1
rows("_prelu_kernel_backward", X, X, 3 * N)  # x > 0; w · dy; x · dy
rows("sigmoid_backward tanh_backward", X, X, 3 * N)  # 1 − y or y²; a product or 1 − y²; times dy
rows("silu_backward", X, X, 6 * N)  # s; 1 − s; times x; add 1; times s; times dy
rows("softplus_backward", X, X, 6 * N)  # β · x; above the threshold; exp; 1 + z; divide; times dy
rows("threshold_backward", X, X, 1 * N)  # x > t
rows("gelu_backward", X, X, 11 * N)  # Φ: 4; φ: −x² / 2 2, exp, divide 2 → 4; x · φ, add, times dy: 3
rows("gelu_backward", X, X, 18 * N, approximate="tanh")  # u and t: 6; u′: 3; the sum of both parts times dy: 9

rows("_softmax _log_softmax softmax log_softmax", X, X, 5 * N)  # maximum; subtract; exp; sum; divide
rows("_masked_softmax", X, X, 6 * N)  # and a selection
rows("_safe_softmax", X, X, 8 * N)  # and: is it −∞; is all the row; 0 instead
rows("_softmax_backward_data", X, X, 4 * N)  # dy · y; sum; subtract; times y
rows("_log_softmax_backward_data", X, X, 4 * N)  # sum; exp; product; subtract
rows("_masked_softmax_backward", X, X, 5 * N)  # as of softmax, and a selection


# Matrix products: 2 · inner extent for each element of the result -----------------------------------------------------

A, W, P = (3, 4), (4, 5), (3, 5)
PRODUCT = 2 * 3 * 4 * 5

rows("mm matmul linalg_matmul _int_mm _sparse_mm inner", {"self": A, "mat2": W}, P, Cost(PRODUCT))
rows("bmm", {"self": (7, *A), "mat2": (7, *W)}, (7, *P), Cost(7 * PRODUCT))
rows("mv", {"self": A, "vec": (4,)}, (3,), Cost(2 * 3 * 4))
rows("dot vdot", {"self": (4,), "tensor": (4,)}, (), Cost(2 * 4))
rows("addmm _sparse_addmm", {"self": (5,), "mat1": A, "mat2": W}, P, Cost(PRODUCT, 15))  # the sum
rows("addmm _sparse_addmm", {"self": (5,), "mat1": A, "mat2": W}, P, Cost(PRODUCT, 3 * 15), alpha=2, beta=0.5)
rows("addmm", {"self": (5,), "mat1": A, "mat2": W}, P, Cost(PRODUCT, 2 * 15), alpha=1, beta=0.5)
rows("baddbmm", {"self": (7, *P), "batch1": (7, *A), "batch2": (7, *W)}, (7, *P), Cost(7 * PRODUCT, 7 * 15))
rows("addmv", {"self": (3,), "mat": A, "vec": (4,)}, (3,), Cost(2 * 3 * 4, 3))
rows("_addmm_activation", {"self": (5,), "mat1": A, "mat2": W}, P, Cost(PRODUCT, 2 * 15))  # sum; relu
rows("_addmm_activation", {"self": (5,), "mat1": A, "mat2": W}, P, Cost(PRODUCT, 10 * 15), use_gelu=True)  # sum; 9
rows("_addmm_activation", {"self": (5,), "mat1": A, "mat2": W}, P, Cost(PRODUCT, 3 * 15), beta=3)
rows("addbmm", {"self": P, "batch1": (7, *A), "batch2": (7, *W)}, P, Cost(7 * PRODUCT, 15))
rows("addbmm", {"self": P, "batch1": (7, *A), "batch2": (7, *W)}, P, Cost(7 * PRODUCT, 2 * 15), alpha=3)
rows("ger outer", {"self": (3,), "vec2": (5,)}, P, 15)  # a product each, and no sum
rows("addr", {"self": P, "vec1": (3,), "vec2": (5,)}, P, 2 * 15)  # product; sum
rows("addr", {"self": P, "vec1": (3,), "vec2": (5,)}, P, 3 * 15, alpha=2)
rows("linear mkldnn_linear _mixed_dtypes_linear", {"input": A, "weight": (5, 4)}, P, Cost(PRODUCT))
rows("linear mkldnn_linear", {"input": A, "weight": (5, 4), "bias": (5,)}, P, Cost(PRODUCT, 15))
rows("_scaled_mm _scaled_mm_v2", {"self": A, "mat2": W}, P, Cost(PRODUCT, 2 * 15))  # a scale of each operand
rows("_scaled_mm _scaled_mm_v2", {"self": A, "mat2": W, "bias": (5,)}, P, Cost(PRODUCT, 3 * 15))
rows("_weight_int8pack_mm _weight_int4pack_mm", {"self": A, "mat2": (5, 4)}, P, Cost(PRODUCT))
rows(
    "_weight_int4pack_mm_for_cpu _weight_int4pack_mm_with_scales_and_zeros",
    {"self": A, "mat2": (5, 2)},
    P,
    Cost(PRODUCT),
)
rows("_dyn_quant_matmul_4bit", {"inp": A, "packed_weights": (99,)}, P, Cost(0, 4 * 12 + 2 * 15, PRODUCT))
# Each of 10 rows goes to one of 3 experts
rows("_grouped_mm", {"self": (10, 4), "mat2": (3, 4, 5), "offs": (3,)}, (10, 5), Cost(2 * 10 * 4 * 5))
rows("grouped_mm_fallback", {"a": (10, 4), "b": (3, 4, 5)}, (10, 5), Cost(2 * 10 * 4 * 5), library="transformers")
# 12 inner extents are divided among 3 groups of 4 × 5 results
rows("_grouped_mm", {"self": (4, 12), "mat2": (12, 5), "offs": (3,)}, (3, 4, 5), Cost(2 * 4 * 12 * 5))
rows(
    "_scaled_grouped_mm _scaled_grouped_mm_v2",
    {"self": (10, 4), "mat2": (3, 4, 5), "scale_a": (10,), "scale_b": (3, 5), "bias": (3, 5)},
    (10, 5),
    Cost(2 * 10 * 4 * 5, 3 * 50),  # two scales and a bias
)
G, XG = (3, 5), (3, 4)  # the gradient of 5 features, 4 features that went in
rows("linear_backward mkldnn_linear_backward", {"self": XG, "grad": G, "weight": (5, 4)}, XG, Cost(2 * PRODUCT, 15))
rows("linear_backward", {"self": XG, "grad": G, "weight": (5, 4)}, XG, Cost(PRODUCT), output_mask=(False, True, False))
rows("mkldnn_linear_backward_input", {"grad_output": G, "weight": (5, 4)}, XG, Cost(PRODUCT))
rows("mkldnn_linear_backward_weights", {"grad_output": G, "input": XG}, (5, 4), Cost(PRODUCT, 15))
rows("mkldnn_linear_backward_weights", {"grad_output": G, "input": XG}, (5, 4), Cost(PRODUCT), bias_defined=False)
rows("matmul_backward", {"grad": G, "self": XG, "other": W}, XG, Cost(2 * PRODUCT))
rows("matmul_backward", {"grad": G, "self": XG, "other": W}, XG, Cost(PRODUCT), mask=(True, False))
rows(  # nn.Bilinear: for each of 7 rows and 6 outputs x₁ᵀ W is 2 · 3 · 4, times x₂ is 2 · 4
    "_trilinear",
    {"i1": (7, 3), "i2": (6, 3, 4), "i3": (7, 4)},
    (7, 6),
    Cost(7 * 6 * (24 + 8)),
    expand1=(1, 3),
    expand2=(0,),
    expand3=(1, 2),
    sumdim=(2, 3),
)
# Pairs of 3 and 5 points in 4 dimensions: subtract, power, add for each coordinate; a root
rows("_cdist_forward", {"x1": A, "x2": (5, 4)}, P, 15 * (3 * 4 + 1))
rows("_pdist_forward", A, (3,), 3 * (3 * 4 + 1))
rows("_cdist_backward", {"grad": P, "x1": A, "x2": (5, 4)}, A, 15 * 4 * 4)  # difference; share; times dy; add
rows("_pdist_backward", {"grad": (3,), "self": A}, A, 3 * 4 * 4)
# ‖x‖² and ‖y‖² are columns of a product over 4 + 2; they take a square and a sum for each coordinate; then a root
rows("_euclidean_dist", {"x1": A, "x2": (5, 4)}, P, Cost(2 * 6 * 15, 15 + 2 * (12 + 20)))


# Convolutions: 2 for each output, tap and input channel of the group --------------------------------------------------

IMAGE, FILTERS, MAP = (2, 4, 9, 9), (6, 2, 3, 3), (2, 6, 7, 7)  # two groups
CONVOLVED = 2 * (2 * 6 * 49) * (2 * 9)
SMALL, SPREAD, LARGE = (2, 4, 5, 5), (4, 3, 2, 2), (2, 3, 10, 10)  # transposed: every input is spread
TRANSPOSED = 2 * (2 * 4 * 25) * (3 * 4)
CONVOLUTIONS = """
    conv1d conv2d conv3d mkldnn_convolution cudnn_convolution miopen_convolution miopen_depthwise_convolution
    _mps_convolution _conv_depthwise2d conv_depthwise3d _slow_conv2d_forward thnn_conv2d slow_conv3d
    slow_conv3d_forward slow_conv_dilated2d slow_conv_dilated3d _nnpack_spatial_convolution
    convolution _convolution convolution_overrideable
"""
CONVOLUTIONS_TRANSPOSED = """
    conv_transpose1d conv_transpose2d conv_transpose3d cudnn_convolution_transpose miopen_convolution_transpose
    _mps_convolution_transpose slow_conv_transpose2d slow_conv_transpose3d
"""
rows(CONVOLUTIONS, {"input": IMAGE, "weight": FILTERS}, MAP, Cost(CONVOLVED))
rows(CONVOLUTIONS, {"input": IMAGE, "weight": FILTERS, "bias": (6,)}, MAP, Cost(CONVOLVED, 588))
rows(CONVOLUTIONS_TRANSPOSED, {"input": SMALL, "weight": SPREAD}, LARGE, Cost(TRANSPOSED))
rows(CONVOLUTIONS_TRANSPOSED, {"input": SMALL, "weight": SPREAD, "bias": (3,)}, LARGE, Cost(TRANSPOSED, 600))
rows("convolution", {"input": SMALL, "weight": SPREAD}, LARGE, Cost(TRANSPOSED), transposed=True)
BIASED: dict[str, Shape] = {"input": IMAGE, "weight": FILTERS, "bias": (6,)}
rows("cudnn_convolution_relu miopen_convolution_relu", BIASED, MAP, Cost(CONVOLVED, 2 * 588))
rows(  # bias; α · z; add; relu
    "cudnn_convolution_add_relu miopen_convolution_add_relu", BIASED, MAP, Cost(CONVOLVED, 4 * 588)
)
# 8 steps of 2 · 6 outputs, each 3 taps of 4 channels, and a bias
rows("conv_tbc", {"self": (10, 2, 4), "weight": (3, 4, 6), "bias": (6,)}, (8, 2, 6), Cost(2 * 96 * 12, 96))
rows(
    "conv_tbc_backward",
    {"self": (8, 2, 6), "input": (10, 2, 4), "weight": (3, 4, 6)},
    (10, 2, 4),
    Cost(4 * 96 * 12, 96),
)
GRADIENT: dict[str, Shape] = {"grad_output": MAP, "input": IMAGE, "weight": FILTERS, "bias": (6,)}
BACKWARDS = "convolution_backward convolution_backward_overrideable _slow_conv2d_backward"
rows(BACKWARDS, GRADIENT, IMAGE, Cost(2 * CONVOLVED, 588))
rows(BACKWARDS, GRADIENT, IMAGE, Cost(CONVOLVED), output_mask=(False, True, False))
rows(
    "convolution_backward",
    {"grad_output": LARGE, "input": SMALL, "weight": SPREAD},
    SMALL,
    Cost(2 * TRANSPOSED, 600),
    transposed=True,
)
rows("mps_convolution_backward", {"self": IMAGE, "grad": MAP, "weight": FILTERS}, IMAGE, Cost(2 * CONVOLVED, 588))
rows(
    "mps_convolution_transpose_backward", {"self": SMALL, "grad": LARGE, "weight": SPREAD}, SMALL, Cost(2 * TRANSPOSED)
)


# Attention: each of the scores meets a key (2 · E) and a value (2 · V); scale 1, softmax 5, a mask 1 ------------------

Q, K, V, OUT = (2, 8, 10, 16), (2, 2, 12, 16), (2, 2, 12, 4), (2, 8, 10, 4)
SCORES = 2 * 8 * 10 * 12
QKV: dict[str, Shape] = {"query": Q, "key": K, "value": V}
FORWARDS = """
    scaled_dot_product_attention _scaled_dot_product_attention_math _scaled_dot_product_attention_math_for_mps
    _scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu
    _scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention
    _scaled_dot_product_fused_attention_overrideable
"""
rows(FORWARDS, QKV, OUT, Cost(SCORES * 2 * (16 + 4), SCORES * 6))
rows(FORWARDS, {**QKV, "attn_bias": (10, 12)}, OUT, Cost(SCORES * 2 * (16 + 4), SCORES * 7))
rows(FORWARDS, QKV, OUT, Cost(SCORES * 2 * (16 + 4), SCORES * 7), is_causal=True)
rows("flex_attention", QKV, OUT, Cost(SCORES * 2 * (16 + 4), SCORES * 6), library="")
# Backward the scores are made again: 3 products over E, 2 over V; scale, − L, exp, dP − D, P ·, scale; D = Σ dO · OUT
DO_QKV: dict[str, Shape] = {"grad_out": OUT, **QKV, "out": OUT}
AGAIN = Cost(SCORES * 2 * (3 * 16 + 2 * 4), SCORES * 6 + 2 * (2 * 8 * 10) * 4)
rows(
    """
    _scaled_dot_product_flash_attention_backward _scaled_dot_product_flash_attention_for_cpu_backward
    _scaled_dot_product_efficient_attention_backward _scaled_dot_product_cudnn_attention_backward
    _scaled_dot_product_fused_attention_overrideable_backward
    """,
    DO_QKV,
    Q,
    AGAIN,
)
rows("_scaled_dot_product_flash_attention_backward", DO_QKV, Q, AGAIN + Cost(pointwise=SCORES), is_causal=True)
rows("flex_attention_backward", QKV, Q, AGAIN, library="")
# Positions before heads
BEFORE: dict[str, Shape] = {"query": (2, 10, 8, 16), "key": (2, 12, 2, 16), "value": (2, 12, 2, 4)}
POSITIONS_FIRST = "_flash_attention_forward _efficient_attention_forward _cudnn_attention_forward"
rows(POSITIONS_FIRST, BEFORE, (2, 10, 8, 4), Cost(SCORES * 2 * (16 + 4), SCORES * 6))
# Packed: 20 queries in all, each against the longest sequence of 12 keys
PACKED: dict[str, Shape] = {"query": (20, 8, 16), "key": (24, 2, 16), "value": (24, 2, 4), "cum_seq_k": (3,)}
rows(POSITIONS_FIRST, PACKED, (20, 8, 4), Cost(SCORES * 2 * (16 + 4), SCORES * 6), max_k=12)
PACKED_TOO: dict[str, Shape] = {
    "query": (1, 20, 8, 16),
    "key": (1, 24, 2, 16),
    "value": (1, 24, 2, 4),
    "cu_seqlens_k": (3,),
}
rows(POSITIONS_FIRST, PACKED_TOO, (1, 20, 8, 4), Cost(SCORES * 2 * (16 + 4), SCORES * 6), max_seqlen_k=12)
rows(
    "_flash_attention_backward _efficient_attention_backward _cudnn_attention_backward",
    {"grad_out": (2, 10, 8, 4), **BEFORE, "out": (2, 10, 8, 4)},
    (2, 10, 8, 16),
    AGAIN,
)
# 12 tokens of width 16 in 4 heads: four projections of 2 · 16 · 16 and their biases; 2 · 4 · 6 · 6 scores of heads of 4;
# and the average over the heads
M = (2, 6, 16)
HEADS = Cost(12 * 4 * 512 + 288 * 2 * (4 + 4), 12 * 4 * 16 + 288 * 6)
QKV_SAME: dict[str, Shape] = {"query": M, "key": M, "value": M}
rows("_native_multi_head_attention", QKV_SAME, M, HEADS + Cost(pointwise=288), num_head=4)
rows("_native_multi_head_attention", QKV_SAME, M, HEADS, num_head=4, need_weights=False)
rows("_native_multi_head_attention", {**QKV_SAME, "mask": (6, 6)}, M, HEADS + Cost(pointwise=2 * 288), num_head=4)
# Two linears of 2 · 16 · 40 with biases, relu 1 (gelu 5), two norms of 5 + 2, two residuals
ENCODER: dict[str, Shape] = {"src": M, "ffn_weight_1": (40, 16)}
FEED = Cost(12 * 2 * 1280, 12 * (40 + 16 + 2 * 7 * 16 + 2 * 16))
rows("_transformer_encoder_layer_fwd", ENCODER, M, HEADS + FEED + Cost(pointwise=12 * 40), num_heads=4)
rows("_transformer_encoder_layer_fwd", ENCODER, M, HEADS + FEED + Cost(pointwise=12 * 200), num_heads=4, use_gelu=True)
rows(
    "_transform_bias_rescale_qkv", {"qkv": (2, 6, 48), "qkv_bias": (48,)}, (3, 2, 4, 6, 4), 576 + 576 // 3
)  # bias; scale


# Normalisation --------------------------------------------------------------------------------------------------------

AFFINE: dict[str, Shape] = {"input": X, "weight": (8,), "bias": (8,)}
OWN = """
    native_layer_norm native_group_norm layer_norm group_norm
    _batch_norm_with_update _batch_norm_with_update_functional
"""
rows(OWN, X, X, 5 * N)  # sum; subtract, square, sum; scale
rows(OWN, AFFINE, X, 7 * N)
TRAINED = """
    native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_functional cudnn_batch_norm miopen_batch_norm
"""
rows(TRAINED, AFFINE, X, 7 * N, training=True)
rows(TRAINED, AFFINE, X, 2 * N, training=False)  # x · α + β
rows("_native_batch_norm_legit_no_training _batch_norm_no_update quantized_batch_norm", AFFINE, X, 2 * N)
rows("_fused_rms_norm rms_norm", X, X, 3 * N)  # square, sum, scale
rows("_fused_rms_norm rms_norm", {"input": X, "weight": (8,)}, X, 4 * N)
rows("_weight_norm_interface renorm", X, X, 3 * N)  # square, sum, scale
rows("_weight_norm_interface_backward", X, X, 5 * N)  # v · dw, sum; times v; subtract; scale
rows("batch_norm_stats batch_norm_gather_stats batch_norm_gather_stats_with_counts", X, (3,), 4 * N)
rows("batch_norm_elemt", X, X, 2 * N)  # x · α + β
rows("batch_norm_backward_reduce", {"grad_out": X, "input": X}, (3,), 5 * N)  # x̂ 2; add dy; dy · x̂; add
rows("batch_norm_backward_elemt", {"grad_out": X, "input": X}, X, 6 * N)  # x̂ 2; two differences, a product; scale
NORM_GRADIENT: dict[str, Shape] = {"grad_out": X, "input": X, "mean": (2,), "rstd": (2,), "weight": (8,)}
# x̂ 2; product, sum; sum; two differences and a product; scale: 9; dy · weight 1; weight 2; bias 1
rows("native_layer_norm_backward native_group_norm_backward", NORM_GRADIENT, X, (9 + 1 + 2 + 1) * N)
rows("native_layer_norm_backward", {"grad_out": X, "input": X}, X, 9 * N, output_mask=(True, False, False))
rows("native_layer_norm_backward", NORM_GRADIENT, X, 3 * N, output_mask=(False, True, True))
# x̂; product, sum; product, difference, scale: 6; dy · weight 1; of the weight 2
rows("_fused_rms_norm_backward", NORM_GRADIENT, X, (6 + 1 + 2) * N)
rows("_fused_rms_norm_backward", {"grad_out": X, "input": X}, X, 6 * N, output_mask=(True, False))
NORM_BACKWARDS = """
    native_batch_norm_backward batch_norm_backward _batch_norm_impl_index_backward cudnn_batch_norm_backward
    miopen_batch_norm_backward
"""
rows(NORM_BACKWARDS, NORM_GRADIENT, X, 9 * N)
rows(NORM_BACKWARDS, NORM_GRADIENT, X, 9 * N, train=True)  # whose sums are the other two gradients
rows(NORM_BACKWARDS, NORM_GRADIENT, X, (1 + 4 + 1) * N, train=False)  # α · dy; x̂ 2, product, sum; sum
rows(NORM_BACKWARDS, NORM_GRADIENT, X, 5 * N, train=True, output_mask=(False, True, True))


# Pooling, resampling --------------------------------------------------------------------------------------------------

IN, HALF = (1, 4, 8, 8), (1, 4, 4, 4)
POOLS_2D = """
    max_pool2d_with_indices mkldnn_max_pool2d avg_pool2d max_pool2d quantized_max_pool2d fractional_max_pool2d
"""
POOLS_3D = """
    max_pool3d_with_indices mkldnn_max_pool3d avg_pool3d max_pool3d quantized_max_pool3d fractional_max_pool3d
"""
rows(POOLS_2D, IN, HALF, 64 * 2 * 3, kernel_size=(2, 3))
rows(POOLS_2D, IN, HALF, 64 * 2 * 2, kernel_size=(2,))  # one side stands for both
rows(POOLS_2D, IN, HALF, 64 * 2 * 2, kernel_size=2)
rows(POOLS_2D, IN, HALF, None, kernel_size="?")
rows(POOLS_3D, (1, 4, 6, 6, 6), (1, 4, 3, 3, 3), 108 * 2**3, kernel_size=2)
rows("avg_pool1d max_pool1d quantized_max_pool1d", (1, 4, 8), (1, 4, 4), 16 * 2, kernel_size=2)
rows("avg_pool2d_backward", {"grad_output": HALF, "self": IN}, IN, 64 * (4 + 1), kernel_size=(2, 2))  # divide; add each
rows("avg_pool2d_backward", {"grad_output": HALF, "self": IN}, IN, None, kernel_size="?")
rows("avg_pool3d_backward", {"grad_output": (1, 4, 3, 3, 3), "self": (1, 4, 6, 6, 6)}, IN, 108 * (8 + 1), kernel_size=2)
rows(  # one addition for each element of the gradient
    """
    max_pool2d_backward max_pool2d_with_indices_backward max_pool3d_with_indices_backward adaptive_max_pool2d_backward
    adaptive_max_pool3d_backward fractional_max_pool2d_backward fractional_max_pool3d_backward mkldnn_max_pool2d_backward
    mkldnn_max_pool3d_backward
    """,
    {"grad_output": HALF, "self": IN},
    IN,
    64,
)
ADAPTIVE_2D = "_adaptive_avg_pool2d adaptive_max_pool2d adaptive_avg_pool2d mkldnn_adaptive_avg_pool2d"
rows(ADAPTIVE_2D, (1, 4, 8, 6), (1, 4, 3, 3), 36 * (3 * 2))  # windows of ⌈8 / 3⌉ · 6 / 3
rows("_adaptive_avg_pool3d adaptive_max_pool3d adaptive_avg_pool3d", (1, 4, 8, 6, 6), (1, 4, 2, 2, 3), 48 * (4 * 3 * 2))
rows("adaptive_avg_pool1d adaptive_max_pool1d", (1, 4, 8), (1, 4, 2), 8 * 4)
rows("adaptive_avg_pool1d adaptive_max_pool1d", (1, 4, 8), (1, 4, 1), 4 * 8)
rows("adaptive_avg_pool1d adaptive_max_pool1d", (1, 4, 8), (1, 4, 0), 0)
rows(
    "_adaptive_avg_pool2d_backward mkldnn_adaptive_avg_pool2d_backward",
    {"grad_output": (1, 4, 2, 3), "self": (1, 4, 8, 6)},
    (1, 4, 8, 6),
    24 * (4 * 2 + 1),
)
rows(
    "_adaptive_avg_pool3d_backward adaptive_avg_pool3d_backward",
    {"grad_output": (1, 4, 2, 2, 3), "self": (1, 4, 8, 6, 6)},
    (1, 4, 8, 6, 6),
    48 * (4 * 3 * 2 + 1),
)

UP = (1, 4, 16, 16)
rows("upsample_linear1d", (1, 4, 8), (1, 4, 16), 64 * 3)  # 2 products, 1 sum
rows("upsample_bilinear2d", IN, UP, 1024 * 7)  # 4 products, 3 sums
rows("upsample_trilinear3d", IN, UP, 1024 * 15)  # 8 products, 7 sums
rows("upsample_bicubic2d", IN, UP, 1024 * 31)  # 16 products, 15 sums
rows("upsample_linear1d_backward", UP, IN, 1024 * 2 * 2)  # weighted and added to each tap
rows("upsample_bilinear2d_backward", UP, IN, 1024 * 2 * 4)
rows("upsample_trilinear3d_backward", UP, IN, 1024 * 2 * 8)
rows("upsample_bicubic2d_backward", UP, IN, 1024 * 2 * 16)
rows(
    """
    upsample_nearest1d_backward upsample_nearest2d_backward upsample_nearest3d_backward
    _upsample_nearest_exact1d_backward _upsample_nearest_exact2d_backward _upsample_nearest_exact3d_backward
    """,
    UP,
    IN,
    1024,
)
# Halving doubles the taps t; along the width 8 · 4 sums of 2 · t products, then 4 · 4: 2 · (2 · t) − 1 each
DOWN, PICTURE = (1, 1, 4, 4), (1, 1, 8, 8)
for _filter, _taps in {"bilinear": 2, "bicubic": 4, "lanczos": 6}.items():
    rows(f"_upsample_{_filter}2d_aa", PICTURE, DOWN, (8 * 4 + 4 * 4) * (2 * 2 * _taps - 1))
    rows(f"_upsample_{_filter}2d_aa_backward", DOWN, PICTURE, (8 * 4 + 4 * 4) * (2 * 2 * _taps - 1))
    # Enlarging to 16 × 16 leaves t taps: 8 · 16 + 16 · 16 sums of t products
    rows(f"_upsample_{_filter}2d_aa", PICTURE, (1, 1, 16, 16), (8 * 16 + 16 * 16) * (2 * _taps - 1))

# 100 results, 25 points of 2 coordinates: scale, shift, floor, two distances; 4 (bicubic 16) weights, a product each
SAMPLED: dict[str, Shape] = {"input": IN, "grid": (1, 5, 5, 2)}
SAMPLERS = "grid_sampler_2d cudnn_grid_sampler _grid_sampler_2d_cpu_fallback"
rows(SAMPLERS, SAMPLED, (1, 4, 5, 5), 100 * 7 + 25 * (10 + 4))
rows(SAMPLERS, SAMPLED, (1, 4, 5, 5), 25 * 6, interpolation_mode=1)  # scale, shift, round
rows(SAMPLERS, SAMPLED, (1, 4, 5, 5), 100 * 31 + 25 * (10 + 16), interpolation_mode=2)
CUBE: dict[str, Shape] = {"input": (1, 4, 8, 8, 8), "grid": (1, 5, 5, 5, 3)}
rows("grid_sampler_3d", CUBE, (1, 4, 5, 5, 5), 500 * 15 + 125 * (15 + 8 * 2))
SAMPLED_BACK: dict[str, Shape] = {"grad_output": (1, 4, 5, 5), "input": IN, "grid": (1, 5, 5, 2)}
SAMPLERS_BACK = "grid_sampler_2d_backward cudnn_grid_sampler_backward _grid_sampler_2d_cpu_fallback_backward"
# For each of 100 elements and 4 taps: 2 to the input, and 3 to each of 2 coordinates
rows(SAMPLERS_BACK, SAMPLED_BACK, IN, 100 * 4 * (2 + 6) + 25 * 14)
rows(SAMPLERS_BACK, SAMPLED_BACK, IN, 100 * 4 * 2 + 25 * 14, output_mask=(True, False))
rows(SAMPLERS_BACK, SAMPLED_BACK, IN, 100 + 25 * 6, interpolation_mode=1)
rows(SAMPLERS_BACK, SAMPLED_BACK, IN, 100 * 16 * (2 + 6) + 25 * (10 + 16), interpolation_mode=2)
rows("grid_sampler_3d_backward", {"grad_output": (1, 4, 5, 5, 5), **CUBE}, IN, 500 * 8 * (2 + 9) + 125 * (15 + 8 * 2))
# θ is 2 × 3, so each of 50 coordinates is a product of 3
rows("affine_grid_generator cudnn_affine_grid_generator", {"theta": (1, 2, 3)}, (1, 5, 5, 2), Cost(2 * 3 * 50))
rows("cudnn_affine_grid_generator_backward", {"grad": (1, 5, 5, 2)}, (1, 2, 3), Cost(2 * 3 * 50))


# Reductions, scans, scatters: for each element that is read -----------------------------------------------------------

rows(
    """
    sum mean prod amax amin max min argmax argmin all any _is_all_true _is_any_true count_nonzero equal bincount nonzero
    nonzero_static nonzero_numpy argwhere masked_select trace cumsum cumprod cummax cummin _cummax_helper _cummin_helper
    segment_reduce _sparse_sum _nested_tensor_from_mask_left_aligned _segment_reduce_backward col2im unfold_backward
    reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward replication_pad1d_backward
    replication_pad2d_backward replication_pad3d_backward
    """,
    X,
    (2,),
    1 * N,
)
rows("nansum nanmean", X, (2,), 2 * N)  # is it NaN; add
rows("aminmax _aminmax", X, (2,), 2 * N)  # two comparisons
rows("norm native_norm linalg_vector_norm linalg__powsum frobenius_norm", X, (2,), 2 * N)  # power; add
rows("dist", X, (), 3 * N)  # subtract; power; add
rows("histc", X, (5,), 3 * N)  # subtract; scale; count
rows("var std var_mean std_mean", X, (2,), 4 * N)  # sum; subtract, square, sum
rows("logsumexp special_logsumexp", X, (2,), 4 * N)  # maximum; subtract, exp, add
rows("logcumsumexp _logcumsumexp", X, X, 7 * N)  # logaddexp
SCATTERED: dict[str, Shape] = {"self": X, "index": (2, 3, 4), "src": (2, 3, 4)}
ACCUMULATES = "scatter_add scatter_reduce index_add index_reduce"
rows(ACCUMULATES, SCATTERED, X, 24)
rows(ACCUMULATES, {"self": X, "index": (3,), "source": (2, 3, 4)}, X, 2 * 24, alpha=2)
rows("scatter", SCATTERED, X, 0)
rows("scatter", SCATTERED, X, 24, reduce="add")
PUT: dict[str, Shape] = {"self": X, "indices.0": (4,), "values": (4, 3, 8)}
rows("index_put _index_put_impl _unsafe_index_put put", PUT, X, 0)
rows("index_put _index_put_impl _unsafe_index_put put", PUT, X, 96, accumulate=True)
rows("_unsafe_masked_index", {"self": X, "mask": (5,), "indices.0": (5,)}, (5, 8), 40)  # a selection
rows("_unsafe_masked_index_put_accumulate", PUT, X, 2 * 96)  # a selection; add


# Sorting and searching: comparisons -----------------------------------------------------------------------------------

rows("sort argsort msort kthvalue mode median nanmedian", X, X, 3 * N, dim=-1)  # ⌈log₂ 8⌉ rounds
rows("sort argsort msort kthvalue mode median nanmedian", X, X, 2 * N, dim=1)  # ⌈log₂ 3⌉
rows("sort", X, X, 3 * N)
rows("median nanmedian", X, (), 6 * N)  # of all 48: ⌈log₂ 48⌉
rows("sort", (), (), 0)
rows("topk", X, (2, 3, 4), 2 * N, k=4)  # a heap of 4
rows("topk", X, (2, 3, 1), 1 * N, k=1)
rows("topk", X, (2, 3, 1), 1 * N)
rows("_unique _unique2 unique_dim unique_consecutive unique_dim_consecutive", X, (9,), (6 + 1) * N)  # sort; neighbours
rows("searchsorted", {"sorted_sequence": (8,), "self": X}, X, 4 * N)  # 9 gaps beside and between 8 boundaries
rows("bucketize", {"self": X, "boundaries": (7,)}, X, 3 * N)  # 8 gaps
rows("isin", {"elements": X, "test_elements": (5,)}, X, N + (N + 5) * 3)  # sort 5; search, compare
rows("isin", {"elements": X}, X, N)


# Losses: the formula for each element, and 1 to add it up -------------------------------------------------------------

LOSS: dict[str, Shape] = {"self": X, "target": X}
rows("binary_cross_entropy", LOSS, (), (8 + 1) * N)  # two log, two 1 − ·, two products, sum, negate
rows(
    "binary_cross_entropy_with_logits", LOSS, (), (8 + 1) * N
)  # 1 − y, · x; −x, max; |x|, exp, log1p; two sums; −x again
rows("huber_loss smooth_l1_loss", LOSS, (), (7 + 1) * N)  # x − y; |d|; compare; square, half; two of the other branch
rows("mse_loss", LOSS, (), (2 + 1) * N)  # subtract; square
rows("mse_loss", LOSS, X, 2 * N, reduction=0)
rows("mse_loss", LOSS, X, 3 * N, reduction=1)
rows("multi_margin_loss", LOSS, (), (4 + 1) * N)  # subtract; add; max; power
rows("multilabel_margin_loss_forward", LOSS, (), (3 + 1) * N)  # subtract; subtract; max
rows("soft_margin_loss", LOSS, (), (4 + 1) * N)  # product; negate; exp; log1p
rows("binary_cross_entropy_backward", LOSS, X, 5 * N)  # x − y; times dy; 1 − x; times x; divide
rows("huber_loss_backward smooth_l1_loss_backward", LOSS, X, 5 * N)  # x − y; |d|; compare; the other; times dy
rows("mse_loss_backward", LOSS, X, 3 * N)  # x − y; times 2; times dy
rows("multi_margin_loss_backward", LOSS, X, 4 * N)
rows("multilabel_margin_loss_backward", LOSS, X, 3 * N)
rows("soft_margin_loss_backward", LOSS, X, 6 * N)  # y · x; exp; add 1; divide; times dy; negate
NLL = "nll_loss_forward nll_loss2d_forward nll_loss nll_loss2d"
rows(NLL, {"self": (9, 4), "target": (9,)}, (), 2 * 9)  # negate; add
rows(NLL, {"self": (9, 4), "target": (9,), "weight": (4,)}, (), 4 * 9)  # times a weight; add the weights
rows("nll_loss_backward nll_loss2d_backward", {"grad": (), "self": (9, 4), "target": (9,)}, (9, 4), 9)
rows(
    "nll_loss_backward nll_loss2d_backward",
    {"grad": (), "self": (9, 4), "target": (9,), "weight": (4,)},
    (9, 4),
    2 * 9,
)
# 10 steps; targets of 3 and 3 labels have 2 · 3 + 1 states each; a state is 13
CTC: dict[str, Shape] = {"log_probs": (10, 2, 5), "targets": (2, 3), "input_lengths": (2,), "target_lengths": (2,)}
rows("_ctc_loss _cudnn_ctc_loss", CTC, (2,), 13 * 10 * (7 + 7))
rows("_ctc_loss_backward", {"grad": (2,), **CTC}, (10, 2, 5), 21 * 10 * (7 + 7) + 6 * 100)


# Embeddings and random numbers ----------------------------------------------------------------------------------------

BAG: dict[str, Shape] = {"weight": (10, 6), "indices": (8,), "offsets": (2,)}
BAGS = "_embedding_bag _embedding_bag_forward_only embedding_bag"
rows(BAGS, BAG, (2, 6), 8 * 6)
rows(BAGS, {**BAG, "per_sample_weights": (8,)}, (2, 6), 2 * 8 * 6)
rows("embedding_renorm", BAG, (10, 6), 3 * 8 * 6)  # square, sum, scale
rows("embedding_dense_backward embedding_backward", {"grad_output": (8, 6), "indices": (8,)}, (10, 6), 48)
rows("embedding_sparse_backward _embedding_bag_sparse_backward", {"grad": (8, 6), "indices": (8,)}, (8, 6), 0)
BAG_BACK: dict[str, Shape] = {"grad": (2, 6), "indices": (8,)}
rows("_embedding_bag_dense_backward _embedding_bag_backward", BAG_BACK, (10, 6), 8 * 6)
rows("_embedding_bag_dense_backward _embedding_bag_backward", BAG_BACK, (10, 6), 2 * 8 * 6, mode=1)  # a mean
rows("_embedding_bag_dense_backward _embedding_bag_backward", BAG_BACK, (10, 6), 8 * 6, mode=2)
rows("_embedding_bag_dense_backward", {**BAG_BACK, "per_sample_weights": (8,)}, (10, 6), 2 * 8 * 6)
rows(
    "_embedding_bag_per_sample_weights_backward",
    {"grad": (2, 6), "weight": (10, 6), "indices": (8,), "offsets": (2,)},
    (8,),
    2 * 8 * 6,
)
rows(
    """
    rand rand_like randn randn_like randint randint_like random randperm uniform normal log_normal normal_functional
    bernoulli binomial poisson exponential geometric cauchy multinomial
    _standard_gamma _sample_dirichlet _philox_normal _philox_uniform
    """,
    LAST,
    X,
    1 * N,  # one draw
)
rows("native_dropout _fused_dropout", X, X, 4 * N, train=True)  # draw, compare, mask, scale
rows("native_dropout _fused_dropout", X, X, 0, train=False)
rows("native_dropout_backward _masked_scale", X, X, 2 * N)  # mask, scale


# Recurrent layers: 21 tokens of width 5, 8 hidden elements, G gates, two biases of G · 8 ------------------------------

TOKENS, WEIGHTS = 21, 8 * (5 + 8)
# RNN: add, tanh; LSTM: 4 sums, 4 gates, f · c + i · g, o · tanh(c): 13; GRU: 2 sums, 2 gates, n 3, h 3: 10
CELLS = {"rnn": (1, 2), "lstm": (4, 13), "gru": (3, 10)}
RECURRENT = {
    kind: Cost(TOKENS * 2 * gates * WEIGHTS, TOKENS * (flops * 8 + 2 * gates * 8))
    for kind, (gates, flops) in CELLS.items()
}
# y · (1 − y) and the like in turn: RNN 3; LSTM 6 + 4 · 4 + 1 = 23; GRU 5 + 4 + 4 + 1 + 2 = 16
BACK = {"rnn": (1, 3), "lstm": (4, 23), "gru": (3, 16)}
STEP = {kind: Cost(cost.matrix // 7, cost.pointwise // 7) for kind, cost in RECURRENT.items()}  # one of 7 positions


def _weights(gates: int, name: str, first: int = 0) -> dict[str, Shape]:
    shapes: tuple[Shape, ...] = ((gates * 8, 5), (gates * 8, 8), (gates * 8,), (gates * 8,))
    return {f"{name}{place}": weight for place, weight in enumerate(shapes, first)}


SEQUENCE, HIDDEN = (7, 3, 5), (7, 3, 8)
for _ops, _kind in {"lstm": "lstm", "gru": "gru", "rnn_tanh rnn_relu": "rnn"}.items():
    rows(_ops, {"input": SEQUENCE, "hx": (1, 3, 8), **_weights(CELLS[_kind][0], "params.")}, HIDDEN, RECURRENT[_kind])
for _mode, _kind in {0: "rnn", 1: "rnn", 2: "lstm", 3: "gru"}.items():
    _gates, _flops = BACK[_kind]
    _listed = {"input": SEQUENCE, **_weights(_gates, "weight."), "hx": (1, 3, 8)}
    _named = {"input": SEQUENCE, **_weights(_gates, "weight"), "hx_": (3, 8)}
    _gradient = Cost(2 * RECURRENT[_kind].matrix, TOKENS * (_flops * 8 + 2 * _gates * 8))
    rows("_cudnn_rnn miopen_rnn", _listed, HIDDEN, RECURRENT[_kind], mode=_mode)
    rows("mkldnn_rnn_layer", _named, HIDDEN, RECURRENT[_kind], mode=_mode, has_biases=True)
    rows("_cudnn_rnn_backward miopen_rnn_backward", _listed, SEQUENCE, _gradient, mode=_mode)
    rows(
        "_cudnn_rnn_backward",
        _listed,
        SEQUENCE,
        Cost(RECURRENT[_kind].matrix, _gradient.pointwise),
        mode=_mode,
        output_mask=(True, True, True, False),
    )
    rows(
        "mkldnn_rnn_layer_backward",
        {"input": SEQUENCE, **_weights(_gates, "weight", 1), "hx_": (3, 8)},
        SEQUENCE,
        _gradient,
        mode=_mode,
        has_biases=True,
    )
rows(
    "mkldnn_rnn_layer",
    {"input": SEQUENCE, **_weights(4, "weight")},
    HIDDEN,
    Cost(RECURRENT["lstm"].matrix, 21 * 104),
    mode=2,
)
rows("_cudnn_rnn miopen_rnn mkldnn_rnn_layer _cudnn_rnn_backward miopen_rnn_backward", SEQUENCE, HIDDEN, None, mode=9)
rows("mkldnn_rnn_layer_backward", SEQUENCE, HIDDEN, None, mode=9)
rows(
    "mkldnn_rnn_layer_backward",
    {"input": SEQUENCE, "weight1": (32, 5), "weight2": (32, 8), "hx_": (3, 8)},
    SEQUENCE,
    Cost(2 * RECURRENT["lstm"].matrix, 21 * 23 * 8),
    mode=2,
)
rows("lstm_cell", {"input": (3, 5), "hx.0": (3, 8), "hx.1": (3, 8), **_weights(4, "w")}, (3, 8), STEP["lstm"])
rows("gru_cell", {"input": (3, 5), "hx": (3, 8), **_weights(3, "w")}, (3, 8), STEP["gru"])
rows("rnn_tanh_cell rnn_relu_cell", {"input": (3, 5), "hx": (3, 8), **_weights(1, "w")}, (3, 8), STEP["rnn"])
rows(  # the pointwise half, with two biases
    "_thnn_fused_lstm_cell",
    {"input_gates": (3, 32), "hidden_gates": (3, 32), "cx": (3, 8), "input_bias": (32,), "hidden_bias": (32,)},
    (3, 8),
    STEP["lstm"].pointwise if isinstance(STEP["lstm"].pointwise, int) else None,
)
rows("_thnn_fused_gru_cell", {"input_gates": (3, 24), "hidden_gates": (3, 24), "hx": (3, 8)}, (3, 8), 10 * 24)
FUSED_LSTM = "_thnn_fused_lstm_cell_backward _thnn_fused_lstm_cell_backward_impl"
rows(FUSED_LSTM, {"grad_hy": (3, 8), "cx": (3, 8)}, (3, 32), 23 * 24)
rows(FUSED_LSTM, {"grad_hy": (3, 8), "cx": (3, 8)}, (3, 32), (23 + 4) * 24, has_bias=True)
rows("_thnn_fused_gru_cell_backward", {"grad_hy": (3, 8), "workspace": (3, 40)}, (3, 24), 16 * 24)
rows("_thnn_fused_gru_cell_backward", {"grad_hy": (3, 8), "workspace": (3, 40)}, (3, 24), (16 + 6) * 24, has_bias=True)


# Transforms: 5 · N · log₂ N complex, half of it real ------------------------------------------------------------------

rows("_fft_c2c", (3, 64), (3, 64), 3 * 5 * 64 * 6, dim=(1,))
rows("_fft_c2c", (8, 8), (8, 8), 5 * 64 * 6 + 64, dim=(0, 1), normalization=1)
rows("_fft_r2c", (3, 64), (3, 33), 3 * 5 * 64 * 6 // 2, dim=(1,))
rows("_fft_c2r", (3, 33), (3, 64), 3 * 5 * 64 * 6 // 2, dim=(1,))
rows("_fft_c2c", (3, 0), (3, 0), 0, dim=(1,))
rows("_fft_c2c", (12,), (12,), math.ceil(5 * 12 * math.log2(12)), dim=(0,))
rows("bartlett_window blackman_window hamming_window hann_window kaiser_window", (), (9,), 4 * 9)
rows("fft_fftfreq fft_rfftfreq", (), (9,), 9)


# Linear algebra on five matrices: Golub and Van Loan's counts ----------------------------------------------------------

SQUARE, TALL = (5, 6, 6), (5, 9, 6)
SIDES: dict[str, Shape] = {"self": SQUARE, "B": (5, 6, 4)}
rows("linalg_cholesky_ex linalg_cholesky cholesky", SQUARE, SQUARE, 5 * (6**3 // 3))
LU = "linalg_lu_factor_ex linalg_lu_factor linalg_lu _linalg_det _linalg_slogdet"
rows(LU, SQUARE, SQUARE, 5 * (2 * 6**3 // 3))
rows(LU, TALL, TALL, 5 * (6**2 * (9 * 3 - 6) // 3))  # n² · (m − n / 3)
rows("linalg_inv_ex inverse linalg_inv", SQUARE, SQUARE, 5 * (2 * 6**3))
rows("cholesky_inverse", SQUARE, SQUARE, 5 * (2 * 6**3 // 3))
rows("_linalg_solve_ex linalg_solve_ex", SIDES, (5, 6, 4), 5 * (2 * 6**3 // 3 + 2 * 6**2 * 4))
rows("linalg_lu_solve cholesky_solve _cholesky_solve_helper", SIDES, (5, 6, 4), 5 * (2 * 6**2 * 4))
rows("linalg_solve_triangular triangular_solve", SIDES, (5, 6, 4), 5 * 6**2 * 4)
rows("linalg_solve_triangular", {"self": (5, 4, 4), "B": (5, 6, 4)}, (5, 6, 4), 5 * 4**2 * 6, left=False)
R = 5 * (2 * 6**2 * (9 * 3 - 6) // 3)  # 2 · n² · (m − n / 3)
rows("geqrf", TALL, TALL, R)
rows("linalg_qr", TALL, TALL, R, mode="r")
rows("linalg_qr", TALL, TALL, 2 * R)
rows("_linalg_eigh linalg_eigh", SQUARE, (5, 6), 5 * 9 * 6**3)
rows("_linalg_eigh linalg_eigh", SQUARE, (5, 6), 5 * (4 * 6**3 // 3), compute_v=False)
rows("linalg_eig", SQUARE, (5, 6), 5 * 25 * 6**3)
rows("_linalg_eigvals linalg_eigvals", SQUARE, (5, 6), 5 * 10 * 6**3)
for _matrices in (TALL, (5, 6, 9)):
    rows("_linalg_svd linalg_svd", _matrices, (5, 6), 5 * (14 * 9 * 6**2 + 8 * 6**3))
    rows("_linalg_svd linalg_svd", _matrices, (5, 6), 5 * (4 * 9 * 6**2 - 4 * 6**3 // 3), compute_uv=False)


# Optimisers: two parameters of 12 and 5 elements ----------------------------------------------------------------------

LISTED: dict[str, Shape] = {"self.0": (3, 4), "self.1": (5,)}
rows(
    """
    _foreach_abs _foreach_acos _foreach_asin _foreach_atan _foreach_ceil _foreach_clamp_max _foreach_clamp_min
    _foreach_cos _foreach_cosh _foreach_div _foreach_erf _foreach_erfc _foreach_exp _foreach_expm1 _foreach_floor
    _foreach_frac _foreach_lgamma _foreach_log _foreach_log10 _foreach_log1p _foreach_log2 _foreach_max _foreach_maximum
    _foreach_minimum _foreach_mul _foreach_neg _foreach_pow _foreach_reciprocal _foreach_round _foreach_rsqrt
    _foreach_sigmoid _foreach_sign _foreach_sin _foreach_sinh _foreach_sqrt _foreach_tan _foreach_tanh _foreach_trunc
    """,
    LISTED,
    (3, 4),
    17,
)
rows("_foreach_pow", {"exponent.0": (3, 4), "exponent.1": (5,)}, (3, 4), 17)
rows("_foreach_lerp", LISTED, (3, 4), 3 * 17)  # subtract; times the weight; add
rows("_foreach_norm _foreach_powsum", LISTED, (), 2 * 17)  # power; add
rows("_foreach_add _foreach_sub", LISTED, (3, 4), 17)
rows("_foreach_add _foreach_sub", LISTED, (3, 4), 2 * 17, alpha=3)
rows("_foreach_addcmul _foreach_addcdiv", LISTED, (3, 4), 2 * 17)
rows("_foreach_addcmul _foreach_addcdiv", LISTED, (3, 4), 3 * 17, value=0.5)
rows("_foreach_addcmul _foreach_addcdiv", {**LISTED, "scalars": (2,)}, (3, 4), 3 * 17)
rows(
    "_foreach_mm",
    {"self.0": A, "self.1": (2, 7), "mat2.0": W, "mat2.1": (7, 3)},
    [P, (2, 3)],
    Cost(PRODUCT + 2 * 2 * 7 * 3),
)
rows("_amp_foreach_non_finite_check_and_unscale", LISTED, (3, 4), 2 * 17)  # is it finite; scale
rows("_amp_update_scale", (), (), 2)  # compare; scale
# m: 3; v: 4; p: α · m, √v, / c, + ε, divide, subtract: 6
rows("_fused_adam _fused_adamw", LISTED, (3, 4), 13 * 17)
rows("_fused_adam", LISTED, (3, 4), 15 * 17, weight_decay=0.1)
rows("_fused_adamw", LISTED, (3, 4), 14 * 17, weight_decay=0.1)
rows("_fused_adam _fused_adamw", {**LISTED, "grad_scale": ()}, (3, 4), 16 * 17, amsgrad=True, maximize=True)
rows("_fused_sgd", LISTED, (3, 4), 2 * 17)  # α · g; subtract
rows("_fused_sgd", LISTED, (3, 4), 9 * 17, weight_decay=0.1, momentum=0.9, nesterov=True)  # decay 2, b 3, Nesterov's 2
rows("_fused_sgd", LISTED, (3, 4), 2 * 17, momentum=0.9, is_first_step=True)
rows("_fused_sgd", {**LISTED, "grad_scale": ()}, (3, 4), 4 * 17, maximize=True)
rows("_fused_adagrad", LISTED, (3, 4), 7 * 17)  # square, add; root, + ε, α · g, divide, subtract
rows("_fused_adagrad", {**LISTED, "grad_scale": ()}, (3, 4), 11 * 17, weight_decay=0.1, maximize=True)


# Quantisation: scale, round, shift, two bounds: 5; shift, scale back: 2 -----------------------------------------------

rows("quantize_per_tensor quantize_per_channel", X, X, 5 * N)
rows("quantize_per_tensor_dynamic", X, X, 7 * N)  # least and largest
rows("dequantize", X, X, 2 * N)
rows(  # there and back; inside the range: two comparisons
    """
    fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask
    _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
    """,
    X,
    X,
    9 * N,
)
rows("_fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_channel_affine", X, X, 7 * N)
rows("_fused_moving_avg_obs_fq_helper", X, X, 11 * N)  # 9, and least and largest
rows("_choose_qparams_per_tensor", X, (), 2 * N)  # least and largest
rows(
    "fake_quantize_per_tensor_affine_cachemask_backward fake_quantize_per_channel_affine_cachemask_backward",
    X,
    X,
    1 * N,
)
rows(  # there and back, inside or not: 9; of the scale 3 and its sum, of the zero point a sum
    "_fake_quantize_learnable_per_tensor_affine_backward _fake_quantize_learnable_per_channel_affine_backward",
    X,
    X,
    14 * N,
)
rows("add mul", LAST, X, 10 * N, library="quantized")  # both back, computed, and quantised: 4 + 1 + 5
rows("add_relu mul_relu", LAST, X, 11 * N, library="quantized")
rows("add_scalar mul_scalar", LAST, X, 8 * N, library="quantized")
rows("leaky_relu hardswish elu celu sigmoid prelu", LAST, X, 9 * N, library="quantized")
rows("batch_norm batch_norm1d batch_norm2d batch_norm3d", LAST, X, 7 * N, library="quantized")  # x · α + β; quantised
rows("batch_norm_relu batch_norm2d_relu batch_norm3d_relu", LAST, X, 8 * N, library="quantized")
rows("linear", A, P, Cost(0, 6 * 15, PRODUCT), library="quantized")  # bias; quantised
rows("linear_relu linear_leaky_relu linear_tanh", A, P, Cost(0, 7 * 15, PRODUCT), library="quantized")
rows("linear_dynamic", A, P, Cost(0, 7 * 12 + 3 * 15, PRODUCT), library="quantized")  # range, quantised; bias, back
rows("linear_relu_dynamic", A, P, Cost(0, 7 * 12 + 4 * 15, PRODUCT), library="quantized")
rows("linear_dynamic_fp16", A, P, Cost(PRODUCT, 15), library="quantized")
rows("linear_relu_dynamic_fp16", A, P, Cost(PRODUCT, 2 * 15), library="quantized")
PACKED_WEIGHT = {"packed": FILTERS}
rows("conv1d conv2d conv3d", IMAGE, MAP, Cost(0, 6 * 588, CONVOLVED), library="quantized", packed_weight=PACKED_WEIGHT)
rows(
    "conv1d_relu conv2d_relu conv3d_relu",
    IMAGE,
    MAP,
    Cost(0, 7 * 588, CONVOLVED),
    library="quantized",
    packed_weight=PACKED_WEIGHT,
)
rows("conv2d_add", IMAGE, MAP, Cost(0, 9 * 588, CONVOLVED), library="quantized", packed_weight=PACKED_WEIGHT)
rows("conv2d_add_relu", IMAGE, MAP, Cost(0, 10 * 588, CONVOLVED), library="quantized", packed_weight=PACKED_WEIGHT)
rows(
    "conv_transpose1d conv_transpose2d conv_transpose3d",
    SMALL,
    LARGE,
    Cost(0, 6 * 600, TRANSPOSED),
    library="quantized",
    packed_weight={"packed": SPREAD},
)
rows("conv2d", IMAGE, MAP, None, library="quantized", packed_weight="ScriptObject")
# Two layers in two directions of 8: 4 runs; the first two read 5, the last two 16. For each of 21 tokens and G gates of
# 8: (5 + 8) · 2 + (16 + 8) · 2 weights; every run quantises with its range (7) and back (2) around each gate
QUANTISED_RNN: dict[str, Shape] = {"input": SEQUENCE, "hx": (4, 3, 8)}
rows(
    "quantized_lstm",
    QUANTISED_RNN,
    (7, 3, 16),
    Cost(0, 21 * 4 * 8 * (13 + 9 * 4), 2 * 21 * 4 * 8 * (2 * 13 + 2 * 24)),
    bidirectional=True,
)
rows("quantized_gru", {"input": SEQUENCE, "hx": (1, 3, 8)}, HIDDEN, Cost(0, 21 * 8 * (10 + 9 * 3), 2 * 21 * 3 * 8 * 13))


# torchvision ----------------------------------------------------------------------------------------------------------

DEFORMED: dict[str, Shape] = {
    "input": (1, 4, 6, 6),
    "weight": (8, 4, 3, 3),
    "offset": (1, 18, 4, 4),
    "mask": (1, 9, 4, 4),
    "bias": (8,),
}
DEFORM = 2 * 8 * 16 * 4 * 9
# 16 positions, 9 taps: 4 channels sampled at 7, with a mask 8; points at 14; the bias for 8 channels
rows(
    "deform_conv2d",
    DEFORMED,
    (1, 8, 4, 4),
    Cost(DEFORM, 576 * 8 + 144 * 14 + 128),
    library="torchvision",
    use_mask=True,
)
rows(
    "deform_conv2d",
    DEFORMED,
    (1, 8, 4, 4),
    Cost(DEFORM, 576 * 7 + 144 * 14 + 128),
    library="torchvision",
    use_mask=False,
)
rows("deform_conv2d", DEFORMED, (1, 8, 4, 4), Cost(DEFORM, 576 * 8 + 144 * 14 + 128), library="torchvision")
# A sample again 7; its gradient to 4 taps 8; to both coordinates 4 taps of 3: 24; with a mask 3; the bias
DEFORMED_BACK: dict[str, Shape] = {"grad": (1, 8, 4, 4), **DEFORMED}
rows("_deform_conv2d_backward", DEFORMED_BACK, (1, 4, 6, 6), Cost(2 * DEFORM, 576 * 42 + 128), library="torchvision")
rows(
    "_deform_conv2d_backward",
    DEFORMED_BACK,
    (1, 4, 6, 6),
    Cost(2 * DEFORM, 576 * 39 + 128),
    library="torchvision",
    use_mask=False,
)
ROIS: dict[str, Shape] = {"input": (1, 4, 6, 6), "rois": (5, 5)}
# 3² samples of 7, added up, for each of 5 · 4 · 2 · 2 results
rows("roi_align ps_roi_align", ROIS, (5, 4, 2, 2), 80 * 9 * 8, library="torchvision", sampling_ratio=3)
rows("roi_align ps_roi_align", ROIS, (5, 4, 2, 2), 80 * 8, library="torchvision", sampling_ratio=1)
rows("roi_align ps_roi_align", ROIS, (5, 4, 2, 2), None, library="torchvision", sampling_ratio=0)
ROIS_BACK = "_roi_align_backward _ps_roi_align_backward"
rows(ROIS_BACK, (5, 4, 2, 2), (1, 4, 6, 6), 80 * 9 * 4 * 2, library="torchvision", sampling_ratio=3)  # weight, add
rows(ROIS_BACK, (5, 4, 2, 2), (1, 4, 6, 6), 80 * 4 * 2, library="torchvision", sampling_ratio=1)
rows(ROIS_BACK, (5, 4, 2, 2), (1, 4, 6, 6), None, library="torchvision", sampling_ratio=0)
rows("_roi_pool_backward _ps_roi_pool_backward", (5, 4, 2, 2), (1, 4, 6, 6), 80, library="torchvision")
rows("nms", {"dets": (7, 4), "scores": (7,)}, (3,), 12 * 7 * 6 // 2, library="torchvision")  # 21 pairs


# ONNX -----------------------------------------------------------------------------------------------------------------

rows("ReduceSumSquare", X, (2,), 2 * N, library="onnx")  # square; add
rows("ReduceLogSum", X, (2,), 1 * N, library="onnx")
rows("LpNormalization", X, X, 3 * N, library="onnx")  # power; add; divide
rows("MeanVarianceNormalization", X, X, 5 * N, library="onnx")
for _library in ("onnx", "com.microsoft"):
    rows("RotaryEmbedding", X, X, 3 * N, library=_library)  # x · cos; x turned · sin; add
for _op, (_kind, _gates) in {"RNN": ("rnn", 1), "GRU": ("gru", 3), "LSTM": ("lstm", 4)}.items():
    _operands: dict[str, Shape] = {"X": SEQUENCE, "W": (1, _gates * 8, 5), "R": (1, _gates * 8, 8)}
    rows(_op, {**_operands, "B": (1, 2 * _gates * 8)}, HIDDEN, RECURRENT[_kind], library="onnx")
    rows(_op, _operands, HIDDEN, Cost(RECURRENT[_kind].matrix, 21 * 8 * CELLS[_kind][1]), library="onnx")
    rows(_op, {"X": SEQUENCE}, HIDDEN, None, library="onnx")
rows("LRN", X, X, (1 + 5 + 4) * N, library="onnx", size=5)  # square; 5 additions; scale, bias, power, divide
rows("LRN", X, X, None, library="onnx")
rows("Einsum", {"0": A, "1": W}, P, Cost(PRODUCT), library="onnx", equation="ij,jk->ik")
rows("Einsum", {"0": A, "1": W}, (3, 4, 5), 60, library="onnx", equation="ij,jk->ijk")  # nothing is summed
rows("Einsum", A, (3,), 12, library="onnx", equation="ij->i")
rows("Einsum", A, (4, 3), 0, library="onnx", equation="ij->ji")
rows(
    "Einsum",
    {"0": A, "1": W, "2": (5, 7)},
    (3, 7),
    Cost(PRODUCT + 2 * 3 * 5 * 7),
    library="onnx",
    equation="ij,jk,kl->il",
)
rows(  # i j k meet; l comes, k and l go; m comes, j goes
    "Einsum",
    {"0": A, "1": W, "2": (5, 7), "3": (4, 2)},
    (3, 2),
    Cost(2 * 3 * 4 * 5 * 7 + 2 * 3 * 4 * 2, 3 * 4 * 5),
    library="onnx",
    equation="ij, jk, kl, jm -> im",
)
for _equation in ("...j->j", "ij", "ij,jk->ik", "ijk->k"):
    rows("Einsum", A, (4,), None, library="onnx", equation=_equation)


# Free: names and shapes of memory, allocation, copies, moves; no element is computed ----------------------------------

rows(
    """
    alias as_strided broadcast_to chunk conj detach diagonal expand expand_as flatten imag lift lift_fresh mH mT movedim
    narrow numpy_T permute real reshape reshape_as resolve_conj resolve_neg select slice slice_inverse split
    split_with_sizes squeeze swapaxes swapdims t tensor_split transpose unbind unflatten unfold unsafe_chunk
    unsafe_split unsafe_split_with_sizes unsqueeze view view_as view_as_complex view_as_real
    _conj _mkldnn_reshape _mkldnn_transpose _neg_view _reshape_alias _reshape_from_tensor _unsafe_view
    _nested_get_jagged_dummy _nested_get_lengths _nested_get_offsets _nested_get_ragged_idx _nested_get_values
    _nested_get_max_seqlen _nested_get_min_seqlen _nested_view_from_buffer _nested_view_from_jagged
    positive contiguous indices values _indices _values crow_indices col_indices ccol_indices row_indices

    _assert_async _assert_scalar _assert_tensor_metadata _debug_has_internal_overlap _functional_assert_async
    _functional_assert_scalar _fused_sdp_choice _has_compatible_shallow_copy_type _is_zerotensor _linalg_check_errors
    _local_scalar_dense _nested_tensor_size _nested_tensor_storage_offsets _nested_tensor_strides _shape_as_tensor
    _use_cudnn_ctc_loss _use_cudnn_rnn_flatten_weight _version dense_dim dim device get_device is_coalesced is_complex
    is_contiguous is_floating_point is_inference is_non_overlapping_and_dense is_pinned is_same_size is_set_to is_signed
    is_strides_like_format item numel output_nr q_per_channel_axis q_scale q_zero_point qscheme record_stream
    result_type size sparse_dim storage_offset stride sym_constrain_range sym_constrain_range_for_size
    sym_is_contiguous sym_numel sym_size sym_storage_offset sym_stride

    arange empty empty_like empty_permuted empty_quantized empty_strided eye fill fill_diagonal_ full full_like linspace
    logspace new_empty new_empty_strided new_full new_ones new_zeros ones ones_like range resize resize_as scalar_tensor
    set set_data tril_indices triu_indices zero zeros zeros_like
    _cudnn_init_dropout_state _efficientzerotensor _empty_affine_quantized _new_zeros_with_same_feature_meta
    _resize_output _resize_output_ _foreach_zero

    _autocast_to_full_precision _autocast_to_reduced_precision _cast_Byte _cast_Char _cast_Double _cast_Float
    _cast_Half _cast_Int _cast_Long _cast_Short _chunk_cat _copy_from _copy_from_and_resize _cudnn_rnn_flatten_weight
    _foreach_clone _foreach_copy _lazy_clone _pin_memory _reshape_copy _stack _to_copy _to_cpu _to_dense
    _convert_weight_to_int4pack _convert_weight_to_int4pack_for_cpu _dyn_quant_pack_4bit_weight
    _wrapped_linear_prepack fbgemm_pack_gemm_matrix_fp16 fbgemm_pack_quantized_matrix
    alias_copy as_strided_copy block_diag cat clone complex concat concatenate copy detach_copy diag diag_embed
    diagonal_copy expand_copy lift_fresh_copy mkldnn_reorder_conv2d_weight mkldnn_reorder_conv3d_weight narrow_copy
    permute_copy pin_memory select_copy slice_copy split_copy split_with_sizes_copy squeeze_copy stack t_copy to
    to_dense to_mkldnn to_padded_tensor transpose_copy unbind_copy unfold_copy unsqueeze_copy view_as_complex_copy
    view_as_real_copy view_copy int_repr lu_unpack _reshape_alias_copy
    indices_copy values_copy _indices_copy _values_copy crow_indices_copy col_indices_copy ccol_indices_copy
    row_indices_copy

    _jagged_to_padded_dense_forward _nested_from_padded
    _nested_from_padded_and_nested_example _nested_tensor_from_mask _nested_tensor_from_tensor_list
    _pack_padded_sequence _padded_dense_to_jagged_forward _unsafe_index as_strided_scatter channel_shuffle
    constant_pad_nd diagonal_scatter embedding flip gather im2col index index_copy index_fill index_select
    max_unpool2d max_unpool3d native_channel_shuffle pixel_shuffle pixel_unshuffle reflection_pad1d reflection_pad2d
    reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d replication_pad3d roll rot90
    select_backward select_scatter slice_backward slice_scatter diagonal_backward trace_backward
    value_selecting_reduction_backward _gather_sparse_backward to_dense_backward to_mkldnn_backward
    _nested_select_backward _nested_sum_backward _pack_padded_sequence_backward take tril triu
    upsample_nearest1d upsample_nearest2d upsample_nearest3d
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d
    """,
    X,
    X,
    0,
)
rows("device layout", X, X, 0, library="prim")


# The tests ------------------------------------------------------------------------------------------------------------


def test_every_operator_with_a_rule_has_a_row() -> None:
    sampled = {row.op for row in ROWS}
    assert sampled - set(flops_rules) == set(), "rows without a rule"
    assert set(flops_rules) - sampled == set(), "rules without a row"


@pytest.mark.parametrize("family", sorted({row.op.partition(".")[0] for row in ROWS}))
def test_the_cost_is_what_the_mathematics_says(family: str) -> None:
    """One test a library: a thousand kernels of microseconds each."""
    wrong = []
    for row in ROWS:
        if row.op.partition(".")[0] == family:
            rule = flops_rules.find(row.op)
            assert rule is not None, row.op
            counted = rule(row.kernel())
            if counted != row.cost:
                wrong.append(f"{row.op} {dict(row.attributes)}: {counted} where {row.cost} is expected")
    assert not wrong, "\n".join(wrong)


# Pairs under a causal mask: query i meets the keys up to i ------------------------------------------------------------


_POSITIONS_FIRST = {
    f"aten.{library}_attention_{way}"
    for library in ("_flash", "_efficient", "_cudnn")
    for way in ("forward", "backward")
}


def _attention_row(op: str, queries: int, keys: int, **attributes: Attribute) -> Row:
    """Return attention with 2 batches of 8 heads, keys of width 16 and values of width 4."""
    extents = {"grad_out": (queries, 4), "query": (queries, 16), "key": (keys, 16), "value": (keys, 4)}
    shapes: dict[str, Shape] = {
        name: (2, length, 8, width) if op in _POSITIONS_FIRST else (2, 8, length, width)
        for name, (length, width) in extents.items()
    }
    output = shapes["query"] if "_backward" in op else shapes.pop("grad_out")
    return Row(op, shapes, (output,), attributes or {"is_causal": True}, None)


@pytest.mark.parametrize(("queries", "keys"), [(10, 12), (12, 10), (7, 7)])
@pytest.mark.parametrize("op", sorted(causal_rules))
def test_causal_attention_counts_the_pairs_that_the_mask_leaves(op: str, queries: int, keys: int) -> None:
    """The pairs are listed; flash attention's own kernels align the last query with the last key, all others the first."""
    rule = causal_rules.find(op)
    assert rule is not None
    each = 2 * (3 * 16 + 2 * 4) if "_backward" in op else 2 * (16 + 4)
    shift = keys - queries if op.startswith("aten._flash_attention") else 0
    for attributes, alignment in [({}, shift), ({"custom_mask_type": 1}, 0), ({"custom_mask_type": 2}, keys - queries)]:
        cost = rule(_attention_row(op, queries, keys, **attributes).kernel())
        pairs = sum(1 for i in range(queries) for j in range(keys) if j <= i + alignment)
        assert cost is not None
        assert cost.matrix == 2 * 8 * pairs * each
    for unmasked in (0, 3, "causal"):
        cost = rule(_attention_row(op, queries, keys, custom_mask_type=unmasked).kernel())
        assert cost is not None
        assert cost.matrix == 2 * 8 * queries * keys * each


def test_a_count_in_symbols_is_the_count_at_their_sizes() -> None:
    """Every extent as a symbol of its own: with the numbers put back, a formula gives the count of the numbers."""
    wrong = []
    for row in ROWS:
        symbols: dict[Dim, sympy.Symbol] = {}
        rule = flops_rules.find(row.op)
        assert rule is not None, row.op
        formula = rule(_symbolic(row, symbols).kernel())
        sizes = {symbol: size for size, symbol in symbols.items()}
        counts = None if formula is None else _at(formula, sizes)
        if counts != row.cost:
            wrong.append(f"{row.op} {dict(row.attributes)}: {counts} from {formula} where {row.cost} is expected")
    assert not wrong, "\n".join(wrong)


def test_further_operands_and_results_change_nothing() -> None:
    """A kernel may also read scales, lengths or a seed, and return statistics, indices or a reserved space."""
    further: Shape = (7, 7, 7)
    lists = {"aten._foreach_mm", "aten.isin", "onnx.Einsum"}  # of which every operand or result counts
    wrong = []
    for row in ROWS:
        rule = flops_rules.find(row.op)
        assert rule is not None, row.op
        inputs = {**row.inputs, "further": further} if len(row.inputs) == 1 else row.inputs
        outputs = (*row.outputs, further) if len(row.outputs) == 1 else row.outputs
        if row.op not in lists and rule(replace(row, inputs=inputs, outputs=outputs).kernel()) != row.cost:
            wrong.append(f"{row.op} {dict(row.attributes)}")
    assert not wrong


@pytest.mark.parametrize("op", sorted(causal_rules))
def test_causal_pairs_in_symbols_are_the_pairs_at_their_sizes(op: str) -> None:
    rule = causal_rules.find(op)
    assert rule is not None
    for queries, keys in [(10, 12), (12, 10)]:
        row = _attention_row(op, queries, keys)
        symbols: dict[Dim, sympy.Symbol] = {}
        formula, count = rule(_symbolic(row, symbols).kernel()), rule(row.kernel())
        assert formula is not None
        assert _at(formula, {symbol: size for size, symbol in symbols.items()}) == count


def _symbolic(row: Row, symbols: dict[Dim, sympy.Symbol]) -> Row:
    """Return the row with a symbol for every extent from 2 on, the same one for equal extents."""

    def symbol(extent: Dim) -> Dim:
        if extent in (0, 1):
            return extent
        return symbols.setdefault(extent, sympy.Symbol(f"s{extent}", integer=True, positive=True))

    def shape(extents: Shape) -> Shape:
        return tuple(map(symbol, extents))

    inputs = {name: shape(extents) for name, extents in row.inputs.items()}
    return Row(row.op, inputs, tuple(map(shape, row.outputs)), row.attributes, row.cost)


def _at(cost: Cost, sizes: Mapping[sympy.Symbol, Dim]) -> Cost:
    return Cost(*(int(sympy.sympify(column).subs(sizes)) for column in (cost.matrix, cost.pointwise, cost.ops)))
