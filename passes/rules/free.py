"""Operators without arithmetic. They may move bytes, which is another analysis' business; they cost 0 FLOPs.

An operator stands here only if it computes nothing on the elements of its tensors: it renames memory, allocates or
fills it, moves elements to other places, or converts their dtype. Comparing, selecting by a mask, accumulating and
drawing random numbers are work and have rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.passes.rules.cost import FREE, Cost, FlopRule

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["FREE_OPS", "UNTOUCHED_OPS", "flops_rules"]

_VIEWS = """
    alias as_strided broadcast_to chunk conj detach diagonal expand expand_as flatten imag lift lift_fresh mH mT movedim
    narrow numpy_T permute real reshape reshape_as resolve_conj resolve_neg select slice slice_inverse split
    split_with_sizes squeeze swapaxes swapdims t tensor_split transpose unbind unflatten unfold unsafe_chunk
    unsafe_split unsafe_split_with_sizes unsqueeze view view_as view_as_complex view_as_real
    _conj _mkldnn_reshape _mkldnn_transpose _neg_view _reshape_alias _reshape_from_tensor _unsafe_view
    _nested_get_jagged_dummy _nested_get_lengths _nested_get_offsets _nested_get_ragged_idx _nested_get_values
    _nested_get_max_seqlen _nested_get_min_seqlen _nested_view_from_buffer _nested_view_from_jagged
    positive contiguous indices values _indices _values crow_indices col_indices ccol_indices row_indices
"""

_METADATA = """
    _assert_async _assert_scalar _assert_tensor_metadata _debug_has_internal_overlap _functional_assert_async
    _functional_assert_scalar _fused_sdp_choice _has_compatible_shallow_copy_type _is_zerotensor _linalg_check_errors
    _local_scalar_dense _nested_tensor_size _nested_tensor_storage_offsets _nested_tensor_strides _shape_as_tensor
    _use_cudnn_ctc_loss _use_cudnn_rnn_flatten_weight _version dense_dim dim device get_device is_coalesced is_complex is_contiguous
    is_floating_point is_inference is_non_overlapping_and_dense is_pinned is_same_size is_set_to is_signed
    is_strides_like_format item numel output_nr q_per_channel_axis q_scale q_zero_point qscheme record_stream
    result_type size sparse_dim storage_offset stride sym_constrain_range sym_constrain_range_for_size
    sym_is_contiguous sym_numel sym_size sym_storage_offset sym_stride
"""

_UNINITIALISED = """
    empty empty_like empty_permuted empty_quantized empty_strided new_empty new_empty_strided resize resize_as
    _resize_output _resize_output_ set set_data
"""

_ALLOCATION_AND_FILLING = """
    arange empty empty_like empty_permuted empty_quantized empty_strided eye fill fill_diagonal_ full full_like linspace
    logspace new_empty new_empty_strided new_full new_ones new_zeros ones ones_like range resize resize_as scalar_tensor
    set set_data tril_indices triu_indices zero zeros zeros_like
    _cudnn_init_dropout_state _efficientzerotensor _empty_affine_quantized _new_zeros_with_same_feature_meta
    _resize_output _resize_output_ _foreach_zero
"""

_COPIES_AND_CASTS = """
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
"""

_MOVES = """
    _jagged_to_padded_dense_forward _nested_from_padded
    _nested_from_padded_and_nested_example _nested_tensor_from_mask _nested_tensor_from_tensor_list
    _pack_padded_sequence _padded_dense_to_jagged_forward _unsafe_index as_strided_scatter channel_shuffle
    constant_pad_nd diagonal_scatter embedding flip gather im2col index index_copy index_fill index_select
    max_unpool2d max_unpool3d native_channel_shuffle pixel_shuffle pixel_unshuffle reflection_pad1d reflection_pad2d
    reflection_pad3d repeat repeat_interleave replication_pad1d replication_pad2d replication_pad3d roll rot90
    select_backward select_scatter slice_backward slice_scatter diagonal_backward trace_backward
    value_selecting_reduction_backward _gather_sparse_backward to_dense_backward to_mkldnn_backward
    _nested_select_backward _nested_sum_backward _pack_padded_sequence_backward take tril triu upsample_nearest1d upsample_nearest2d upsample_nearest3d
    _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d
"""

FREE_OPS = frozenset(
    f"aten.{op}"
    for ops in (_VIEWS, _METADATA, _ALLOCATION_AND_FILLING, _COPIES_AND_CASTS, _MOVES)
    for op in ops.split()
) | {
    "prim.device",
    "prim.layout",
}
"""The ATen operators that cost nothing, views, metadata, allocation, copies and casts, and moves of whole elements."""


_CONTIGUOUS = {"aten.contiguous", "aten.reshape", "aten.flatten"}  # views unless they must copy

UNTOUCHED_OPS = (
    frozenset(f"aten.{op}" for op in (*_VIEWS.split(), *_METADATA.split(), *_UNINITIALISED.split())) - _CONTIGUOUS
)
"""The free operators that touch no element of any tensor: they move no bytes."""


def _free(kernel: Kernel) -> Cost:
    """No arithmetic."""
    return FREE


flops_rules: RuleTable[FlopRule] = RuleTable(dict.fromkeys(FREE_OPS, _free))
