"""Compare onnxruntime with torch: the same random inputs, at two sizes of each dynamic dimension."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fxviz.errors import ExportError, MissingDependency
from fxviz.exporters.onnx.runnable.sampling import other_sizes, random_inputs, traced_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fxviz.exporters.onnx.runnable.flat import FlatProgram
    from fxviz.exporters.onnx.runnable.sampling import Sizes

__all__ = ["TOLERANCE", "Difference", "require_onnxruntime", "verify"]

TOLERANCE: Mapping[str, float] = {"float64": 1e-9, "float32": 1e-4, "float16": 1e-2, "bfloat16": 5e-2}
"""The largest difference that passes, by dtype, as a share of the largest magnitude in that output. Integers are equal."""


@dataclass(frozen=True)
class Difference:
    """The worst difference: where, the two values, and their distance as a share of the output's magnitude."""

    output: str
    index: tuple[int, ...]
    torch: float
    onnxruntime: float
    relative: float
    allowed: float
    sizes: str = ""

    def __str__(self) -> str:
        where = f"{self.output}[{', '.join(map(str, self.index))}]" if self.index else self.output
        return (
            f"{where}{self.sizes}: torch {self.torch:.7g}, onnxruntime {self.onnxruntime:.7g}, a difference of "
            f"{self.relative:.2g} of the largest value (allowed: {self.allowed:g})"
        )


def require_onnxruntime() -> None:
    """Raise `MissingDependency` if onnxruntime is not installed."""
    if importlib.util.find_spec("onnxruntime") is None:
        raise MissingDependency("verifying needs onnxruntime, which is not installed: pip install 'fxviz[onnx]'")


def verify(path: Path, program: FlatProgram) -> tuple[Difference, int]:
    """Return the worst difference, and at how many sets of sizes the two were compared.

    Raises `ExportError`, which names the worst value if it is beyond its tolerance, or says why one of the two did not run.
    """
    session = _session(path)
    sizes = traced_sizes(program)
    generator = torch.Generator().manual_seed(0)
    worst = _compare(session, program, random_inputs(program, sizes, generator), sizes)
    compared = 1
    for others in other_sizes(sizes) if sizes else ():
        inputs = random_inputs(program, others, generator)
        if not _runs(program, inputs):
            continue
        worst = max(worst, _compare(session, program, inputs, others), key=_badness)
        compared += 1
        break
    if not worst.relative <= worst.allowed:
        raise ExportError(f"onnxruntime does not agree with torch: {worst}")
    return worst, compared


def _badness(difference: Difference) -> float:
    return difference.relative / difference.allowed if difference.allowed else difference.relative


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own, which have no base of their own
        raise ExportError(f"onnxruntime cannot load the model: {_first_line(error)}") from error


def _runs(program: FlatProgram, inputs: Sequence[torch.Tensor]) -> bool:
    """Whether the model accepts inputs of these sizes at all."""
    try:
        _run_torch(program, inputs)
    except Exception:  # whatever the model raises: these sizes are not for it
        return False
    return True


def _run_torch(program: FlatProgram, inputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        result: tuple[torch.Tensor, ...] = program.module(*(tensor.clone() for tensor in inputs))
    return result


def _compare(session: Any, program: FlatProgram, inputs: Sequence[torch.Tensor], sizes: Sizes) -> Difference:
    try:
        expected = _run_torch(program, inputs)
    except Exception as error:
        raise ExportError(f"the model does not run on random inputs: {_first_line(error)}") from error
    given = dict(zip((value.name for value in session.get_inputs()), inputs, strict=True))
    try:
        found = session.run_with_ort_values(None, {name: _to_ort(tensor) for name, tensor in given.items()})
    except Exception as error:
        raise ExportError(f"onnxruntime stopped{_at(sizes)}: {_first_line(error)}") from error
    outputs = [value.name for value in session.get_outputs()]
    differences = [
        _difference(name, mine, _from_ort(theirs), sizes)
        for name, mine, theirs in zip(outputs, expected, found, strict=True)
    ]
    return max(differences, key=_badness)


def _difference(name: str, expected: torch.Tensor, found: torch.Tensor, sizes: Sizes) -> Difference:
    """Return the worst value of one output; NaN equals NaN, and an infinity itself."""
    if expected.shape != found.shape:
        raise ExportError(
            f"onnxruntime gives {name} the shape {tuple(found.shape)}{_at(sizes)}, torch {tuple(expected.shape)}"
        )
    allowed = TOLERANCE.get(str(expected.dtype).removeprefix("torch."), 0.0)
    mine, theirs = (_as_numbers(tensor) for tensor in (expected, found))
    same = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
    distance = np.where(same, 0.0, np.abs(np.where(same, 0.0, mine - theirs)))
    distance = np.where(np.isnan(distance), np.inf, distance)
    if distance.size == 0:
        return Difference(name, (), 0.0, 0.0, 0.0, allowed, _at(sizes))
    finite = np.abs(mine[np.isfinite(mine)])
    scale = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    index = np.unravel_index(int(distance.argmax()), distance.shape)
    return Difference(
        name,
        tuple(map(int, index)),
        float(mine[index]),
        float(theirs[index]),
        float(distance[index]) / scale,
        allowed,
        _at(sizes),
    )


def _as_numbers(tensor: torch.Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    flat = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return flat.detach().to("cpu", torch.float64).numpy()


def _to_ort(tensor: torch.Tensor) -> Any:
    import onnxruntime

    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype is torch.bfloat16:
        from onnx import TensorProto

        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(
            tensor.view(torch.uint16).numpy(), TensorProto.BFLOAT16
        )
    return onnxruntime.OrtValue.ortvalue_from_numpy(tensor.numpy())


def _from_ort(value: Any) -> torch.Tensor:
    if value.data_type() == "tensor(bfloat16)":
        return torch.utils.dlpack.from_dlpack(value._get_c_value())
    return torch.from_numpy(value.numpy())


def _at(sizes: Sizes) -> str:
    return f" at {', '.join(f'{symbol}={size}' for symbol, size in sizes.items())}" if sizes else ""


def _first_line(error: BaseException) -> str:
    words = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {words[0]}"
