"""Operators that rename memory, or move whole elements to other positions or dtypes: no arithmetic, so 0 FLOPs.

An operator is here only if it computes nothing on the elements of its tensors. To compare, to select by a mask and to
accumulate is work: such operators have FLOP rules elsewhere. A view moves no bytes either.
"""

from __future__ import annotations

from fxviz.analysis.ops import Operators, reading
from fxviz.analysis.standard import (
    Literal,
    Operation,
    Standard,
    dtype_of,
    integers,
    is_known,
    rank_of,
    shape_of,
)
from fxviz.passes.rules.cost import free
from fxviz.passes.rules.traffic import gathers, overwrites, scatters, untouched

__all__ = ["operators"]

operators = Operators("shape")


# Views: another name, shape or order for the same memory --------------------------------------------------------------


def _write_reshape(operation: Operation) -> Standard | None:
    if not is_known(operation) or len(operation.inputs) != 1 or len(operation.outputs) != 1:
        return None
    (x,), (y,) = operation.inputs, operation.outputs
    shape = shape_of(y)
    if operation.op == "flatten" and len(shape) == 2 and rank_of(x) > 1 and shape[0] == shape_of(x)[0]:
        return Standard("Flatten", (x,), (y,), {"axis": 1})
    if sum(not isinstance(extent, int) for extent in shape) > 1 or 0 in shape:
        return None
    return Standard("Reshape", (x, Literal(tuple(extent if isinstance(extent, int) else -1 for extent in shape))), (y,))


def _write_transpose(kernel: Operation) -> Standard | None:
    rank = rank_of(kernel.inputs[0])
    if (dims := kernel.attributes.get("dims")) is not None:
        order = [dim % rank for dim in integers(dims)]
    else:
        first, second = (integers(kernel.attributes.get(name, i))[0] % rank for i, name in enumerate(("dim0", "dim1")))
        order = list(range(rank))
        order[first], order[second] = order[second], order[first]
    return Standard("Transpose", kernel.inputs, kernel.outputs, {"perm": tuple(order)})


def _write_unsqueeze(kernel: Operation) -> Standard | None:
    return Standard("Unsqueeze", (*kernel.inputs, Literal(integers(kernel.attributes.get("dim")))), kernel.outputs)


def _write_squeeze(kernel: Operation) -> Standard | None:
    shape = shape_of(kernel.inputs[0])
    dims = integers(kernel.attributes.get("dim", tuple(range(len(shape)))))
    # torch leaves a dimension that is not 1 as it is.
    axes = tuple(dim for dim in dims if shape[dim] == 1)
    return Standard("Squeeze", (*kernel.inputs, Literal(axes)), kernel.outputs) if axes else None


def _write_expand(kernel: Operation) -> Standard | None:
    return Standard("Expand", (*kernel.inputs, Literal(shape_of(kernel.outputs[0]))), kernel.outputs)


def _write_split(kernel: Operation) -> Standard | None:
    axis = integers(kernel.attributes.get("dim", 0))[0]
    sizes = tuple(shape_of(value)[axis] for value in kernel.outputs)
    return Standard("Split", (*kernel.inputs, Literal(sizes)), kernel.outputs, {"axis": axis})


def _write_slice(kernel: Operation) -> Standard | None:
    start, end = kernel.attributes.get("start"), kernel.attributes.get("end")
    bounds = (
        (0 if start is None else start,),
        (2**63 - 1 if end is None else end,),
        (kernel.attributes.get("dim", 0),),
        (kernel.attributes.get("step", 1),),
    )
    return Standard("Slice", (*kernel.inputs, *map(Literal, bounds)), kernel.outputs)


def _write_select(kernel: Operation) -> Standard | None:
    index, axis = kernel.attributes.get("index"), kernel.attributes.get("dim")
    return Standard("Gather", (*kernel.inputs, Literal(index)), kernel.outputs, {"axis": axis})


