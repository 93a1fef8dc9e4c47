"""Which operations say exactly the same as a standard ONNX operator, and how they are written as one.

A rule sees one ATen kernel, or a whole node where its author's operation runs several, and says how ONNX writes it; None
where ONNX has nothing that is the same for these arguments. Values must be equal, not only similar: each rule is run in
onnxruntime against torch by the tests. Every rule may leave checks of dtypes and of symbolic numbers to `lower`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

import onnx

from fxviz.exporters.onnx_types import ELEMENT_TYPES
from fxviz.ir import Attribute, Dim, Kernel, Node, Value
from fxviz.rules import RuleTable

__all__ = ["OPSET", "Literal", "OperatorRule", "Standard", "lower", "operators"]

OPSET = 23
"""The version of the standard operators: the first with Attention."""


@dataclass(frozen=True)
class Literal:
    """A constant operand: a number, or a list of numbers."""

    value: Attribute
    dtype: str = "int64"


Operand: TypeAlias = Value | Literal | None
Operation: TypeAlias = Kernel | Node


@dataclass(frozen=True)
class Standard:
    """An operation as a standard ONNX operator; an operand that is None is left out."""

    op_type: str
    inputs: tuple[Operand, ...]
    outputs: tuple[Value | None, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: MappingProxyType({}))


OperatorRule: TypeAlias = Callable[[Operation], Standard | None]

operators: RuleTable[OperatorRule] = RuleTable()
"""The rules, by the operation of a node (``linear``) or by the kernel that is all that a node runs (``aten.relu``)."""


def lower(node: Node, rules: RuleTable[OperatorRule] = operators) -> Standard | None:
    """``node`` as a standard operator that computes the same, or None."""
    if (rule := rules.find(node.op)) is not None and (found := rule(node)) is not None:
        return _checked(found)
    if len(kernels := _working(node)) != 1:
        return None
    (kernel,) = kernels
    if (rule := rules.find(kernel.op)) is None or not _known(kernel):
        return None
    found = rule(kernel)
    if found is None or not set(node.outputs) <= set(found.outputs):
        return None
    # What a kernel returns beside the result of its node, such as the mean of a layer norm, is nobody's business.
    outputs = tuple(value if value in node.outputs else None for value in found.outputs)
    return _checked(Standard(found.op_type, found.inputs, outputs, found.attributes))


def _working(node: Node) -> list[Kernel]:
    """The kernels whose results are used: batch norm also makes an empty tensor, for a backward pass that never comes."""
    used = {value for kernel in node.kernels for value in kernel.inputs} | set(node.outputs)
    return [kernel for kernel in node.kernels if not used.isdisjoint(kernel.outputs)]


def _checked(found: Standard) -> Standard | None:
    literals = [operand for operand in found.inputs if isinstance(operand, Literal)]
    if not all(map(_is_static, found.attributes.values())) or not all(map(_fits, literals)):
        return None
    inputs, outputs = tuple(map(_dtype, found.inputs)), tuple(map(_dtype, found.outputs))
    return found if _accepts(found.op_type, inputs, outputs) else None


def _is_static(attribute: Attribute) -> bool:
    if isinstance(attribute, tuple):
        return all(map(_is_static, attribute))
    return isinstance(attribute, bool | int | float | str)


def _fits(literal: Literal) -> bool:
    """Whether the numbers can be written in the dtype of the literal without rounding to whole numbers."""
    values = literal.value if isinstance(literal.value, tuple) else (literal.value,)
    if "float" in literal.dtype:
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    wanted = bool if literal.dtype == "bool" else int
    return all(type(value) is wanted for value in values)


def _dtype(operand: Operand) -> str | None:
    """The dtype of an operand, ``""`` for one that is left out, None for one of unknown type."""
    if operand is None:
        return ""
    if isinstance(operand, Literal):
        return operand.dtype
    return operand.type.dtype if operand.type else None


@lru_cache(maxsize=4096)
def _accepts(op_type: str, inputs: tuple[str | None, ...], outputs: tuple[str | None, ...]) -> bool:
    """Whether the operator's own schema allows as many operands, these dtypes together, and leaving out what is left out."""
    if not onnx.defs.has(op_type, OPSET, ""):
        return False
    schema = onnx.defs.get_schema(op_type, OPSET, "")
    if not schema.min_input <= len(inputs) <= schema.max_input:
        return False
    if not schema.min_output <= len(outputs) <= schema.max_output:
        return False
    allowed = {constraint.type_param_str: constraint.allowed_type_strs for constraint in schema.type_constraints}
    bound: dict[str, str] = {}
    for formals, dtypes in ((schema.inputs, inputs), (schema.outputs, outputs)):
        for position, dtype in enumerate(dtypes):
            formal = formals[min(position, len(formals) - 1)]
            if dtype == "" and formal.option == onnx.defs.OpSchema.FormalParameterOption.Optional:
                continue
            if dtype is None or dtype not in ELEMENT_TYPES:
                return False
            variable = formal.type_str
            actual = _type_string(ELEMENT_TYPES[dtype])
            if actual not in allowed.get(variable, (variable,)) or bound.setdefault(variable, actual) != actual:
                return False
    return True


