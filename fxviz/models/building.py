"""From a model's name to the model, inputs for it, and its graph.

Nothing is downloaded: models of the zoos are built without weights, on the meta device; where weights are asked for, they
are random. Whatever is named, a class, a function that makes a model, or a model, is in evaluation mode, and in training
mode in a training step alone.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from fxviz.errors import InputError
from fxviz.models.attributes import failing_as, load_attribute
from fxviz.models.binding import bind_inputs
from fxviz.models.inputs import parse_input
from fxviz.models.names import (
    Attribute,
    Config,
    OnnxFile,
    Program,
    Reference,
    SavedGraph,
    ZooModel,
    parse_name,
    read_config,
)
from fxviz.models.revisions import Revised, trace_at
from fxviz.models.signature import argument_names, required_arguments, signature_of
from fxviz.plugins import load_plugin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fxviz.ir import Graph
    from fxviz.models.target import Target
    from fxviz.tracing import Mode

__all__ = ["build", "find_model", "trace", "trace_training"]

Built: TypeAlias = "tuple[Callable[..., Any], Sequence[Mapping[str, object]]]"
"""A model, and what its inputs may be by argument, the likeliest first; none where they cannot be guessed."""


def trace(
    name: str,
    inputs: Sequence[str] = (),
    *,
    dtype: str | None = None,
    mode: Mode = "auto",
    random_weights: bool = False,
    device: str | None = None,
) -> Graph:
    """Trace the model called ``name``; an ONNX file and a graph saved as JSON are read.

    Arguments as for `build`; it is traced as if on ``device``, which need not be there.
    """
    reference = parse_name(name)
    if device is not None and isinstance(reference, SavedGraph | OnnxFile):
        raise InputError(f"{name} is a graph as it is: a device is for a model that is traced here")
    match reference:
        case SavedGraph(path):
            from fxviz.ir.serialize import load

            if inputs or dtype is not None or mode != "auto":
                raise InputError(
                    f"{name} is a saved graph with sizes of its own: inputs, dtype and mode do not apply to it"
                )
            return load(path)
        case OnnxFile(path):
            from fxviz.importers.onnx import read_onnx

            if inputs:
                raise InputError(f"{name} has inputs of its own: an ONNX file is read without -i")
            return read_onnx(path)
        case Revised():
            return trace_at(reference, inputs, dtype=dtype, mode=mode, device=device)
    structure_only = mode == "symbolic"
    target = _target(name, reference, inputs, dtype, structure_only=structure_only, random_weights=random_weights)
    return target.trace(mode, device)


def trace_training(
    name: str,
    inputs: Sequence[str] = (),
    *,
    dtype: str | None = None,
    loss: str = "mean",
    optimizer: str | None = None,
    device: str | None = None,
    checkpoint: Sequence[str] = (),
) -> Graph:
    """Trace a training step of the model called ``name``; arguments as for `build` and `Target.trace_training`."""
    reference = parse_name(name)
    if isinstance(reference, SavedGraph | OnnxFile):
        raise InputError(f"{name} is a graph, traced as it is: give the model that is to be trained")
    return _target(name, reference, inputs, dtype).trace_training(loss, optimizer, device, checkpoint)


def build(
    name: str,
    inputs: Sequence[str] = (),
    *,
    dtype: str | None = None,
    structure_only: bool = False,
    random_weights: bool = False,
) -> Target:
    """Build the model called ``name`` (`fxviz.models.names` lists the forms) and inputs for it.

    Args:
        name: What to build.
        inputs: Shapes, each ``[argument=]extents[:dtype]``: ``"1,3,224,224"``, ``"input_ids=B,128:int64"``. They replace
            the inputs that are guessed for models of the zoos.
        dtype: The element type of weights and inputs, such as ``"bfloat16"``, for a model that is built here.
        structure_only: Do not ask for inputs where none can be guessed.
        random_weights: Give a model that is built here weights, on the CPU, as its library makes them for a training.

    Raises `InputError` for a name or inputs that cannot be used, `MissingDependency` for a zoo that is not installed.
    """
    return _target(name, parse_name(name), inputs, dtype, structure_only=structure_only, random_weights=random_weights)


def find_model(name: str, *, random_weights: bool = False) -> Callable[..., object] | Graph:
    """Return the model called ``name``, without inputs for it; or the graph, if that is the name of a graph's file."""
    if isinstance(parse_name(name), SavedGraph | OnnxFile | Revised):
        return trace(name)
    return build(name, structure_only=True, random_weights=random_weights).model


def _target(
    name: str,
    reference: Reference,
    inputs: Sequence[str],
    dtype: str | None,
    *,
    structure_only: bool = False,
    random_weights: bool = False,
) -> Target:
    specs = [parse_input(text) for text in inputs]
    model, guesses = _build(name, reference, dtype, random_weights)
    if specs:
        return bind_inputs(name, model, next(iter(guesses), {}), specs)
    if not guesses and required_arguments(signature_of(model)) and not structure_only:
        names = argument_names(model)
        raise InputError(
            f"the inputs of {name} cannot be guessed; it takes {', '.join(names)}: give a shape for each, such as "
            f"-i 1,3,224,224 or -i {names[0]}=1,128:int64"
        )
    likeliest, *others = [bind_inputs(name, model, guess, ()) for guess in guesses or [{}]]
    return replace(likeliest, others=tuple(others))


def _build(name: str, reference: Reference, dtype: str | None, random_weights: bool) -> Built:
    match reference:
        case ZooModel(zoo, model):
            return cast("Built", load_plugin("fxviz.zoos", zoo)(model, dtype, random_weights=random_weights))
        case Config(path):
            content = read_config(path)
            from fxviz.models.zoos.transformers import build_from_config

            return build_from_config(content, dtype, random_weights=random_weights)
        case Program(path):
            from fxviz.tracing.replay import read_program

            return read_program(path), []
        case Attribute():
            return _model_of(load_attribute(reference), name, dtype, random_weights), []
        case OnnxFile():
            raise InputError(f"{name} is not a PyTorch model, and cannot be run: its graph is read by fxviz.trace")
        case SavedGraph():
            raise InputError(f"{name} is a graph, and cannot be run: it is read by fxviz.load")
        case Revised():
            raise InputError(f"{name} is traced in a process of its own: only its graph can be had here")


def _model_of(found: object, name: str, dtype: str | None, random_weights: bool) -> Callable[..., Any]:
    """Return a module in evaluation mode, given it, its class, or a function that makes it; or a function of tensors."""
    import torch

    from fxviz.models.zoos import construct

    if isinstance(found, torch.nn.Module):
        return found.eval()
    if not callable(found):
        raise InputError(f"{name} is of type {type(found).__name__}: expected a module, a module class, or a function")
    is_class = isinstance(found, type) and issubclass(found, torch.nn.Module)
    signature = inspect.signature(found) if is_class else signature_of(found)
    required = required_arguments(signature)
    if is_class and required:
        raise InputError(
            f"{name} needs arguments ({', '.join(required)}): write a function without arguments that returns the model, "
            "and name that"
        )
    if required or signature is None:
        return found
    with failing_as(f"{name} raised"):
        made = construct(found, dtype, random_weights=random_weights)
    return made.eval() if isinstance(made, torch.nn.Module) else cast("Callable[..., Any]", made)
