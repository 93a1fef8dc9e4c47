"""Step two: translate ATen operators to ONNX with ``torch.onnx``, and keep on each ONNX node what it was made from."""

from __future__ import annotations

import ast
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import onnx
import torch

from fxviz.errors import ExportError, InputError, MissingDependency
from fxviz.exporters.onnx.runnable.capture import place_of
from fxviz.exporters.onnx.runnable.flat import VIEW_INSTEAD, FlatProgram, positions_of
from fxviz.tracing import torch_private as _torch

try:
    import onnx_ir
    import onnxscript
    from onnx_ir import passes
    from onnx_ir.passes import common
    from onnxscript import optimizer
except ImportError as error:
    raise MissingDependency(
        f"a runnable ONNX model needs the package {error.name}, which is not installed: pip install 'fxviz[onnx]'"
    ) from error

if TYPE_CHECKING:
    from torch import fx

__all__ = ["MARK", "Translation", "all_nodes", "convert"]

Translation: TypeAlias = Callable[..., Any]
"""A function of `onnxscript` that says a torch operator in ONNX."""

MARK = "fxviz:"
"""Metadata of an ONNX node begins with this for each position in ``Graph.nodes`` that it was made from. Each is a key
of its own, since onnxscript unites the keys of the nodes that it fuses."""

_ANY_TENSOR = [
    f"tensor({name})"
    for name in (
        *("bfloat16", "bool", "complex128", "complex64", "double", "float", "float16"),
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    )
]
_OWN = ("aten", "prim", "prims", "torchvision", "higher_order", "_operator", "math")


def convert(
    program: FlatProgram,
    exported: torch.export.ExportedProgram,
    *,
    opset: int | None,
    optimize: bool,
    translations: Mapping[str, Translation],
    keep_custom: bool,
) -> onnx_ir.Model:
    """Return the exported program in ONNX, with marks on its nodes.

    Raises `ExportError` for an operator without a translation, and `InputError` for a translation without an operator.
    """
    table = _table(translations)
    custom = _custom_operators(exported, table)
    if custom and not keep_custom:
        named = ", ".join(f"{_name_of(target)} at {_place(program, node)}" for target, node in custom.items())
        raise ExportError(
            f"{program.graph.name} cannot be lowered: ONNX has no {named}: say it in ONNX, "
            f"translations={{'{_name_of(next(iter(custom)))}': function}} with a function of onnxscript, or keep it as an "
            f"operator of your own with keep_custom=True (--keep-custom); {VIEW_INSTEAD}"
        )
    made = _translate(program, exported, opset, table | {target: _kept(target) for target in custom})
    model = made.model
    _mark(made)
    if optimize:
        _optimize(model, program)
    finish: list[passes.PassBase] = [common.OutputFixPass(), common.NameFixPass()]
    passes.Sequential(*finish)(model)
    return model


def all_nodes(model: onnx_ir.Model) -> Iterator[onnx_ir.Node]:
    """Iterate over the nodes of a model, also in the bodies of its nodes and functions."""
    yield from onnx_ir.traversal.RecursiveGraphIterator(model.graph)
    for function in model.functions.values():
        yield from onnx_ir.traversal.RecursiveGraphIterator(function)


# The passage through torch.onnx ---------------------------------------------------------------------------------------


def _translate(
    program: FlatProgram,
    exported: torch.export.ExportedProgram,
    opset: int | None,
    table: Mapping[Any, Translation],
) -> torch.onnx.ONNXProgram:
    latest = onnx.defs.onnx_opset_version()
    if opset is not None and not 1 <= opset <= latest:
        raise InputError(f"opset {opset} does not exist: this onnx ({onnx.__version__}) knows 1 to {latest}")
    try:
        with (
            _quiet(),
            _torch.silent(),
            torch.no_grad(),
        ):  # as in the capture: attention lays its result out otherwise where gradients flow
            made = torch.onnx.export(
                exported,
                dynamo=True,
                verbose=False,
                optimize=False,
                opset_version=opset,
                custom_translation_table=dict(table) or None,
            )
    except Exception as error:
        raise ExportError(
            f"{program.graph.name} cannot be lowered: {_explain(error, program, exported)}; {VIEW_INSTEAD}"
        ) from error
    assert made is not None, "dynamo=True gives a program"
    if opset is not None and made.model.opset_imports.get("") != opset:
        raise ExportError(
            f"{program.graph.name} cannot be written in opset {opset}: some of its operators need "
            f"{made.model.opset_imports.get('')}; leave the opset out, or choose that"
        )
    return made


def _explain(error: BaseException, program: FlatProgram, exported: torch.export.ExportedProgram) -> str:
    """Return the innermost message of torch.onnx, and the operation that it is about, if it names its fx node."""
    chain = list(_chain(error))
    named = next(filter(None, (re.search(r"translating node %(\w+)", str(link)) for link in chain)), None)
    node = next((node for node in exported.graph.nodes if named and node.name == named[1]), None)
    if node is not None:
        return f"torch.onnx stopped at {_place(program, node)}: {_innermost(error)}"
    missing = re.search(r"OpOverload\(op='([\w.]+)', overload='(\w+)'\)", _innermost(error))
    ran = program.first_that_ran(f"{missing[1]}.{missing[2]}") if missing else []
    return f"torch.onnx stopped{f' at {place_of(ran[0])}' if ran else ''}: {_innermost(error)}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    yield error
    if error.__cause__ is not None:
        yield from _chain(error.__cause__)


