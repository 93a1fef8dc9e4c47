"""What sort of work an operation does, in a dozen words: what colours it in a picture."""

from __future__ import annotations

from fxviz.analysis.rules import RuleTable

__all__ = ["KINDS", "WORK", "kind_of"]

WORK = frozenset({"matrix", "attention", "embedding"})
"""The kinds of operations for which a model is built; the others prepare them, or come between them."""

_OPS = {
    "matrix": """
        linear bilinear matmul mm bmm addmm baddbmm addbmm addmv addr mv dot inner outer vdot ger kron einsum tensordot
        chain_matmul multi_dot cdist conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d conv_tbc
        convolution deform_conv2d lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell
        grouped_mm scaled_mm int_mm scaled_grouped_mm
        fft_fft fft_ifft fft_rfft fft_irfft fft_fft2 fft_ifft2 fft_rfft2 fft_irfft2 fft_fftn fft_ifftn fft_rfftn
        fft_irfftn stft istft""",
    "attention": """
        scaled_dot_product_attention multi_head_attention_forward native_multi_head_attention flex_attention
        transformer_encoder_layer_fwd""",
    "activation": """
        relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh hardshrink
        softshrink tanhshrink threshold softplus softsign sigmoid logsigmoid log_sigmoid tanh glu softmax softmin
        log_softmax gumbel_softmax sparsemax swish""",
    "normalization": """
        batch_norm sync_batch_norm instance_norm layer_norm group_norm rms_norm local_response_norm normalize
        native_layer_norm native_batch_norm weight_norm""",
    "pool": """
        max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices
        avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d lp_pool3d adaptive_avg_pool1d adaptive_avg_pool2d
        adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d fractional_max_pool2d
        fractional_max_pool3d max_unpool1d max_unpool2d max_unpool3d roi_pool roi_align ps_roi_pool ps_roi_align
        interpolate upsample upsample_nearest upsample_bilinear grid_sample""",
    "shape": """
        view view_as reshape reshape_as flatten unflatten ravel squeeze unsqueeze expand expand_as broadcast_to
        broadcast_tensors permute transpose t adjoint swapaxes swapdims movedim moveaxis mT H T mH numpy_T contiguous
        cat concat concatenate stack hstack vstack dstack column_stack row_stack split split_with_sizes chunk hsplit
        vsplit dsplit tensor_split unbind unfold fold narrow select slice getitem setitem index_select gather take
        take_along_dim index index_put index_add index_copy index_fill scatter scatter_add scatter_reduce
        masked_scatter masked_select diagonal diag diag_embed tril triu roll flip fliplr flipud rot90 repeat
        repeat_interleave tile pad pixel_shuffle pixel_unshuffle channel_shuffle as_strided view_as_real
        view_as_complex meshgrid real imag clone detach copy to type type_as cpu cuda half bfloat16 float double int long
        short bool char byte alias atleast_1d atleast_2d atleast_3d block_diag combinations cartesian_prod
        constant_pad_nd identity requires_grad lift_fresh tril_indices triu_indices""",
    "elementwise": """
        add sub mul div true_divide floor_divide remainder fmod pow rsub neg negative abs absolute sign sgn sqrt rsqrt
        square reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan atan2 sinh cosh asinh acosh
        atanh sinc erf erfc erfinv ceil floor round trunc frac clamp clip clamp_min clamp_max maximum minimum fmax fmin
        where masked_fill addcmul addcdiv lerp logit nan_to_num copysign hypot logaddexp logaddexp2 xlogy
        eq ne lt le gt ge greater less greater_equal less_equal not_equal isnan isinf isfinite isclose
        logical_and logical_or logical_not logical_xor bitwise_and bitwise_or bitwise_not bitwise_xor
        bitwise_left_shift bitwise_right_shift and or xor invert lshift rshift
        subtract multiply divide truediv floordiv mod radd rmul rtruediv rpow iadd isub imul itruediv iand ior
        float_power quantize_per_tensor quantize_per_channel dequantize fake_quantize_per_tensor_affine
        fake_quantize_per_channel_affine complex polar angle conj bucketize heaviside""",
    "reduction": """
        sum mean prod max min amax amin argmax argmin aminmax std var std_mean var_mean norm vector_norm matrix_norm
        linalg_norm linalg_vector_norm linalg_matrix_norm logsumexp median nanmedian mode nansum nanmean quantile all any
        count_nonzero cumsum cumprod cummax cummin logcumsumexp topk sort argsort msort kthvalue unique
        unique_consecutive nonzero argwhere bincount histc searchsorted trace equal allclose item
        cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy
        binary_cross_entropy_with_logits kl_div cosine_similarity cosine_embedding_loss triplet_margin_loss ctc_loss
        pairwise_distance nms""",
    "embedding": "embedding embedding_bag one_hot",
    "random": """
        dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout native_dropout
        bernoulli multinomial normal rand randn randint randperm rand_like randn_like randint_like uniform exponential
        poisson stochastic_depth""",
    "data": """
        tensor as_tensor scalar_tensor from_numpy zeros ones full empty zeros_like ones_like full_like empty_like
        new_zeros new_ones new_full new_empty new_tensor arange linspace logspace range eye zero fill empty_strided
        new_empty_strided hann_window hamming_window blackman_window""",
}