def _type_string(element_type: int) -> str:
    return f"tensor({onnx.TensorProto.DataType.Name(element_type).lower()})"


# Reading arguments ----------------------------------------------------------------------------------------------------


def _shape(value: Value) -> tuple[Dim, ...]:
    assert value.type  # `lower` asks no rule about unknown types
    return value.type.shape


def _rank(value: Value) -> int:
    return len(_shape(value))


def _known(operation: Operation) -> bool:
    return all(value.type for value in (*operation.inputs, *operation.outputs))


def _integers(attribute: Attribute) -> tuple[int, ...]:
    """An integer or a list of them as a tuple; empty where it is anything else."""
    values = attribute if isinstance(attribute, tuple) else (attribute,)
    return tuple(value for value in values if isinstance(value, int))


def _spread(attribute: Attribute, spatial: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
    """One integer for each spatial dimension, where one may stand for all."""
    values = _integers(attribute) or default
    return values * spatial if len(values) == 1 else values


def _operand(operation: Operation, name: str, like: Value) -> Operand:
    """The argument ``name``, a number as a constant of the dtype of ``like``."""
    if (value := operation.input(name)) is not None:
        return value
    number = operation.attributes.get(name)
    assert like.type
    return None if number is None else Literal(number, like.type.dtype)


# Element by element ---------------------------------------------------------------------------------------------------

_ELEMENTWISE = {
    **{"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "hardswish": "HardSwish", "mish": "Mish"},
    **{
        "exp": "Exp",
        "log": "Log",
        "sqrt": "Sqrt",
        "erf": "Erf",
        "reciprocal": "Reciprocal",
        "sin": "Sin",
        "cos": "Cos",
    },
    **{"neg": "Neg", "abs": "Abs", "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "logical_not": "Not"},
}
_PAIRWISE = {
    **{"mul": "Mul", "maximum": "Max", "minimum": "Min", "logical_and": "And", "logical_or": "Or"},
    **{"eq": "Equal", "gt": "Greater", "ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual"},
}


def _elementwise(op_type: str) -> OperatorRule:
    return lambda kernel: Standard(op_type, kernel.inputs[:1], kernel.outputs)


def _pairwise(op_type: str) -> OperatorRule:
    return lambda kernel: Standard(
        op_type, (kernel.inputs[0], _operand(kernel, "other", kernel.inputs[0])), kernel.outputs
    )


for _aten, _op_type in _ELEMENTWISE.items():
    operators(f"aten.{_aten}", f"aten.{_aten}_")(_elementwise(_op_type))
for _aten, _op_type in _PAIRWISE.items():
    operators(f"aten.{_aten}", f"aten.{_aten}_")(_pairwise(_op_type))


@operators("aten.add", "aten.add_")
def _add(kernel: Operation) -> Standard | None:
    return _pairwise("Add")(kernel) if kernel.attributes.get("alpha", 1) == 1 else None


@operators("aten.sub", "aten.sub_")
def _sub(kernel: Operation) -> Standard | None:
    return _pairwise("Sub")(kernel) if kernel.attributes.get("alpha", 1) == 1 else None


@operators("aten.rsub")
def _rsub(kernel: Operation) -> Standard | None:
    if kernel.attributes.get("alpha", 1) != 1:
        return None
    x = kernel.inputs[0]
    return Standard("Sub", (_operand(kernel, "other", x), x), kernel.outputs)


@operators("aten.div", "aten.div_")
def _div(kernel: Operation) -> Standard | None:
    (x, *_), y = kernel.inputs, kernel.outputs[0]
    # Whole numbers divided are no whole number in torch.
    if kernel.attributes.get("rounding_mode") is not None or _dtype(x) != _dtype(y):
        return None
    return _pairwise("Div")(kernel)


@operators("aten.pow.Tensor_Scalar", "aten.pow.Tensor_Tensor")
def _pow(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    return Standard("Pow", (x, _operand(kernel, "exponent", x)), kernel.outputs)


@operators("aten.where.self")
def _where(kernel: Operation) -> Standard | None:
    return Standard("Where", kernel.inputs, kernel.outputs) if len(kernel.inputs) == 3 else None


@operators("aten.masked_fill", "aten.masked_fill_")
def _masked_fill(kernel: Operation) -> Standard | None:
    x, mask = kernel.inputs[:2]
    return Standard("Where", (mask, _operand(kernel, "value", x), x), kernel.outputs)


@operators("aten.clamp", "aten.clamp_", "aten.clamp_min", "aten.clamp_max", "aten.clamp_min_", "aten.clamp_max_")
def _clamp(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    bounds = (_operand(kernel, "min", x), _operand(kernel, "max", x))
    return None if any(isinstance(bound, Value) for bound in bounds) else Standard("Clip", (x, *bounds), kernel.outputs)


@operators("aten.hardtanh", "aten.hardtanh_")
def _hardtanh(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    bounds = (kernel.attributes.get("min_val", -1.0), kernel.attributes.get("max_val", 1.0))
    return Standard("Clip", (x, *(Literal(bound, _dtype(x) or "") for bound in bounds)), kernel.outputs)


@operators("aten.leaky_relu", "aten.leaky_relu_")
def _leaky_relu(kernel: Operation) -> Standard | None:
    slope = kernel.attributes.get("negative_slope", 0.01)
    return Standard("LeakyRelu", kernel.inputs, kernel.outputs, {"alpha": _real(slope)})


@operators("aten.elu", "aten.elu_")
def _elu(kernel: Operation) -> Standard | None:
    given = kernel.attributes
    if given.get("input_scale", 1) != 1:
        return None
    alpha, scale = _real(given.get("alpha", 1.0)), _real(given.get("scale", 1.0))
    if scale == 1.0:
        return Standard("Elu", kernel.inputs, kernel.outputs, {"alpha": alpha})
    return Standard("Selu", kernel.inputs, kernel.outputs, {"alpha": alpha, "gamma": scale})


@operators("prelu")
def _prelu(node: Operation) -> Standard | None:
    # torch's slopes are those of the channels, ONNX's those of the last dimension.
    if not _known(node) or len(node.inputs) != 2 or _shape(node.inputs[1]) != (1,):
        return None
    return Standard("PRelu", node.inputs, node.outputs)


@operators("aten.hardsigmoid", "aten.hardsigmoid_")
def _hardsigmoid(kernel: Operation) -> Standard | None:
    # torch: relu6(x + 3) / 6
    return Standard("HardSigmoid", kernel.inputs, kernel.outputs, {"alpha": 1 / 6, "beta": 0.5})


@operators("aten.softplus")
def _softplus(kernel: Operation) -> Standard | None:
    # Above its threshold torch gives x itself; from 20 on, ln(1 + e^x) rounds to that in single precision.
    given = kernel.attributes
    threshold = given.get("threshold", 20)
    same = given.get("beta", 1) == 1 and isinstance(threshold, int | float) and threshold >= 20
    return (
        Standard("Softplus", kernel.inputs, kernel.outputs) if same and _dtype(kernel.inputs[0]) != "float64" else None
    )


@operators("dropout", "dropout1d", "dropout2d", "dropout3d")
def _dropout(node: Operation) -> Standard | None:
    # Without its optional inputs, ONNX's is the one of inference, which drops nothing.
    return Standard("Dropout", node.inputs, node.outputs) if node.attributes.get("training") is False else None


@operators("aten.gelu", "aten.gelu_")
def _gelu(kernel: Operation) -> Standard | None:
    approximate = kernel.attributes.get("approximate", "none")
    return Standard("Gelu", kernel.inputs, kernel.outputs, {"approximate": approximate})


@operators("aten._softmax", "aten._log_softmax")
def _softmax(kernel: Operation) -> Standard | None:
    op_type = "LogSoftmax" if "log" in kernel.op else "Softmax"
    return Standard(op_type, kernel.inputs, kernel.outputs, {"axis": kernel.attributes.get("dim")})


@operators("aten._to_copy")
def _to_copy(kernel: Operation) -> Standard | None:
    (x,), (y,) = kernel.inputs, kernel.outputs
    assert x.type
    assert y.type
    if x.type.device != y.type.device or not {x.type.dtype, y.type.dtype} <= _CASTABLE:
        return None
    return Standard("Cast", (x,), (y,), {"to": ELEMENT_TYPES[y.type.dtype]})


# Narrower types differ in how they saturate.
_CASTABLE = {"bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"}


def _real(attribute: Attribute) -> Attribute:
    """A whole number as a real one: ONNX keeps the two apart."""
    return float(attribute) if isinstance(attribute, int) else attribute


# Matrices and convolutions --------------------------------------------------------------------------------------------


@operators("linear")
def _linear(node: Operation) -> Standard | None:
    if not _known(node) or len(node.inputs) < 2 or [_rank(value) for value in node.inputs[:2]] != [2, 2]:
        return None
    return Standard("Gemm", node.inputs, node.outputs, {"transB": 1})


@operators("aten.addmm")
def _addmm(kernel: Operation) -> Standard | None:
    bias, a, b = kernel.inputs
    scales = {name: _real(kernel.attributes.get(name, 1)) for name in ("alpha", "beta")}
    return Standard("Gemm", (a, b, bias), kernel.outputs, {name: scale for name, scale in scales.items() if scale != 1})


@operators("matmul", "aten.mm", "aten.bmm", "aten.dot", "aten.mv")
def _matmul(operation: Operation) -> Standard | None:
    if len(operation.inputs) != 2 or not _known(operation):
        return None
    return Standard("MatMul", operation.inputs, operation.outputs)


@operators("aten.convolution")
def _convolution(kernel: Operation) -> Standard | None:
    x, weight = kernel.inputs[:2]
    spatial = _rank(weight) - 2
    if _rank(x) != spatial + 2:
        return None
    given = kernel.attributes
    padding = _spread(given.get("padding"), spatial)
    attributes: dict[str, Attribute] = {
        "kernel_shape": _shape(weight)[2:],
        "strides": _spread(given.get("stride"), spatial),
        "pads": padding * 2,
        "dilations": _spread(given.get("dilation"), spatial),
        "group": given.get("groups", 1),
    }
    if not given.get("transposed"):
        return Standard("Conv", kernel.inputs, kernel.outputs, attributes)
    attributes["output_padding"] = _spread(given.get("output_padding"), spatial)
    return Standard("ConvTranspose", kernel.inputs, kernel.outputs, attributes)


@operators("scaled_dot_product_attention")
def _attention(node: Operation) -> Standard | None:
    query, key, value, *masks = node.inputs
    mask = node.input("attn_mask")
    if not _known(node) or [_rank(each) for each in (query, key, value)] != [4, 4, 4] or masks != [mask] * len(masks):
        return None
    given = node.attributes
    causal = bool(given.get("is_causal"))
    # With unequal lengths the two mean different diagonals.
    if given.get("dropout_p") or (causal and _shape(query)[2] != _shape(key)[2]):
        return None
    attributes: dict[str, Attribute] = {"is_causal": 1} if causal else {}
    if (scale := given.get("scale")) is not None:
        attributes["scale"] = _real(scale)
    return Standard("Attention", (query, key, value, mask) if mask else (query, key, value), node.outputs, attributes)


# Normalisation --------------------------------------------------------------------------------------------------------


@operators(
    "aten.native_batch_norm",
    "aten._native_batch_norm_legit_no_training",
    "aten.cudnn_batch_norm",
    "aten._batch_norm_no_update",
)
def _batch_norm(kernel: Operation) -> Standard | None:
    given = kernel.attributes
    names = ("weight", "bias", "running_mean", "running_var")
    operands = [kernel.input(name) for name in names]
    if given.get("training") or None in operands:
        return None
    epsilon = _real(given.get("eps", given.get("epsilon")))
    return Standard("BatchNormalization", (kernel.inputs[0], *operands), kernel.outputs[:1], {"epsilon": epsilon})


@operators("aten.native_layer_norm")
def _layer_norm(kernel: Operation) -> Standard | None:
    x, scale, bias = kernel.inputs[0], kernel.input("weight"), kernel.input("bias")
    # ONNX computes the statistics in single precision.
    if scale is None or _dtype(x) == "float64":
        return None
    attributes = {"axis": -_rank(scale), "epsilon": _real(kernel.attributes.get("eps"))}
    return Standard("LayerNormalization", (x, scale, bias) if bias else (x, scale), kernel.outputs[:1], attributes)


@operators("aten.native_group_norm")
def _group_norm(kernel: Operation) -> Standard | None:
    x, scale, bias = kernel.inputs[0], kernel.input("weight"), kernel.input("bias")
    if scale is None or bias is None or _dtype(x) == "float64" or _rank(x) < 3:
        return None
    attributes = {"num_groups": kernel.attributes.get("group"), "epsilon": _real(kernel.attributes.get("eps"))}
    return Standard("GroupNormalization", (x, scale, bias), kernel.outputs[:1], attributes)


@operators("instance_norm")
def _instance_norm(node: Operation) -> Standard | None:
    x, scale, bias = node.inputs[0], node.input("weight"), node.input("bias")
    if scale is None or bias is None or not node.attributes.get("use_input_stats") or not _known(node) or _rank(x) < 3:
        return None
    return Standard(
        "InstanceNormalization", (x, scale, bias), node.outputs, {"epsilon": _real(node.attributes.get("eps"))}
    )


@operators("rms_norm")
def _rms_norm(node: Operation) -> Standard | None:
    x, scale, epsilon = node.inputs[0], node.input("weight"), node.attributes.get("eps")
    # Without a number of its own, torch takes one that depends on the dtype.
    if scale is None or epsilon is None or not _known(node) or _dtype(x) == "float64":
        return None
    attributes = {"axis": -_rank(scale), "epsilon": _real(epsilon)}
    return Standard("RMSNormalization", (x, scale), node.outputs, attributes)


# Pooling --------------------------------------------------------------------------------------------------------------


def _pool(kernel: Operation) -> dict[str, Attribute] | None:
    """What all pools over batched images have in common; None where torch's rounding up differs from ONNX's."""
    given = kernel.attributes
    size = _integers(given.get("kernel_size"))
    spatial = _rank(kernel.inputs[0]) - 2
    if given.get("ceil_mode") or f"pool{spatial}d" not in kernel.op:
        return None
    kernel_shape = _spread(size, spatial)
    padding = _spread(given.get("padding"), spatial, (0,))
    return {
        "kernel_shape": kernel_shape,
        "strides": _spread(given.get("stride"), spatial, kernel_shape),
        "pads": padding * 2,
    }


@operators("aten.max_pool2d_with_indices", "aten.max_pool3d_with_indices")
def _max_pool(kernel: Operation) -> Standard | None:
    if (attributes := _pool(kernel)) is None:
        return None
    attributes["dilations"] = _spread(kernel.attributes.get("dilation"), _rank(kernel.inputs[0]) - 2, (1,))
    # The indices count differently.
    return Standard("MaxPool", kernel.inputs, kernel.outputs[:1], attributes)


@operators("aten.avg_pool2d", "aten.avg_pool3d")
def _avg_pool(kernel: Operation) -> Standard | None:
    if (attributes := _pool(kernel)) is None or kernel.attributes.get("divisor_override") is not None:
        return None
    attributes["count_include_pad"] = int(bool(kernel.attributes.get("count_include_pad", True)))
    return Standard("AveragePool", kernel.inputs, kernel.outputs, attributes)


@operators("aten.mean", "aten.sum", "aten.amax", "aten.amin")
def _reduce(kernel: Operation) -> Standard | None:
    x, rank = kernel.inputs[0], _rank(kernel.inputs[0])
    axes = tuple(sorted(axis % rank for axis in _integers(kernel.attributes.get("dim")))) if rank else ()
    keep = bool(kernel.attributes.get("keepdim"))
    name = kernel.op.split(".")[1]
    if name == "mean" and keep and rank > 2 and axes == tuple(range(2, rank)):
        return Standard("GlobalAveragePool", (x,), kernel.outputs)
    op_type = {"mean": "ReduceMean", "sum": "ReduceSum", "amax": "ReduceMax", "amin": "ReduceMin"}[name]
    return Standard(op_type, (x, Literal(axes)) if axes else (x,), kernel.outputs, {"keepdims": int(keep)})


# Moving elements ------------------------------------------------------------------------------------------------------


@operators("reshape", "view", "flatten", "unflatten", "aten.view", "aten._unsafe_view", "aten._reshape_alias")
def _reshape(operation: Operation) -> Standard | None:
    if not _known(operation) or len(operation.inputs) != 1 or len(operation.outputs) != 1:
        return None
    (x,), (y,) = operation.inputs, operation.outputs
    shape = _shape(y)
    if operation.op == "flatten" and len(shape) == 2 and _rank(x) > 1 and shape[0] == _shape(x)[0]:
        return Standard("Flatten", (x,), (y,), {"axis": 1})
    if sum(not isinstance(extent, int) for extent in shape) > 1 or 0 in shape:
        return None
    return Standard("Reshape", (x, Literal(tuple(extent if isinstance(extent, int) else -1 for extent in shape))), (y,))


@operators("aten.transpose.int", "aten.t", "aten.permute")
def _transpose(kernel: Operation) -> Standard | None:
    rank = _rank(kernel.inputs[0])
    if (dims := kernel.attributes.get("dims")) is not None:
        order = [dim % rank for dim in _integers(dims)]
    else:
        first, second = (_integers(kernel.attributes.get(name, i))[0] % rank for i, name in enumerate(("dim0", "dim1")))
        order = list(range(rank))
        order[first], order[second] = order[second], order[first]
    return Standard("Transpose", kernel.inputs, kernel.outputs, {"perm": tuple(order)})


@operators("aten.unsqueeze", "aten.unsqueeze_")
def _unsqueeze(kernel: Operation) -> Standard | None:
    return Standard("Unsqueeze", (*kernel.inputs, Literal(_integers(kernel.attributes.get("dim")))), kernel.outputs)


@operators("aten.squeeze", "aten.squeeze_")
def _squeeze(kernel: Operation) -> Standard | None:
    shape = _shape(kernel.inputs[0])
    dims = _integers(kernel.attributes.get("dim", tuple(range(len(shape)))))
    # torch leaves a dimension that is not 1 as it is.
    axes = tuple(dim for dim in dims if shape[dim] == 1)
    return Standard("Squeeze", (*kernel.inputs, Literal(axes)), kernel.outputs) if axes else None


@operators("aten.expand")
def _expand(kernel: Operation) -> Standard | None:
    return Standard("Expand", (*kernel.inputs, Literal(_shape(kernel.outputs[0]))), kernel.outputs)


@operators("aten.cat")
def _concat(kernel: Operation) -> Standard | None:
    # torch takes empty tensors of rank 1 among others.
    if len({_rank(value) for value in kernel.inputs}) != 1:
        return None
    return Standard("Concat", kernel.inputs, kernel.outputs, {"axis": kernel.attributes.get("dim", 0)})


@operators("aten.split", "aten.split_with_sizes")
def _split(kernel: Operation) -> Standard | None:
    axis = _integers(kernel.attributes.get("dim", 0))[0]
    sizes = tuple(_shape(value)[axis] for value in kernel.outputs)
    return Standard("Split", (*kernel.inputs, Literal(sizes)), kernel.outputs, {"axis": axis})


@operators("aten.slice.Tensor")
def _slice(kernel: Operation) -> Standard | None:
    given = kernel.attributes
    start, end = given.get("start"), given.get("end")
    bounds = (
        (0 if start is None else start,),
        (2**63 - 1 if end is None else end,),
        (given.get("dim", 0),),
        (given.get("step", 1),),
    )
    return Standard("Slice", (*kernel.inputs, *map(Literal, bounds)), kernel.outputs)


@operators("aten.select.int")
def _select(kernel: Operation) -> Standard | None:
    index, axis = kernel.attributes.get("index"), kernel.attributes.get("dim")
    return Standard("Gather", (*kernel.inputs, Literal(index)), kernel.outputs, {"axis": axis})


@operators("aten.embedding")
def _embedding(kernel: Operation) -> Standard | None:
    return Standard("Gather", kernel.inputs, kernel.outputs, {"axis": 0})


@operators("aten.index_select")
def _index_select(kernel: Operation) -> Standard | None:
    if _rank(kernel.inputs[1]) != 1:
        return None
    return Standard("Gather", kernel.inputs, kernel.outputs, {"axis": kernel.attributes.get("dim")})


@operators(
    "aten.constant_pad_nd", *(f"aten.{kind}_pad{n}d" for kind in ("reflection", "replication") for n in (1, 2, 3))
)
def _pad(kernel: Operation) -> Standard | None:
    x = kernel.inputs[0]
    # torch lists (before, after) from the last dimension; ONNX all before, then all after, from the first.
    given = _integers(kernel.attributes.get("pad", kernel.attributes.get("padding")))
    if any(extent < 0 for extent in given):
        return None
    skipped = (0,) * (_rank(x) - len(given) // 2)
    pads = Literal((*skipped, *given[-2::-2], *skipped, *given[::-2]))
    if "constant" in kernel.op:
        return Standard("Pad", (x, pads, Literal(kernel.attributes.get("value", 0), _dtype(x) or "")), kernel.outputs)
    return Standard("Pad", (x, pads), kernel.outputs, {"mode": "reflect" if "reflection" in kernel.op else "edge"})


@operators("aten.pixel_shuffle")
def _pixel_shuffle(kernel: Operation) -> Standard | None:
    if _rank(kernel.inputs[0]) != 4:
        return None
    attributes = {"blocksize": kernel.attributes.get("upscale_factor"), "mode": "CRD"}
    return Standard("DepthToSpace", kernel.inputs, kernel.outputs, attributes)
