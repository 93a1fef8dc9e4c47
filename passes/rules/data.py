"""Operators that allocate or fill tensors, or read what is known of one without its elements: 0 FLOPs."""

from __future__ import annotations

from fxviz.analysis.ops import Operators, reading
from fxviz.passes.rules.cost import free
from fxviz.passes.rules.traffic import overwrites, untouched

__all__ = ["operators"]

operators = Operators("data")


# Allocation and filling -----------------------------------------------------------------------------------------------

operators.declare(
    """
    empty empty_like empty_permuted empty_quantized empty_strided new_empty new_empty_strided resize resize_as
    _resize_output _resize_output_ set set_data
    """,
    free,
    traffic=untouched,
)
operators.declare("fill zero", free, traffic_in_place=overwrites)
operators.declare("eye", free, reads=reading("EyeLike"))
operators.declare("tril_indices triu_indices", free, kind="shape")
operators.declare(
    """
    arange fill_diagonal_ full full_like linspace logspace new_full new_ones new_zeros ones ones_like range scalar_tensor
    zeros zeros_like _cudnn_init_dropout_state _efficientzerotensor _empty_affine_quantized
    _new_zeros_with_same_feature_meta _foreach_zero
    """,
    free,
)


# Metadata: sizes, dtypes, devices, checks -----------------------------------------------------------------------------

operators.declare("_shape_as_tensor", free, traffic=untouched, reads=reading("Shape"))
operators.declare("numel", free, traffic=untouched, reads=reading("Size"))
operators.declare("item", free, kind="reduction", traffic=untouched)
operators.declare(
    """
    _assert_async _assert_scalar _assert_tensor_metadata _debug_has_internal_overlap _functional_assert_async
    _functional_assert_scalar _fused_sdp_choice _has_compatible_shallow_copy_type _is_zerotensor _linalg_check_errors
    _local_scalar_dense _nested_tensor_size _nested_tensor_storage_offsets _nested_tensor_strides
    _use_cudnn_ctc_loss _use_cudnn_rnn_flatten_weight _version dense_dim dim device get_device is_coalesced is_complex
    is_contiguous is_floating_point is_inference is_non_overlapping_and_dense is_pinned is_same_size is_set_to is_signed
    is_strides_like_format output_nr q_per_channel_axis q_scale q_zero_point qscheme record_stream
    result_type size sparse_dim storage_offset stride sym_constrain_range sym_constrain_range_for_size
    sym_is_contiguous sym_numel sym_size sym_storage_offset sym_stride
    """,
    free,
    traffic=untouched,
)
operators.declare("device layout", free, library="prim")


# As authors write them ------------------------------------------------------------------------------------------------

operators.declare("as_tensor from_numpy new_tensor tensor", library="")
