"""`fxviz.trace`: of a model, or of the name of one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fxviz.errors import InputError
from fxviz.models.building import build
from fxviz.models.building import trace as trace_name
from fxviz.models.names import OnnxFile, Program, SavedGraph, parse_name
from fxviz.models.revisions import Revised

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    from fxviz.ir import Graph
    from fxviz.tracing import Mode

__all__ = ["trace"]


def trace(
    model: torch.nn.Module | Callable[..., Any] | torch.export.ExportedProgram | str | os.PathLike[str],
    args: Sequence[Any] | torch.Tensor | str = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    dynamic_shapes: Mapping[str, Any] | Sequence[Any] | None = None,
    mode: Mode = "auto",
    partial: bool = False,
    device: str | torch.device | None = None,
    isolated: bool = False,
) -> Graph:
    """Trace ``model`` on ``args`` and ``kwargs`` into a `Graph`, without reading a weight or an input.

    The model runs once on fake tensors, which have shapes and no data; it and its inputs are left exactly as they were, also
    when it raises. The run is under ``torch.no_grad()``. A model that is passed runs in the mode that it is in, training or
    evaluation; a model that is named is in evaluation mode.

    Args:
        model: An ``nn.Module``, a ``torch.fx.GraphModule``, any callable, or an ``ExportedProgram``. Or the name of a model as
            on the command line: ``"transformers:gpt2"``, ``"net.py:Net"``, or the path of a ``.pt2`` program, of an
            ``.onnx`` file or of a graph that fxviz saved (see `fxviz.models.names`).
        args: The positional inputs; tensors may be real, fake or on the meta device, nested in any way. For a name, shapes
            as on the command line, ``"B,3,224,224"`` or ``["input_ids=1,128:int64"]``, are inputs too, and models of the
            zoos need none.
        kwargs: The keyword inputs.
        dynamic_shapes: As in ``torch.export.export``: ``{"x": {0: torch.export.Dim("B")}}``; names may be strings.
        mode: ``"record"`` runs the Python code on fake tensors. ``"symbolic"`` runs ``torch.fx.symbolic_trace`` first;
            without inputs, that is all (structure only). ``"export"`` runs ``torch.export.export`` first. ``"eager"``
            runs on real tensors, for models that read tensor values. ``"auto"`` takes ``"record"`` where there are
            inputs, ``"eager"`` after it if values are read, and ``"symbolic"`` where inputs are missing.
        partial: On a failure, return the graph up to there, with ``complete`` false.
        device: Run as if the model and its inputs were on this device, such as ``"cuda"``, which need not be there:
            nothing is moved. By default each tensor is where it is, and one on the meta device where the others are.
        isolated: Run in a forked copy of this process, so that this one is as it was whatever the code keeps or counts;
            the graph has no ``module`` then.

    Raises:
        InputError: ``model`` is nothing that can be traced, or the inputs do not fit its signature.
        TraceError: The model raised; says in which module and line, with torch's own error chained.

    >>> import torch
    >>> graph = trace(torch.nn.Linear(4, 2), torch.empty(3, 4))
    >>> graph.nodes[0].op, str(graph.outputs[0].type)
    ('linear', 'float32[3, 2]')
    >>> trace("torch.nn.functional:relu", "B,8").outputs[0].type.shape
    (B, 8)
    """
    from fxviz.tracing import trace as trace_model  # loads torch

    if isinstance(model, str | os.PathLike):
        name = os.fspath(model)
        reference = parse_name(name)
        shapes = _shapes(args)
        if isinstance(reference, SavedGraph | Revised):
            if shapes is None or kwargs or dynamic_shapes:
                raise InputError(f"{name} is traced apart or already: it takes shapes alone, such as 'B,3,224,224'")
            return trace_name(name, shapes, mode=mode, device=None if device is None else str(device))
        if shapes is not None and not kwargs and not dynamic_shapes and not isinstance(reference, Program | OnnxFile):
            target = build(name, shapes, structure_only=mode == "symbolic")
            return target.trace(mode, device, partial=partial, isolated=isolated)
        model = name if isinstance(reference, Program | OnnxFile) else build(name, structure_only=True).model
    return trace_model(
        model,
        args,
        kwargs,
        dynamic_shapes=dynamic_shapes,
        mode=mode,
        partial=partial,
        device=device,
        isolated=isolated,
    )


def _shapes(args: Any) -> Sequence[str] | None:
    """Return inputs that are shapes as text; None for any other inputs."""
    shapes = [args] if isinstance(args, str) else args
    return shapes if isinstance(shapes, list | tuple) and all(isinstance(shape, str) for shape in shapes) else None