operators.declare("alias", free, layout=True, traffic=untouched, reads=reading("Identity"))
operators.declare(
    "view",
    free,
    layout=True,
    traffic=untouched,
    onnx=_write_reshape,
    reads=(*reading("Reshape Flatten Squeeze Unsqueeze"), *reading("BitCast", "dtype")),
)
operators.declare("_unsafe_view _reshape_alias", free, layout=True, traffic=untouched, onnx=_write_reshape)
operators.declare("transpose t permute", free, layout=True, traffic=untouched, onnx=_write_transpose)
operators.declare("unsqueeze", free, layout=True, traffic=untouched, onnx=_write_unsqueeze)
operators.declare("squeeze", free, layout=True, traffic=untouched, onnx=_write_squeeze)
operators.declare("expand", free, layout=True, traffic=untouched, onnx=_write_expand, reads=reading("Expand"))
operators.declare("split split_with_sizes", free, layout=True, traffic=untouched, onnx=_write_split)
operators.declare("slice", free, layout=True, traffic=untouched, onnx=_write_slice)
operators.declare("select", free, layout=True, traffic=untouched, onnx=_write_select)
operators.declare(
    """
    as_strided broadcast_to chunk detach diagonal expand_as lift lift_fresh mH mT movedim narrow numpy_T positive
    reshape_as swapaxes swapdims tensor_split unbind unflatten unsafe_chunk unsafe_split unsafe_split_with_sizes view_as
    view_as_complex view_as_real
    """,
    free,
    layout=True,
    traffic=untouched,
)
operators.declare("contiguous flatten reshape", free, layout=True)  # views unless they must copy
operators.declare("conj _conj", free, kind="elementwise", traffic=untouched)
operators.declare(
    """
    imag real resolve_conj resolve_neg slice_inverse unfold _mkldnn_reshape _mkldnn_transpose _neg_view
    _reshape_from_tensor _nested_get_jagged_dummy _nested_get_lengths _nested_get_offsets _nested_get_ragged_idx
    _nested_get_values _nested_get_max_seqlen _nested_get_min_seqlen _nested_view_from_buffer _nested_view_from_jagged
    indices values _indices _values crow_indices col_indices ccol_indices row_indices
    """,
    free,
    traffic=untouched,
)


# Copies and casts -----------------------------------------------------------------------------------------------------

# ONNX's numbers of the dtypes that torch and ONNX convert alike (TensorProto.DataType); narrower ones saturate otherwise.
_ELEMENT_TYPES = {
    **{"float32": 1, "uint8": 2, "int8": 3, "int16": 5, "int32": 6, "int64": 7},
    **{"bool": 9, "float16": 10, "float64": 11, "bfloat16": 16},
}


def _write_cast(kernel: Operation) -> Standard | None:
    (x,), (y,) = kernel.inputs, kernel.outputs
    assert x.type
    assert y.type
    if x.type.device != y.type.device or not {x.type.dtype, y.type.dtype} <= _ELEMENT_TYPES.keys():
        return None
    return Standard("Cast", (x,), (y,), {"to": _ELEMENT_TYPES[y.type.dtype]})


def _write_concat(kernel: Operation) -> Standard | None:
    # torch accepts empty tensors of rank 1 among others.
    if len({rank_of(value) for value in kernel.inputs}) != 1:
        return None
    return Standard("Concat", kernel.inputs, kernel.outputs, {"axis": kernel.attributes.get("dim", 0)})


operators.declare("_to_copy", free, layout=True, onnx=_write_cast, reads=reading("Cast CastLike"))
operators.declare("clone to _reshape_copy", free, layout=True)
operators.declare("cat", free, onnx=_write_concat)
operators.declare("copy", free, traffic_in_place=overwrites)
operators.declare("complex", free, kind="elementwise")
operators.declare(
    """
    _autocast_to_full_precision _autocast_to_reduced_precision _cast_Byte _cast_Char _cast_Double _cast_Float
    _cast_Half _cast_Int _cast_Long _cast_Short _chunk_cat _copy_from _copy_from_and_resize _cudnn_rnn_flatten_weight
    _foreach_clone _foreach_copy _lazy_clone _pin_memory _stack _to_cpu _to_dense
    _convert_weight_to_int4pack _convert_weight_to_int4pack_for_cpu _dyn_quant_pack_4bit_weight
    _wrapped_linear_prepack fbgemm_pack_gemm_matrix_fp16 fbgemm_pack_quantized_matrix
    alias_copy as_strided_copy block_diag concat concatenate detach_copy diag diag_embed
    diagonal_copy expand_copy lift_fresh_copy mkldnn_reorder_conv2d_weight mkldnn_reorder_conv3d_weight narrow_copy
    permute_copy pin_memory select_copy slice_copy split_copy split_with_sizes_copy squeeze_copy stack t_copy
    to_dense to_mkldnn to_padded_tensor transpose_copy unbind_copy unfold_copy unsqueeze_copy view_as_complex_copy
    view_as_real_copy view_copy int_repr lu_unpack _reshape_alias_copy
    indices_copy values_copy _indices_copy _values_copy crow_indices_copy col_indices_copy ccol_indices_copy
    row_indices_copy
    """,
    free,
)


