"""What a view that fxviz wrote says of itself, beside the operators that any reader understands.

Its numbers are not believed: they are counted again from the operations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from fxviz.importers.onnx.metadata_keys import ARGUMENTS, KERNELS, read_through
from fxviz.importers.onnx.operation import Operand, Operation, Step, step
from fxviz.importers.onnx.types import tensor_type_of
from fxviz.ir import Attribute, Kernel, Role, TensorType, Value
from fxviz.ir.dtypes import DTYPE_BITS
from fxviz.passes.flops import flops_rules
from fxviz.passes.operators import FREE_OPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import onnx

    from fxviz.importers.onnx.types import Extents

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
        """Read what ``model`` says of itself."""
        facts = {entry.key: entry.value for entry in model.metadata_props}
        own = model.producer_name == "fxviz" and any(opset.domain == "fxviz" for opset in model.opset_import)
        return cls(own, unused=facts.get("parameters not used", ""))

    def operation(self, facts: Mapping[str, str]) -> str:
        """Return the author's name of an operation, or a closed module's class; empty if the file is not a view."""
        module = facts.get("module", "").rpartition(": ")[2]
        return facts.get("operation", module) if self.is_own else ""

    def name(self, proto: onnx.NodeProto) -> str:
        """Return the name of a node in the graph that was shown; empty if the file is not a view."""
        return proto.name.rpartition("/")[2] if self.is_own else ""

    @staticmethod
    def input_names(facts: Mapping[str, str]) -> list[str]:
        """Return the names of the inputs of an operator that has no schema, which the file lists for Netron."""
        text = facts.get("input_names", "")
        return text[2:-2].split("', '") if text.startswith("['") and text.endswith("']") else []

    def hidden(self, facts: Mapping[str, str], extents: Extents) -> Iterator[tuple[int, str, TensorType | None]]:
        """Which inputs of an operation come from past operations that were hidden: the last of these, and as what."""
        for position, name in enumerate(self.input_names(facts) if self.is_own else ()):
            if told := facts.get(read_through(name), ""):
                ops, _, type = told.rpartition(": ")
                yield position, ops.rpartition(" → ")[2], _type_of(type, extents)

    def weight(self, facts: Mapping[str, str], name: str, type: TensorType | None, give: Give) -> Value | None:
        """Return a weight, which the file has once for each of its readers; None if ``facts`` describe none."""
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
        """Return a weight that ONNX has no type for, or the input that an operation only passes on; else None."""
        if len(proto.output) != 1:
            return None
        if len(operands) == 1 and (proto.op_type == "Identity" or read_through("input") in facts):
            return operands[0]
        if proto.op_type in _ROLES and not operands:
            (name,) = proto.output
            type = tensor_type_of(declared[name], extents) if name in declared else None
            return self.weight({"role": proto.op_type, **facts}, name, type, give)
        return None

    def kernels(
        self, operation: Operation, facts: Mapping[str, str], steps: list[Step], extents: Extents
    ) -> list[Step]:
        """Return the kernels of an operation that has no operator in ONNX, from those that the file lists.

        Where the file has only their names, the one that does the work, or has the operation's name, stands for all.
        """
        if not self.is_own or operation.domain != "fxviz":
            return steps
        told = facts.get(KERNELS, "")
        found = (_in_full(operation, told, extents) if told else None) or _by_name(operation, facts, steps)
        return found if all(map(_can_be_counted, found)) else steps

    def arguments(
        self, operation: Operation, facts: Mapping[str, str]
    ) -> tuple[list[tuple[str, Operand]], Mapping[str, Attribute]]:
        """Operands by name and attributes: of a standard operator, as the author's operation takes them if the file tells."""
        known = list(zip(operation.names, operation.operands, strict=True)), operation.attributes
        if not self.is_own or operation.domain or not (told := facts.get(ARGUMENTS, "")):
            return known
        try:
            found = json.loads(told)
            named = [(str(name), operation.operands[place]) for name, place in found["inputs"] if place >= 0]
            return named, {str(name): _attribute(value) for name, value in found["attributes"].items()}
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            return known

    def give_unused(self, extents: Extents, give: Give) -> None:
        """Add the parameters that the file lists as not read by any operation."""
        for line in self.unused.splitlines() if self.is_own else ():
            if found := re.fullmatch(r"(.+): ((?:frozen )?\w+) (\w+\[.*\])", line):
                name, role, text = found.groups()
                self.weight({"role": role}, name, _type_of(text, extents), give)


def box_note(name: str, facts: Mapping[str, str]) -> Iterator[str]:
    """Yield the note on a folded box: its copies are not in the file."""
    if "stands for" in facts:
        yield f"{name!r} stands for {facts['stands for']}; one is in the file, and counted: write it with --no-fold for all"


def _type_of(text: str, extents: Extents) -> TensorType | None:
    """Parse a type that is written as ``float32[2, B]``; return None for other text."""
    found = re.fullmatch(r"(\w+)\[(.*)\]", text)
    if found is None or found[1] not in DTYPE_BITS:
        return None
    extent_texts = [part.strip() for part in re.split(r",(?![^(]*\))", found[2]) if part.strip()]
    return TensorType(tuple(map(extents.read, extent_texts)), found[1])


def _in_full(operation: Operation, text: str, extents: Extents) -> list[Step] | None:
    """Return the kernels that the exporter wrote down; None if they cannot be read or do not fit the operation."""
    tensors = list(dict.fromkeys(value for value in operation.operands if isinstance(value, Value)))
    values: dict[int, Value] = dict(enumerate(tensors))
    steps: list[Step] = []
    try:
        told = json.loads(text)
        returned = dict(zip(told["returns"], operation.outputs, strict=True))
        for op, operands, made, attributes in told["kernels"]:
            inputs = {str(name): values[number] for name, number in operands}
            for number in made:
                if number in values:
                    return None
                result = returned.get(number)
                values[number] = result or Value("", _type_of(told["types"][str(number)], extents))
            outputs = tuple(values[number] for number in made)
            steps.append(
                step(str(op), inputs, outputs, {name: _attribute(value) for name, value in attributes.items()})
            )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    made_at_all = {value for each in steps for value in each.outputs}
    return steps if all(value in made_at_all for value in operation.outputs) else None


def _attribute(value: object) -> Attribute:
    if isinstance(value, list):
        return tuple(map(_attribute, value))
    return value if isinstance(value, bool | int | float | str) else None


def _by_name(operation: Operation, facts: Mapping[str, str], steps: list[Step]) -> list[Step]:
    """Return the one kernel that stands for those of which the file has only names; ``steps`` if none can."""
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


def _can_be_counted(kernel: Step) -> bool:
    """Whether the rule for a kernel takes the tensors that the file says it has."""
    rule = flops_rules.find(kernel.op)
    if rule is None or any(value.type is None for value in (*kernel.inputs, *kernel.outputs)):
        return True
    try:
        rule(Kernel(kernel.op, kernel.inputs, kernel.outputs, kernel.input_names, kernel.attributes))
    except Exception:  # rules rely on what operators require, and a file may say anything
        return False
    return True
