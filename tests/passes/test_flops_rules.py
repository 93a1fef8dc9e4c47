"""What each rule says of hand-made kernels; the derivation stands beside the number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import pytest
import sympy

from fxviz.ir import Attribute, Dim, Kernel, TensorType, Value
from fxviz.passes.flops import flops_rules
from fxviz.passes.operators import FREE_OPS
from fxviz.passes.rules.cost import FREE, Cost, ceil_log2

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape: TypeAlias = "tuple[Dim, ...]"

B, S = sympy.symbols("B S", integer=True, positive=True)


def cost(op: str, inputs: Mapping[str, Shape], out: Shape, **attributes: Attribute) -> Cost | None:
    """What a kernel of ``op`` costs, from the shapes of its inputs by argument name and of its output."""
    rule = flops_rules.find(op)
    assert rule is not None, f"no rule for {op}"
    values = [Value(name, TensorType(shape, "float32")) for name, shape in inputs.items()]
    result = Value("out", TensorType(out, "float32"))
    return rule(Kernel(op, tuple(values), (result,), tuple(inputs), attributes))


def test_costs_add_up_and_repeat() -> None:
    assert Cost(8, 1) + Cost(2, 3) * 2 == Cost(12, 7)
    assert Cost(8, 1).total == 9
    assert Cost() == FREE
    assert (Cost(B) + Cost(2 * B)).matrix == 3 * B


@pytest.mark.parametrize("extent", [*range(1, 70), 10**6])
def test_a_logarithm_of_a_size_is_that_of_a_symbol(extent: int) -> None:
    assert ceil_log2(extent) == math.ceil(math.log2(extent)) == ceil_log2(S).subs(S, extent)


class TestMatmul:
    @pytest.mark.parametrize(
        ("op", "a", "b", "out", "matrix"),
        [
            ("aten.mm.default", (3, 4), (4, 5), (3, 5), 2 * 3 * 4 * 5),
            ("aten._int_mm.default", (3, 4), (4, 5), (3, 5), 2 * 3 * 4 * 5),
            ("aten.bmm.default", (2, 3, 4), (2, 4, 5), (2, 3, 5), 2 * 2 * 3 * 4 * 5),
            ("aten.matmul.default", (7, 1, 3, 4), (2, 4, 5), (7, 2, 3, 5), 14 * 2 * 3 * 4 * 5),
            ("aten.mv.default", (3, 4), (4,), (3,), 2 * 3 * 4),
            ("aten.dot.default", (4,), (4,), (), 2 * 4),
            ("aten._weight_int8pack_mm.default", (3, 4), (5, 4), (3, 5), 2 * 3 * 4 * 5),
        ],
    )
    def test_products(self, op: str, a: Shape, b: Shape, out: Shape, matrix: int) -> None:
        assert cost(op, {"self": a, "mat2": b}, out) == Cost(matrix)

    def test_a_product_of_what_is_quantised_on_the_way(self) -> None:
        # 4 for each element of x, and both scales for each of the output; the product is of integers
        tensors = {"inp": (3, 4), "packed_weights": (99,)}
        got = cost("aten._dyn_quant_matmul_4bit.default", tensors, (3, 5))
        assert got == Cost(0, 4 * 12 + 2 * 15, ops=2 * 3 * 5 * 4)

    def test_a_sum_is_pointwise_and_so_is_a_factor(self) -> None:
        tensors = {"self": (5,), "mat1": (3, 4), "mat2": (4, 5)}
        assert cost("aten.addmm.default", tensors, (3, 5)) == Cost(2 * 3 * 4 * 5, 3 * 5)
        assert cost("aten.addmm.default", tensors, (3, 5), alpha=2, beta=1) == Cost(2 * 3 * 4 * 5, 2 * 3 * 5)
        # the activation: relu is 1 per element, the tanh form of gelu 9
        assert cost("aten._addmm_activation.default", tensors, (3, 5)) == Cost(120, 15 + 15)
        assert cost("aten._addmm_activation.default", tensors, (3, 5), use_gelu=True) == Cost(120, 15 + 9 * 15)

    def test_a_batch_that_is_summed(self) -> None:
        tensors = {"self": (3, 5), "batch1": (7, 3, 4), "batch2": (7, 4, 5)}
        assert cost("aten.addbmm.default", tensors, (3, 5)) == Cost(7 * 2 * 3 * 4 * 5, 15)
        batched = {"self": (7, 3, 5), "batch1": (7, 3, 4), "batch2": (7, 4, 5)}
        assert cost("aten.baddbmm.default", batched, (7, 3, 5)) == Cost(7 * 2 * 3 * 4 * 5, 7 * 15)

    def test_linear(self) -> None:
        tensors = {"input": (2, 3, 4), "weight": (5, 4)}
        assert cost("aten.linear.default", tensors, (2, 3, 5)) == Cost(2 * 6 * 4 * 5)
        assert cost("aten.linear.default", {**tensors, "bias": (5,)}, (2, 3, 5)) == Cost(2 * 6 * 4 * 5, 6 * 5)

    def test_scaled(self) -> None:
        tensors = {"self": (3, 4), "mat2": (4, 5), "scale_a": (), "scale_b": ()}
        assert cost("aten._scaled_mm.default", tensors, (3, 5)) == Cost(120, 2 * 15)
        assert cost("aten._scaled_mm.default", {**tensors, "bias": (5,)}, (3, 5)) == Cost(120, 3 * 15)

    @pytest.mark.parametrize(
        ("a", "b", "out"),
        [
            ((10, 4), (3, 4, 5), (10, 5)),  # 10 rows, each to one of 3 experts: 10 products of 2·4·5
            ((3, 2, 4), (4, 10), (2, 10)),  # 10 columns, each from one of 3 groups: 10·2 results of 2·4
            ((2, 12), (12, 5), (3, 2, 5)),  # 12 = 3 groups of inner extents that add up: 2·2·5·12 in all
            ((3, 2, 4), (3, 4, 5), (3, 2, 5)),  # a batch
        ],
    )
    def test_grouped(self, a: Shape, b: Shape, out: Shape) -> None:
        expected = {(10, 4): 10 * 2 * 4 * 5, (2, 12): 2 * 2 * 5 * 12}.get(a, math.prod(out) * 2 * 4)
        assert cost("aten._grouped_mm.default", {"self": a, "mat2": b, "offs": (3,)}, out) == Cost(expected)

    def test_bilinear(self) -> None:
        tensors = {"i1": (7, 3), "i2": (6, 3, 4), "i3": (7, 4)}
        axes = {"expand1": (1, 3), "expand2": (0,), "expand3": (1, 2)}  # of (row, output, first, second)
        # for each of 7·6: x₁ᵀ W is 2·3·4, times x₂ 2·4
        assert cost("aten._trilinear.default", tensors, (7, 6), **axes, sumdim=(2, 3)) == Cost(7 * 6 * (24 + 8))

    def test_the_gradients_of_bilinear(self) -> None:
        # of W, Σ over rows of dy x₁ x₂: dy x₁ for each row, nothing to sum (7·6·3), then with x₂ 2·7·6·3·4
        tensors = {"i1": (7, 3), "i2": (7, 6), "i3": (7, 4)}
        axes = {"expand1": (1, 3), "expand2": (2, 3), "expand3": (1, 2)}
        assert cost("aten._trilinear.default", tensors, (6, 3, 4), **axes, sumdim=(0,)) == Cost(2 * 504, 126)


class TestConvolution:
    @pytest.mark.parametrize(
        ("x", "weight", "out", "transposed", "matrix"),
        [
            # 8·10·10 outputs, 3 channels and 9 taps each
            ((1, 3, 12, 12), (8, 3, 3, 3), (1, 8, 10, 10), False, 2 * 800 * 27),
            # depthwise: one channel each
            ((1, 8, 12), (8, 1, 3), (1, 8, 10), False, 2 * 80 * 3),
            # every one of 2·5·5 inputs is spread over 4 channels and 4 taps
            ((1, 2, 5, 5), (2, 4, 2, 2), (1, 4, 10, 10), True, 2 * 50 * 16),
            ((2, 4, 3, 3, 3), (6, 2, 1, 1, 1), (2, 6, 3, 3, 3), False, 2 * 2 * 6 * 27 * 2),
        ],
    )
    def test_ranks_groups_and_directions(
        self, x: Shape, weight: Shape, out: Shape, transposed: bool, matrix: int
    ) -> None:
        tensors = {"input": x, "weight": weight}
        assert cost("aten.convolution.default", tensors, out, transposed=transposed) == Cost(matrix)
        biased = {**tensors, "bias": (out[1],)}
        assert cost("aten.convolution.default", biased, out, transposed=transposed) == Cost(matrix, math.prod(out))

    def test_backends_agree(self) -> None:
        tensors, out = {"self": (1, 3, 12, 12), "weight": (8, 3, 3, 3), "bias": (8,)}, (1, 8, 10, 10)
        plain = cost("aten.convolution.default", tensors, out, transposed=False)
        for backend in (
            "aten.mkldnn_convolution.default",
            "aten.cudnn_convolution.default",
            "aten.thnn_conv2d.default",
        ):
            assert cost(backend, tensors, out) == plain
        assert plain is not None
        assert cost("aten.cudnn_convolution_relu.default", tensors, out) == plain + Cost(pointwise=800)

    def test_time_first(self) -> None:
        # 10 − 3 + 1 = 8 steps of 2·6 outputs, each 3 taps of 4 channels
        tensors = {"self": (10, 2, 4), "weight": (3, 4, 6), "bias": (6,)}
        assert cost("aten.conv_tbc.default", tensors, (8, 2, 6)) == Cost(2 * 96 * 12, 96)


Q, K, V = (2, 8, 10, 16), (2, 2, 12, 16), (2, 2, 12, 4)
OUT = (2, 8, 10, 4)
SCORES = 2 * 8 * 10 * 12
ATTENTION = Cost(2 * SCORES * (16 + 4), SCORES * 6)  # Q Kᵀ over 16, times V over 4; scale 1 and softmax 5
MASK = Cost(pointwise=SCORES)


class TestAttention:
    @pytest.mark.parametrize(
        "form",
        [
            *("scaled_dot_product_attention", "_scaled_dot_product_attention_math"),
            *("_scaled_dot_product_flash_attention", "_scaled_dot_product_flash_attention_for_cpu"),
            *("_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention"),
            "_scaled_dot_product_fused_attention_overrideable",
        ],
    )
    def test_every_fused_form_is_the_same(self, form: str) -> None:
        tensors = {"query": Q, "key": K, "value": V}
        assert cost(f"aten.{form}.default", tensors, OUT) == ATTENTION
        assert cost(f"aten.{form}.default", tensors, OUT, is_causal=True) == ATTENTION + MASK  # counted dense
        for mask in ("attn_mask", "attn_bias"):
            assert cost(f"aten.{form}.default", {**tensors, mask: (10, 12)}, OUT) == ATTENTION + MASK

    def test_flex(self) -> None:
        assert cost("flex_attention", {"arg0": Q, "arg1": K, "arg2": V}, OUT) == ATTENTION

    @pytest.mark.parametrize("form", ["_flash_attention_forward", "_efficient_attention_forward"])
    def test_positions_before_heads(self, form: str) -> None:
        tensors = {"query": (2, 10, 8, 16), "key": (2, 12, 2, 16), "value": (2, 12, 2, 4)}
        assert cost(f"aten.{form}.default", tensors, (2, 10, 8, 4), max_k=12) == ATTENTION

    def test_packed_sequences(self) -> None:
        # two of 10 queries and 12 keys, end to end: as the batch of two
        tensors = {"query": (20, 8, 16), "key": (24, 2, 16), "value": (24, 2, 4), "cum_seq_q": (3,), "cum_seq_k": (3,)}
        assert cost("aten._flash_attention_forward.default", tensors, (20, 8, 4), max_q=10, max_k=12) == ATTENTION
        packed = {"query": (1, 20, 8, 16), "key": (1, 24, 2, 16), "value": (1, 24, 2, 4), "cu_seqlens_k": (3,)}
        assert cost("aten._efficient_attention_forward.default", packed, (1, 20, 8, 4), max_seqlen_k=12) == ATTENTION

    def test_multi_head_attention(self) -> None:
        batch, length, width, heads = 2, 6, 16, 4
        x = (batch, length, width)
        tensors = {"query": x, "key": x, "value": x, "qkv_weight": (48, 16), "qkv_bias": (48,)}
        got = cost("aten._native_multi_head_attention.default", tensors, x, num_head=heads, need_weights=False)
        tokens, scores = batch * length, batch * heads * length * length
        # four projections of a token 2·16·16 each, and their biases 16 each; each score 2·2·4, and 1 + 5
        assert got == Cost(tokens * 4 * 512 + scores * 16, tokens * 64 + scores * 6)
        with_weights = cost("aten._native_multi_head_attention.default", tensors, x, num_head=heads)
        assert with_weights == got + Cost(pointwise=scores)  # averaged over the heads

    def test_encoder_layer(self) -> None:
        x, hidden = (2, 6, 16), 40
        heads = cost(
            "aten._native_multi_head_attention.default",
            {"query": x, "key": x, "value": x},
            x,
            num_head=4,
            need_weights=False,
        )
        tensors = {"src": x, "ffn_weight_1": (hidden, 16)}
        got = cost("aten._transformer_encoder_layer_fwd.default", tensors, x, num_heads=4, use_gelu=True)
        tokens = 2 * 6
        # two linears 2·16·40 each; their biases 40 + 16, gelu 5·40; two layer norms 7·16, two residuals 16
        assert heads is not None
        assert got == heads + Cost(tokens * 2 * 2 * 16 * 40, tokens * (56 + 200 + 2 * 112 + 2 * 16))

    def test_symbolic(self) -> None:
        tensors = {"query": (B, 8, S, 16), "key": (B, 8, S, 16), "value": (B, 8, S, 16)}
        got = cost("aten.scaled_dot_product_attention.default", tensors, (B, 8, S, 16))
        assert got is not None
        assert sympy.expand(got.matrix - 4 * B * 8 * S**2 * 16) == 0


class TestRecurrent:
    T, N, WIDTH, H = 7, 3, 5, 8
    TOKENS = 7 * 3
    LSTM = Cost(TOKENS * 2 * 4 * 8 * (5 + 8), TOKENS * (2 * 4 * 8 + 13 * 8))  # two biases; 13 for each hidden element

    def test_every_form_of_an_lstm_is_the_same(self) -> None:
        weights = ((32, 5), (32, 8), (32,), (32,))
        x, out = (self.T, self.N, self.WIDTH), (self.T, self.N, self.H)
        listed = {f"params.{i}": weight for i, weight in enumerate(weights)}
        native = {"input": x, "hx.0": (1, 3, 8), "hx.1": (1, 3, 8), **listed}
        assert cost("aten.lstm.input", native, out) == self.LSTM
        packed = {
            "data": (self.TOKENS, self.WIDTH),
            "batch_sizes": (7,),
            "hx.0": (1, 3, 8),
            "hx.1": (1, 3, 8),
            **listed,
        }
        assert cost("aten.lstm.data", packed, (self.TOKENS, self.H)) == self.LSTM
        cudnn = {"input": x, **{f"weight.{i}": weight for i, weight in enumerate(weights)}, "weight_buf": (1000,)}
        assert cost("aten._cudnn_rnn.default", cudnn, out, mode=2) == self.LSTM
        onednn = {
            "input": x,
            **{f"weight{i}": weight for i, weight in enumerate(weights)},
            "hx_": (3, 8),
            "cx_": (3, 8),
        }
        assert cost("aten.mkldnn_rnn_layer.default", onednn, out, mode=2, has_biases=True) == self.LSTM

    def test_a_cell_is_a_sequence_of_one(self) -> None:
        tensors = {
            "input": (3, 5),
            "hx.0": (3, 8),
            "hx.1": (3, 8),
            "w_ih": (32, 5),
            "w_hh": (32, 8),
            "b": (32,),
            "c": (32,),
        }
        assert (cost("aten.lstm_cell.default", tensors, (3, 8)) or FREE) * self.T == self.LSTM
        gates = {
            "input_gates": (3, 32),
            "hidden_gates": (3, 32),
            "cx": (3, 8),
            "input_bias": (32,),
            "hidden_bias": (32,),
        }
        fused = cost("aten._thnn_fused_lstm_cell.default", gates, (3, 8))
        assert fused is not None
        assert fused.matrix == 0
        assert fused.pointwise * self.T == self.LSTM.pointwise

    def test_two_directions_and_a_projection(self) -> None:
        x, p = (self.T, self.N, self.WIDTH), 3
        one = ((32, self.WIDTH), (32, p), (p, self.H))
        tensors = {"input": x, **{f"params.{i}": weight for i, weight in enumerate(one * 2)}}
        got = cost("aten.lstm.input", tensors, (self.T, self.N, 2 * p))
        # each direction: 4H·(I + P) for the gates, H·P for the projection; no biases
        assert got == Cost(self.TOKENS * 2 * 2 * (32 * 8 + 24), self.TOKENS * 2 * 13 * 8)

    def test_a_kind_that_nobody_knows_is_unknown(self) -> None:
        assert cost("aten._cudnn_rnn.default", {"input": (7, 3, 5)}, (7, 3, 8), mode=9) is None


X = (2, 3, 8)
N = 2 * 3 * 8


class TestPointwise:
    @pytest.mark.parametrize(
        ("op", "flops"),
        [
            *(("aten.mul.Tensor", 1), ("aten.exp.default", 1), ("aten.relu.default", 1), ("aten.gt.Scalar", 1)),
            ("aten.silu.default", 2),  # a product with the logistic function
            ("aten.hardswish.default", 5),  # x · min(max(x + 3, 0), 6) / 6
            ("aten._softmax.default", 5),  # maximum, subtract, exp, sum, divide
            ("aten.cumsum.default", 1),
            ("aten.var.correction", 4),  # sum; subtract, square, sum
            ("aten.sum.dim_IntList", 1),
            ("aten.rand.default", 1),
        ],
    )
    def test_per_element(self, op: str, flops: int) -> None:
        assert cost(op, {"self": X}, X) == Cost(pointwise=flops * N)

    def test_options_that_cost(self) -> None:
        two = {"self": X, "other": X}
        assert cost("aten.add.Tensor", two, X) == Cost(pointwise=N)
        assert cost("aten.add.Tensor", two, X, alpha=2) == Cost(pointwise=2 * N)
        assert cost("aten.clamp.default", {"self": X}, X, min=0) == Cost(pointwise=N)
        assert cost("aten.clamp.default", {"self": X}, X, min=0, max=6) == Cost(pointwise=2 * N)
        assert cost("aten.clamp.Tensor", {"self": X, "min": X}, X) == Cost(pointwise=N)
        assert cost("aten.gelu.default", {"self": X}, X) == Cost(pointwise=5 * N)
        assert cost("aten.gelu.default", {"self": X}, X, approximate="tanh") == Cost(pointwise=9 * N)

    def test_a_largest_element_and_an_elementwise_maximum_are_two_things(self) -> None:
        assert cost("aten.max.dim", {"self": X}, (2, 3)) == Cost(pointwise=N)
        assert cost("aten.max.other", {"self": (8,), "other": X}, X) == Cost(pointwise=N)

    def test_a_broadcast_is_counted_at_its_full_size(self) -> None:
        assert cost("aten.mul.Tensor", {"self": (8,), "other": (2, 3, 1)}, X) == Cost(pointwise=N)


class TestNormalization:
    def test_layer_norm(self) -> None:
        plain = {"input": X}
        assert cost("aten.native_layer_norm.default", plain, X) == Cost(pointwise=5 * N)
        assert cost("aten.native_layer_norm.default", {**plain, "weight": (8,)}, X) == Cost(pointwise=6 * N)
        assert cost("aten.native_group_norm.default", {**plain, "weight": (8,), "bias": (8,)}, X) == Cost(
            pointwise=7 * N
        )

    def test_batch_norm_folds_its_running_statistics(self) -> None:
        tensors = {"input": X, "weight": (3,), "bias": (3,), "running_mean": (3,), "running_var": (3,)}
        for op in (
            "aten.native_batch_norm.default",
            "aten._native_batch_norm_legit.default",
            "aten.cudnn_batch_norm.default",
        ):
            assert cost(op, tensors, X, training=False) == Cost(pointwise=2 * N)
            assert cost(op, tensors, X, training=True) == Cost(pointwise=7 * N)
        assert cost("aten._native_batch_norm_legit_no_training.default", tensors, X) == Cost(pointwise=2 * N)

    def test_rms_norm(self) -> None:
        assert cost("aten._fused_rms_norm.default", {"input": X, "weight": (8,)}, X) == Cost(pointwise=4 * N)


class TestPoolingAndResampling:
    def test_pools(self) -> None:
        image, half = {"self": (1, 4, 8, 8)}, (1, 4, 4, 4)
        assert cost("aten.max_pool2d_with_indices.default", image, half, kernel_size=(2, 2)) == Cost(pointwise=64 * 4)
        assert cost("aten.avg_pool2d.default", image, half, kernel_size=(2,)) == Cost(pointwise=64 * 4)  # both sides
        assert cost("aten.avg_pool2d.default", image, half, kernel_size="?") is None

    def test_adaptive_pools(self) -> None:
        image = {"self": (1, 4, 8, 8)}
        assert cost("aten._adaptive_avg_pool2d.default", image, (1, 4, 1, 1)) == Cost(pointwise=4 * 64)
        assert cost("aten._adaptive_avg_pool2d.default", image, (1, 4, 3, 3)) == Cost(
            pointwise=4 * 9 * 9
        )  # windows of 3
        got = cost("aten._adaptive_avg_pool2d.default", {"self": (B, 4, S, S)}, (B, 4, 3, 3))
        assert got is not None
        assert got.pointwise.subs({B: 1, S: 8}) == 4 * 9 * 9

    @pytest.mark.parametrize(
        ("op", "flops"),
        [
            ("aten.upsample_bilinear2d.default", 7),  # 4 products, 3 sums
            ("aten.upsample_bicubic2d.default", 31),  # 16 products, 15 sums
            ("aten.upsample_nearest2d.default", 0),
        ],
    )
    def test_interpolation(self, op: str, flops: int) -> None:
        assert cost(op, {"self": (1, 4, 8, 8)}, (1, 4, 16, 16)) == Cost(pointwise=flops * 1024)

    def test_antialiased_shrinking_reads_more(self) -> None:
        # rows first: 8·4 values of 2·2 taps; then 4·4 of 2·2 taps; a sum of t products is 2t − 1
        got = cost("aten._upsample_bilinear2d_aa.default", {"self": (1, 1, 8, 8)}, (1, 1, 4, 4))
        assert got == Cost(pointwise=(32 + 16) * 7)

    def test_grid_sample(self) -> None:
        tensors, out = {"input": (1, 4, 8, 8), "grid": (1, 5, 5, 2)}, (1, 4, 5, 5)
        # 100 results of 4 products and 3 sums; 25 places: 2 coordinates of 5, 4 weights
        assert cost("aten.grid_sampler_2d.default", tensors, out, interpolation_mode=0) == Cost(pointwise=700 + 25 * 14)
        assert cost("aten.grid_sampler_2d.default", tensors, out, interpolation_mode=1) == Cost(pointwise=25 * 6)


class TestTheRest:
    def test_sorting(self) -> None:
        assert cost("aten.sort.default", {"self": X}, X) == Cost(pointwise=N * 3)  # 8 along the last dimension
        assert cost("aten.sort.default", {"self": X}, X, dim=1) == Cost(pointwise=N * 2)  # 3: two rounds
        assert cost("aten.topk.default", {"self": X}, (2, 3, 4), k=4) == Cost(pointwise=N * 2)
        assert cost("aten.topk.default", {"self": X}, (2, 3, 1), k=1) == Cost(pointwise=N)  # a maximum
        assert cost("aten.searchsorted.Tensor", {"sorted_sequence": (7,), "self": X}, X) == Cost(pointwise=N * 3)

    def test_transforms(self) -> None:
        # 5·N·log₂ N with N = 64, three of them; half of that for real input
        assert cost("aten._fft_c2c.default", {"self": (3, 64)}, (3, 64), dim=(1,)) == Cost(pointwise=3 * 5 * 64 * 6)
        assert cost("aten._fft_r2c.default", {"self": (3, 64)}, (3, 33), dim=(1,)) == Cost(
            pointwise=3 * 5 * 64 * 6 // 2
        )
        assert cost("aten._fft_c2r.default", {"self": (3, 33)}, (3, 64), dim=(1,)) == Cost(
            pointwise=3 * 5 * 64 * 6 // 2
        )
        assert cost("aten._fft_c2c.default", {"self": (8, 8)}, (8, 8), dim=(0, 1)) == Cost(pointwise=5 * 64 * 6)
        odd = cost("aten._fft_c2c.default", {"self": (12,)}, (12,), dim=(0,))
        assert odd == Cost(pointwise=math.ceil(5 * 12 * math.log2(12)))
        symbolic = cost("aten._fft_c2c.default", {"self": (S,)}, (S,), dim=(0,))
        assert symbolic is not None
        assert [symbolic.pointwise.subs(S, n) for n in (12, 64)] == [odd.pointwise, 5 * 64 * 6]

    def test_bags(self) -> None:
        bag = {"weight": (10, 6), "indices": (8,), "offsets": (2,)}
        assert cost("aten._embedding_bag.default", bag, (2, 6)) == Cost(pointwise=8 * 6)
        weighted = {**bag, "per_sample_weights": (8,)}
        assert cost("aten._embedding_bag.default", weighted, (2, 6)) == Cost(pointwise=2 * 8 * 6)

    def test_moves_become_work_when_they_accumulate(self) -> None:
        put = {"self": X, "indices.0": (4,), "values": (4, 3, 8)}
        assert cost("aten.index_put.default", put, X) == FREE
        assert cost("aten.index_put.default", put, X, accumulate=True) == Cost(pointwise=4 * 3 * 8)
        scatter = {"self": X, "index": (2, 3, 4), "src": (2, 3, 4)}
        assert cost("aten.scatter.src", scatter, X) == FREE
        assert cost("aten.scatter.reduce", scatter, X, reduce="add") == Cost(pointwise=24)
        assert cost("aten.scatter_add.default", scatter, X) == Cost(pointwise=24)

    def test_losses(self) -> None:
        both = {"self": X, "target": X}
        assert cost("aten.mse_loss.default", both, ()) == Cost(pointwise=3 * N)  # subtract, square, add up
        assert cost("aten.mse_loss.default", both, X, reduction=0) == Cost(pointwise=2 * N)
        assert cost("aten.nll_loss_forward.default", {"self": (9, 4), "target": (9,)}, ()) == Cost(pointwise=18)

    def test_dropout(self) -> None:
        assert cost("aten.native_dropout.default", {"input": X}, X, p=0.5, train=True) == Cost(pointwise=4 * N)
        assert cost("aten.native_dropout.default", {"input": X}, X, p=0.5, train=False) == FREE

    def test_linear_algebra(self) -> None:
        square = {"A": (2, 6, 6)}
        assert cost("aten.linalg_cholesky_ex.default", square, (2, 6, 6)) == Cost(pointwise=2 * 72)  # 6³ / 3
        assert cost("aten.linalg_inv_ex.default", square, (2, 6, 6)) == Cost(pointwise=2 * 432)  # 2 · 6³
        solve = {"self": (2, 6, 6), "B": (2, 6, 4)}
        assert cost("aten.linalg_solve_triangular.default", solve, (2, 6, 4), upper=True) == Cost(pointwise=2 * 36 * 4)

    def test_deformable_convolution(self) -> None:
        tensors = {
            "input": (1, 4, 6, 6),
            "weight": (8, 4, 3, 3),
            "offset": (1, 18, 4, 4),
            "mask": (1, 9, 4, 4),
            "bias": (8,),
        }
        got = cost("torchvision.deform_conv2d.default", tensors, (1, 8, 4, 4), use_mask=True)
        # 16 positions, 9 taps: 4 channels sampled at 8, places at 14; the bias for 8 channels
        assert got == Cost(2 * 8 * 16 * 4 * 9, 16 * 9 * 4 * 8 + 16 * 9 * 14 + 8 * 16)

    def test_a_rule_says_when_it_cannot_tell(self) -> None:
        tensors, out = {"input": (1, 4, 6, 6), "rois": (5, 5)}, (5, 4, 7, 7)
        assert cost("torchvision.roi_align.default", tensors, out, sampling_ratio=-1) is None
        assert cost("torchvision.roi_align.default", tensors, out, sampling_ratio=2) == Cost(
            pointwise=8 * 4 * 5 * 4 * 49
        )

    def test_free_operators_cost_nothing(self) -> None:
        assert {cost(op, {"self": X}, X) for op in FREE_OPS} == {FREE}