# The operators of ONNX, and of onnxruntime, as their files name them.
_ONNX_OPS = {
    "matrix": """
        Conv ConvInteger ConvTranspose DeformConv Einsum GRU Gemm LSTM MatMul MatMulInteger QLinearConv QLinearMatMul RNN
        com.microsoft.FusedConv com.microsoft.FusedGemm com.microsoft.FusedMatMul com.microsoft.MatMulNBits DFT STFT""",
    "attention": """
        Attention com.microsoft.Attention com.microsoft.GroupQueryAttention com.microsoft.MultiHeadAttention""",
    "activation": """
        Celu Elu Gelu HardSigmoid HardSwish Hardmax LeakyRelu LogSoftmax Mish PRelu Relu Selu Shrink Sigmoid Softmax
        Softplus Softsign Swish Tanh ThresholdedRelu com.microsoft.BiasGelu com.microsoft.FastGelu com.microsoft.Gelu
        com.microsoft.QuickGelu""",
    "normalization": """
        BatchNormalization GroupNormalization InstanceNormalization LRN LayerNormalization LpNormalization
        MeanVarianceNormalization RMSNormalization SimplifiedLayerNormalization com.microsoft.SkipLayerNormalization
        com.microsoft.SkipSimplifiedLayerNormalization com.microsoft.SimplifiedLayerNormalization""",
    "pool": """
        AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample LpPool MaxPool MaxRoiPool MaxUnpool Resize
        RoiAlign Upsample""",
    "shape": """
        BitCast Cast CastLike CenterCropPad Col2Im Compress Concat DepthToSpace Expand Flatten Gather GatherElements
        GatherND Identity Pad Reshape ReverseSequence Scatter ScatterElements ScatterND Slice SpaceToDepth Split Squeeze
        Tile Transpose Trilu Unsqueeze Unique""",
    "elementwise": """
        Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Ceil Clip Cos
        Cosh DequantizeLinear Div DynamicQuantizeLinear Equal Erf Exp Floor Greater GreaterOrEqual IsInf IsNaN Less
        LessOrEqual Log Max Mean Min Mod Mul Neg Not Or Pow QuantizeLinear Reciprocal RotaryEmbedding Round Sign Sin Sinh
        Sqrt Sub Sum Tan Where Xor com.microsoft.RotaryEmbedding""",
    "reduction": """
        ArgMax ArgMin CumSum NonMaxSuppression NonZero ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
        ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare TopK""",
    "embedding": "OneHot com.microsoft.EmbedLayerNormalization",
    "random": "Bernoulli Dropout Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike",
    "data": "ConstantOfShape EyeLike Range Shape Size",
}

KINDS: RuleTable[str] = RuleTable(
    {op: kind for table in (_OPS, _ONNX_OPS) for kind, ops in table.items() for op in ops.split()}
)
"""The kind of each operation by the author's name for it; ``KINDS | {"my_op": "matrix"}`` is a table with more."""


def kind_of(op: str, kinds: RuleTable[str] = KINDS) -> str:
    """The kind of an operation, ``"other"`` where it is not known; ``add_`` works in place and counts as ``add``.

    >>> kind_of("conv2d"), kind_of("add_"), kind_of("__add__"), kind_of("my_op")
    ('matrix', 'elementwise', 'elementwise', 'other')
    """
    return kinds.find(op) or kinds.find(op.strip("_")) or "other"
