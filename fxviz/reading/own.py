"""What a view that fxviz wrote says of itself, beside the operators that any reader understands.

Its numbers are not believed: they are counted again from the operations.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from fxviz.dtypes import DTYPE_BITS
from fxviz.ir import Role, TensorType, Value
from fxviz.passes.flops import flops_rules
from fxviz.passes.rules.free import FREE_OPS
from fxviz.reading.operation import Operand, Operation, Step, step
from fxviz.reading.types import tensor_type_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import onnx

    from fxviz.reading.types import Extents

__all__ = ["Own", "box_note"]

Give: TypeAlias = Callable[[str, TensorType | None, Role, bool], Value]
_ROLES = {role.value: role for role in (Role.PARAMETER, Role.BUFFER, Role.CONSTANT)}


@dataclass
class Own:
    """Whether a file is a view of fxviz, and its weights by the names that they have in the model."""

    is_own: bool
    weights: dict[str, Value] = field(default_factory=dict)
    unused: str = ""

    @classmethod
    def of(cls, model: onnx.ModelProto) -> Own:
        """What ``model`` says of itself."""
        facts = {entry.key: entry.value for entry in model.metadata_props}
        own = model.producer_name == "fxviz" and any(opset.domain == "fxviz" for opset in model.opset_import)
        return cls(own, unused=facts.get("parameters not used", ""))

    def operation(self, facts: Mapping[str, str]) -> str:
        """The author's name of an operation, of a closed module its class."""
        module = facts.get("module", "").rpartition(": ")[2]
        return facts.get("operation", module) if self.is_own else ""

    def name(self, proto: onnx.NodeProto) -> str:
        """The name of a node in the graph that was shown."""
        return proto.name.rpartition("/")[2] if self.is_own else ""

    @staticmethod
    def input_names(facts: Mapping[str, str]) -> list[str]:
        """The names of the inputs of an operator that has no schema, as Netron is told them."""
        text = facts.get("input_names", "")
        return text[2:-2].split("', '") if text.startswith("['") and text.endswith("']") else []

    def weight(self, facts: Mapping[str, str], name: str, type: TensorType | None, give: Give) -> Value | None:
        """A weight, written once for each of its readers."""
        told = facts.get("role", "")
        role = _ROLES.get(told.removeprefix("frozen "))
        if role is None:
            return None
        wanted = facts.get("weight", name)
        if wanted not in self.weights:
            self.weights[wanted] = give(wanted, type, role, "frozen" not in told)
        return self.weights[wanted]

    def plain(
        self,
        proto: onnx.NodeProto,
        operands: Sequence[Operand],
        facts: Mapping[str, str],
        declared: Mapping[str, onnx.TypeProto],
        extents: Extents,
        give: Give,
    ) -> Operand:
        """A weight that ONNX has no type for, or an output that is an input; None of anything else."""
        if len(proto.output) != 1:
            return None
        if proto.op_type == "Identity" and len(operands) == 1:
            return operands[0]
        if proto.op_type in _ROLES and not operands:
            (name,) = proto.output
            type = tensor_type_of(declared[name], extents) if name in declared else None
            return self.weight({"role": proto.op_type, **facts}, name, type, give)
        return None

    def kernels(self, operation: Operation, facts: Mapping[str, str], steps: list[Step]) -> list[Step]:
        """The kernels of an operation that has no operator in ONNX, from those that the file lists.

        Only names are listed: where one of them does the work, or one that is called as the operation is, it stands for all.
        """
        if not self.is_own or operation.domain != "fxviz":
            return steps
        listed = facts.get("kernels", "").splitlines()
        if not listed:
            return [] if "operation" in facts else steps
        working = [op for op in listed if op.rpartition(".")[0] not in FREE_OPS and op not in FREE_OPS]
        named = f"aten.{facts.get('operation', '').strip('_')}.default"
        if not working:
            op = listed[0]
        elif len(working) > 1 or (named in flops_rules and len(listed) > 1):
            if named not in flops_rules:
                return steps
            op = named
        else:
            (op,) = working
        operands = dict(zip(operation.names, operation.operands, strict=True))
        return [step(op, operands, operation.outputs, operation.attributes)]

    def give_unused(self, extents: Extents, give: Give) -> None:
        """The parameters that no operation reads, which the file lists."""
        for line in self.unused.splitlines() if self.is_own else ():
            if found := re.fullmatch(r"(.+): ((?:frozen )?\w+) (\w+)\[(.*)\]", line):
                name, role, dtype, shape = found.groups()
                texts = [text.strip() for text in shape.split(",") if text.strip()]
                type = TensorType(tuple(map(extents.read, texts)), dtype) if dtype in DTYPE_BITS else None
                self.weight({"role": role}, name, type, give)


def box_note(name: str, facts: Mapping[str, str]) -> Iterator[str]:
    """What is to be said of a folded box: its copies are not in the file."""
    if "stands for" in facts:
        yield f"{name!r} stands for {facts['stands for']}; one is in the file, and counted: write it with --no-fold for all"