# Moves of whole elements ----------------------------------------------------------------------------------------------


def _write_index_select(kernel: Operation) -> Standard | None:
    if rank_of(kernel.inputs[1]) != 1:
        return None
    return Standard("Gather", kernel.inputs, kernel.outputs, {"axis": kernel.attributes.get("dim")})


def _write_pad(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    # torch lists (before, after) from the last dimension; ONNX all before, then all after, from the first.
    padding = integers(kernel.attributes.get("pad", kernel.attributes.get("padding")))
    if any(extent < 0 for extent in padding):
        return None
    skipped = (0,) * (rank_of(x) - len(padding) // 2)
    pads = Literal((*skipped, *padding[-2::-2], *skipped, *padding[::-2]))
    if "constant" in kernel.op:
        return Standard("Pad", (x, pads, Literal(kernel.attributes.get("value", 0), dtype_of(x) or "")), kernel.outputs)
    return Standard("Pad", (x, pads), kernel.outputs, {"mode": "reflect" if "reflection" in kernel.op else "edge"})


def _write_pixel_shuffle(kernel: Operation) -> Standard | None:
    if rank_of(kernel.inputs[0]) != 4:
        return None
    attributes = {"blocksize": kernel.attributes.get("upscale_factor"), "mode": "CRD"}
    return Standard("DepthToSpace", kernel.inputs, kernel.outputs, attributes)


operators.declare("gather index _unsafe_index take", free, traffic=gathers)
operators.declare("index_select", free, traffic=gathers, onnx=_write_index_select)
operators.declare("index_copy index_fill", free, traffic_in_place=scatters)
operators.declare("constant_pad_nd", free, onnx=_write_pad)
operators.declare("reflection_pad1d reflection_pad2d reflection_pad3d", free, onnx=_write_pad)
operators.declare("replication_pad1d replication_pad2d replication_pad3d", free, onnx=_write_pad)
operators.declare("pixel_shuffle", free, onnx=_write_pixel_shuffle, reads=reading("DepthToSpace"))
operators.declare("pixel_unshuffle", free, reads=reading("SpaceToDepth"))
operators.declare("flip", free, reads=reading("ReverseSequence"))
operators.declare("repeat", free, reads=reading("Tile"))
operators.declare(
    """
    _jagged_to_padded_dense_forward _nested_from_padded
    _nested_from_padded_and_nested_example _nested_tensor_from_mask _nested_tensor_from_tensor_list
    _pack_padded_sequence _padded_dense_to_jagged_forward as_strided_scatter channel_shuffle
    diagonal_scatter im2col native_channel_shuffle repeat_interleave roll rot90
    select_backward select_scatter slice_backward slice_scatter diagonal_backward trace_backward
    value_selecting_reduction_backward _gather_sparse_backward to_dense_backward to_mkldnn_backward
    _nested_select_backward _nested_sum_backward _pack_padded_sequence_backward tril triu
    """,
    free,
)


# As authors write them ------------------------------------------------------------------------------------------------

operators.declare("reshape view flatten unflatten", library="", onnx=_write_reshape, layout=True)
operators.declare(
    """
    H T adjoint bfloat16 bool byte char cpu cuda double dsplit float getitem half hsplit identity int long moveaxis ravel
    requires_grad short type type_as vsplit
    """,
    library="",
    layout=True,
)
operators.declare(
    """
    atleast_1d atleast_2d atleast_3d broadcast_tensors cartesian_prod column_stack combinations dstack fliplr flipud fold
    hstack meshgrid pad row_stack setitem take_along_dim tile vstack
    """,
    library="",
)
