"""Attention, ONNX's own and onnxruntime's, as projections, reshapes and ``scaled_dot_product_attention``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.rules import RuleTable
from fxviz.importers.onnx.operation import Operation, Step, Translation, step
from fxviz.ir import Attribute, Dim, TensorType, Value

if TYPE_CHECKING:
    from fxviz.importers.onnx.operation import Operand

__all__ = ["rules"]

rules: RuleTable[Translation] = RuleTable()


class _Writer:
    """Kernels of one operation, and the tensors between them."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def run(
        self, op: str, shape: tuple[Dim, ...], dtype: str, operands: dict[str, Operand], **attributes: Attribute
    ) -> Value:
        result = Value("", TensorType(shape, dtype))
        self.steps.append(step(op, operands, (result,), attributes))
        return result

    def heads(self, value: Value, count: int) -> Value | None:
        """Split (B, L, H · E) into (B, H, L, E); a tensor of four extents stays as it is."""
        if value.type is None or len(value.type.shape) != 3:
            return value if value.type is not None and len(value.type.shape) == 4 else None
        batch, length, width = value.type.shape
        if count < 1:
            return None
        dtype, each = value.type.dtype, width // count
        split = self.run("aten.view.default", (batch, length, count, each), dtype, {"self": value})
        return self.run("aten.transpose.int", (batch, count, length, each), dtype, {"self": split}, dim0=1, dim1=2)

    def rotated(self, value: Value) -> Value:
        """Apply rotary positions."""
        assert value.type
        return self.run("onnx.RotaryEmbedding.23", value.type.shape, value.type.dtype, {"X": value})

    def joined(self, past: Value | None, new: Value, present: Value | None) -> Value:
        """Put keys or values of earlier positions before the new ones."""
        if past is None or past.type is None or new.type is None or len(past.type.shape) != 4:
            return new
        batch, count, length, each = new.type.shape
        result = present if present is not None and present.type is not None else None
        if result is None:
            result = Value("", TensorType((batch, count, past.type.shape[2] + length, each), new.type.dtype))
        self.steps.append(step("aten.cat.default", {"tensors.0": past, "tensors.1": new}, (result,), {"dim": 2}))
        return result

    def attend(self, query: Value, key: Value, value: Value, mask: Operand, result: Value | None, causal: bool) -> bool:
        """Attend into ``result``, with the heads joined again; return False if the types do not fit."""
        types = (query.type, key.type, value.type)
        if result is None or result.type is None or any(type is None or len(type.shape) != 4 for type in types):
            return False
        operands = {"query": query, "key": key, "value": value, "attn_mask": mask}
        attributes: dict[str, Attribute] = {"is_causal": True} if causal else {}
        op = "aten.scaled_dot_product_attention.default"
        if len(result.type.shape) == 4:
            self.steps.append(step(op, operands, (result,), attributes))
            return True
        assert query.type
        assert value.type
        shape = (*query.type.shape[:3], value.type.shape[3])
        inner = self.run(op, shape, result.type.dtype, operands, **attributes)
        swapped = (shape[0], shape[2], shape[1], shape[3])
        turned = self.run("aten.transpose.int", swapped, result.type.dtype, {"self": inner}, dim0=1, dim1=2)
        self.steps.append(step("aten.reshape.default", {"self": turned}, (result,)))
        return True


@rules("Attention")
def _attention(operation: Operation) -> list[Step] | None:
    """Translate queries, keys and values with heads apart or together, a mask, and what was cached before."""
    counts = (operation.integer("q_num_heads", 0), *(operation.integer("kv_num_heads", 0),) * 2)
    return _attend(
        operation, counts, mask=operation.operand(3), past=(4, 5), causal=bool(operation.integer("is_causal", 0))
    )


@rules("com.microsoft.MultiHeadAttention")
def _multi_head(operation: Operation) -> list[Step] | None:
    """Translate queries, keys and values, masks, and what was cached before; a bias on all three is refused."""
    if operation.operand(3) is not None or operation.operand(1) is None:
        return None
    count = operation.integer("num_heads", 0)
    return _attend(operation, (count,) * 3, mask=operation.operand(5) or operation.operand(4), past=(6, 7))


@rules("com.microsoft.GroupQueryAttention")
def _grouped(operation: Operation) -> list[Step] | None:
    """Causal; queries and keys may be rotated; keys and values go behind those of the cache."""
    if operation.operand(1) is None:
        return None
    counts = (operation.integer("num_heads", 0), *(operation.integer("kv_num_heads", 0),) * 2)
    return _attend(operation, counts, mask=None, past=(3, 4), causal=True)


def _attend(
    operation: Operation, counts: tuple[int, ...], *, mask: Operand, past: tuple[int, int], causal: bool = False
) -> list[Step] | None:
    writer = _Writer()
    found = [operation.tensor(position) for position in range(3)]
    heads = [writer.heads(tensor, count) if tensor else None for tensor, count in zip(found, counts, strict=True)]
    query, key, value = heads
    if query is None or key is None or value is None:
        return None
    if operation.integer("do_rotary", 0):
        query, key = writer.rotated(query), writer.rotated(key)
    presents = (*operation.outputs[1:3], None, None)
    key = writer.joined(operation.tensor(past[0]), key, presents[0])
    value = writer.joined(operation.tensor(past[1]), value, presents[1])
    return writer.steps if writer.attend(query, key, value, mask, operation.outputs[0], causal) else None


@rules("com.microsoft.Attention")
def _projected(operation: Operation) -> list[Step] | None:
    """Translate one projection of the input to queries, keys and values, then attention."""
    x, weight, bias = (operation.tensor(position) for position in range(3))
    count, result = operation.integer("num_heads", 0), operation.outputs[0]
    if x is None or weight is None or x.type is None or weight.type is None or result is None or result.type is None:
        return None
    if count < 1 or operation.operand(4) is not None or operation.attributes.get("qkv_hidden_sizes") is not None:
        return None
    writer, dtype, width = _Writer(), x.type.dtype, weight.type.shape[-1]
    rows = x.type.shape[:-1]
    packed = writer.run("aten.matmul.default", (*rows, width), dtype, {"self": x, "other": weight})
    if bias is not None:
        packed = writer.run("aten.add.Tensor", (*rows, width), dtype, {"self": packed, "other": bias})
    parts = [Value("", TensorType((*rows, width // 3), dtype)) for _ in range(3)]
    writer.steps.append(step("aten.split.Tensor", {"self": packed}, tuple(parts), {"dim": -1}))
    query, key, value = (writer.heads(part, count) for part in parts)
    if query is None or key is None or value is None:
        return None
    causal = bool(operation.integer("unidirectional", 0))
    mask = operation.operand(3) or operation.operand(5)
    return writer.steps if writer.attend(query, key, value, mask, result, causal) else None
