"""Matrix products and convolutions, also of quantised tensors: the result says that a product is of integers."""

from __future__ import annotations

from fxviz.analysis.rules import RuleTable
from fxviz.importers.onnx.operation import Operand, Operation, Step, Translation, step
from fxviz.importers.onnx.operators.elementwise import between
from fxviz.ir import Attribute, TensorType, Value

__all__ = ["rules"]

rules: RuleTable[Translation] = RuleTable()


def _convolve(
    operation: Operation, x: Operand, weight: Operand, bias: Operand, result: Value | None, *, transposed: bool = False
) -> Step:
    given = operation.attributes
    attributes: dict[str, Attribute] = {
        "stride": given.get("strides"),
        "padding": given.get("pads"),
        "dilation": given.get("dilations"),
        "transposed": transposed,
        "groups": operation.integer("group", 1),
    }
    operands = {"input": x, "weight": weight, "bias": bias}
    return step("aten.convolution.default", operands, (result,), attributes)


@rules("Conv", "ConvTranspose")
def _convolution(operation: Operation) -> list[Step]:
    x, weight, bias = (operation.operand(position) for position in range(3))
    transposed = operation.op_type == "ConvTranspose"
    return [_convolve(operation, x, weight, bias, operation.outputs[0], transposed=transposed)]


@rules("ConvInteger")
def _integer_convolution(operation: Operation) -> list[Step]:
    return [_convolve(operation, operation.operand(0), operation.operand(1), None, operation.outputs[0])]


@rules("QLinearConv")
def _quantised_convolution(operation: Operation) -> list[Step]:
    operands = (operation.operand(0), operation.operand(3), operation.operand(8))
    return [_convolve(operation, *operands, operation.outputs[0])]


@rules("com.microsoft.FusedConv")
def _fused_convolution(operation: Operation) -> list[Step] | None:
    """Translate a convolution, a tensor that is added, an activation."""
    kernels = {
        "Relu": "relu",
        "Sigmoid": "sigmoid",
        "Tanh": "tanh",
        "LeakyRelu": "leaky_relu",
        "HardSigmoid": "hardsigmoid",
        "Clip": "clamp",
    }
    if (activation := kernels.get(str(operation.attributes.get("activation")))) is None:
        return None
    bounds = {"min": 0.0, "max": 0.0} if activation == "clamp" else {}
    product, addend = between(operation), operation.operand(3)
    steps = [_convolve(operation, operation.operand(0), operation.operand(1), operation.operand(2), product)]
    if addend is not None:
        total = between(operation)
        steps.append(step("aten.add.Tensor", {"self": product, "other": addend}, (total,)))
        product = total
    return [*steps, step(f"aten.{activation}.default", {"self": product}, operation.outputs, bounds)]


@rules("DeformConv")
def _deformable(operation: Operation) -> list[Step] | None:
    """Put the mask before the bias, as torchvision does; ONNX has them the other way round."""
    names = ("input", "weight", "offset", "bias", "mask")
    given = {name: operation.operand(position) for position, name in enumerate(names)}
    operands = {name: given[name] for name in ("input", "weight", "offset", "mask", "bias")}
    attributes: dict[str, Attribute] = {"use_mask": given["mask"] is not None}
    return [step("torchvision.deform_conv2d.default", operands, operation.outputs, attributes)]


@rules("MatMul", "MatMulInteger")
def _matmul(operation: Operation) -> list[Step]:
    return [_product(operation.operand(0), operation.operand(1), operation.outputs[0])]


@rules("QLinearMatMul")
def _quantised_matmul(operation: Operation) -> list[Step]:
    return [_product(operation.operand(0), operation.operand(3), operation.outputs[0])]


def _product(a: Operand, b: Operand, result: Value | None) -> Step:
    return step("aten.matmul.default", {"self": a, "other": b}, (result,))


@rules("com.microsoft.FusedMatMul", "com.microsoft.TransposeMatMul")
def _fused_matmul(operation: Operation) -> list[Step] | None:
    """Translate transposed operands, and a factor."""
    if any(operation.integer(f"transBatch{side}", 0) for side in "AB"):
        return None
    steps: list[Step] = []
    a, b = (_transposed(operation, position, side, steps) for position, side in enumerate("AB"))
    alpha = operation.attributes.get("alpha", 1.0)
    if alpha == 1.0:
        return [*steps, _product(a, b, operation.outputs[0])]
    product = between(operation)
    return [
        *steps,
        _product(a, b, product),
        step("aten.mul.Scalar", {"self": product}, operation.outputs, {"other": alpha}),
    ]


@rules("com.microsoft.MatMulNBits")
def _packed(operation: Operation) -> list[Step]:
    operands = {"self": operation.operand(0), "mat2": operation.operand(1), "scales": operation.operand(2)}
    return [step("aten._weight_int4pack_mm.default", operands, operation.outputs)]


@rules("Gemm")
def _gemm(operation: Operation) -> list[Step] | None:
    """``alpha · A · B + beta · C``, A and B transposed on request; C broadcasts."""
    steps: list[Step] = []
    a, b = (_transposed(operation, position, side, steps) for position, side in enumerate("AB"))
    factors = {name: operation.attributes.get(name, 1.0) for name in ("alpha", "beta")}
    scaled = {name: factor for name, factor in factors.items() if factor != 1.0}
    c = operation.operand(2)
    if c is not None:
        operands = {"self": c, "mat1": a, "mat2": b}
        return [*steps, step("aten.addmm.default", operands, operation.outputs, scaled)]
    if "alpha" not in scaled:
        return [*steps, step("aten.mm.default", {"self": a, "mat2": b}, operation.outputs)]
    product = between(operation)
    return [
        *steps,
        step("aten.mm.default", {"self": a, "mat2": b}, (product,)),
        step("aten.mul.Scalar", {"self": product}, operation.outputs, {"other": scaled["alpha"]}),
    ]


def _transposed(operation: Operation, position: int, side: str, steps: list[Step]) -> Operand:
    """Return the operand, with its last two extents swapped by a view if ``transA`` or ``transB`` asks for it."""
    operand = operation.operand(position)
    if not operation.integer(f"trans{side}", 0) or not isinstance(operand, Value) or operand.type is None:
        return operand
    *batch, rows, columns = operand.type.shape
    turned = Value("", TensorType((*batch, columns, rows), operand.type.dtype))
    steps.append(step("aten.transpose.int", {"self": operand}, (turned,), {"dim0": -2, "dim1": -1}))
    return turned