def _innermost(error: BaseException) -> str:
    *_, last = _chain(error)
    words = str(last).strip().splitlines() or [""]
    return f"{type(last).__name__}: {words[0]}"


def _place(program: FlatProgram, node: fx.Node) -> str:
    nodes = program.nodes_at(node)
    return place_of(nodes[0]) if nodes else f"{node.target}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what torch.onnx and onnxscript say to those who call them directly."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.CRITICAL + 1)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _mark(made: torch.onnx.ONNXProgram) -> None:
    """Write on each ONNX node from which of ``Graph.nodes`` it was made.

    torch.onnx keeps the fx node on it; of a function of its own that it has put in place, the name of that fx node alone.
    """
    assert made.exported_program is not None, "torch.onnx keeps the program that it translated"
    by_name = {node.name: node for node in made.exported_program.graph.nodes}
    for node in all_nodes(made.model):
        scopes = ast.literal_eval(node.metadata_props.get("pkg.torch.onnx.name_scopes", "[]"))
        source: fx.Node | None = node.meta.get("node") or by_name.get(scopes[-1] if scopes else "")
        for position in positions_of(source) if source is not None else ():
            node.metadata_props[f"{MARK}{position}"] = "1"


def _optimize(model: onnx_ir.Model, program: FlatProgram) -> None:
    """Fold constants, drop what does nothing, fuse what is one operator; weights without data are left as they are."""
    with _as_inputs(model, [] if program.has_weights() else list(model.graph.initializers.values())), _quiet():
        try:
            optimizer.optimize_ir(model)
        except Exception as error:
            raise ExportError(
                f"{program.graph.name} cannot be optimised: {_innermost(error)}; lower it as it is, with optimize=False "
                "(--no-optimize)"
            ) from error


@contextmanager
def _as_inputs(model: onnx_ir.Model, weights: Sequence[onnx_ir.Value]) -> Iterator[None]:
    """Make weights inputs within the context, so that they are not folded."""
    data = {value: value.const_value for value in weights}
    for value in weights:
        model.graph.initializers.pop(str(value.name))
        model.graph.inputs.append(value)
        value.const_value = None
    yield
    for value, held in data.items():
        model.graph.inputs.remove(value)
        value.const_value = held
        if value.uses():
            model.graph.register_initializer(value)


# Operators of the user's ----------------------------------------------------------------------------------------------


def _table(translations: Mapping[str, Translation]) -> dict[Any, Translation]:
    """Map torch's own operators to translations: ``"mylib.cube"`` is every overload, ``"mylib.cube.default"`` the one."""
    return {target: function for name, function in translations.items() for target in _operators_called(name)}


def _operators_called(name: str) -> Sequence[Any]:
    namespace, _, rest = name.replace("::", ".").partition(".")
    operator, _, overload = rest.partition(".")
    packet = getattr(getattr(torch.ops, namespace), operator, None) if operator else None
    if packet is None or (overload and overload not in packet.overloads()):
        raise InputError(f"torch has no operator {name!r} to translate: name it as in 'mylib.my_op'")
    return [getattr(packet, each) for each in ([overload] if overload else packet.overloads())]


def _custom_operators(
    exported: torch.export.ExportedProgram, table: Mapping[Any, Translation]
) -> Mapping[_torch.OpOverload, fx.Node]:
    """Return the operators that are neither torch's own nor translated, each with the first fx node that calls it."""
    found: dict[_torch.OpOverload, fx.Node] = {}
    for module in exported.graph_module.modules():
        for node in module.graph.nodes if isinstance(module, torch.fx.GraphModule) else ():
            target = node.target
            if isinstance(target, _torch.OpOverload) and target.namespace not in _OWN and target not in table:
                found.setdefault(target, node)
    return found


def _name_of(target: _torch.OpOverload) -> str:
    return f"{target.namespace}.{_torch.operator_name(target)}"


def _kept(target: _torch.OpOverload) -> Translation:
    """Return a translation to an operator of the same name in a domain of the same name, with the schema's attributes."""
    operator, signature = _torch.operator_name(target), _torch.schema_of(target)
    names = [argument.name for argument in signature.arguments]
    outputs = [f"output_{number}" for number in range(len(signature.returns))]

    def translation(*args: Any, **kwargs: Any) -> Any:
        given = dict(zip(names, args, strict=False)) | kwargs
        tensors = {name: value for name, value in given.items() if isinstance(value, onnx_ir.Value)}
        attributes = {name: value for name, value in given.items() if value is not None and name not in tensors}
        schema = onnx.defs.OpSchema(
            operator,
            target.namespace,
            1,
            inputs=[onnx.defs.OpSchema.FormalParameter(name, f"T_{name}") for name in tensors],
            outputs=[onnx.defs.OpSchema.FormalParameter(name, f"T_{name}") for name in outputs],
            type_constraints=[(f"T_{name}", _ANY_TENSOR, "") for name in (*tensors, *outputs)],
            attributes=[_schema_attribute(name, value) for name, value in attributes.items()],
        )
        call = onnxscript.values.Op(onnxscript.values.Opset(target.namespace, 1), operator, schema)
        return call(*tensors.values(), **attributes)

    return translation


def _schema_attribute(name: str, value: Any) -> onnx.defs.OpSchema.Attribute:
    kind = onnx_ir.convenience.convert_attribute(name, value).type.name
    return onnx.defs.OpSchema.Attribute(name, getattr(onnx.defs.OpSchema.AttrType, kind))
