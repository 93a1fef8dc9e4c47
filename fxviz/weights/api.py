"""`fxviz.parameters`: make a table of the parameters and buffers of a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fxviz.ir import Graph
from fxviz.weights.files import weights_of_file
from fxviz.weights.rows import Row
from fxviz.weights.spectrum import spectrum_of
from fxviz.weights.statistics import Statistics
from fxviz.weights.table import ParameterTable
from fxviz.weights.values import blocks
from fxviz.weights.weight import Weight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn
    from torch.export import ExportedProgram

    from fxviz.weights.values import Values

__all__ = ["parameters"]


def parameters(
    source: nn.Module | Mapping[str, object] | ExportedProgram | Graph | Callable[..., object] | str | Path,
    *,
    statistics: bool = True,
    singular_values: bool = False,
) -> ParameterTable:
    """Return a table of the parameters and buffers of a model, with statistics of their values if it has values.

    A shared tensor has one row, under the first of its names. Values are read in blocks of 16 MiB: a file may be larger
    than memory, and no model is built from it. Statistics are computed in float64; the size of blocks changes only
    their last digits.

    Args:
        source: a module, a state dict, an ExportedProgram, a traced graph (which has no values), or the path of a
            ``.safetensors`` file, of a ``.safetensors.index.json``, or of a folder with one. Pickles are refused.
        statistics: False to read no values: names, shapes and dtypes only.
        singular_values: True to summarise the singular values of each tensor of two dimensions or more, which is slow
            for large ones.

    Raises:
        InputError: ``source`` has another type, or the path does not name weights.
        FormatError: a file is damaged.
        MissingDependency: ``source`` is a path, and ``safetensors`` is not installed.
    """
    rows = tuple(_row(weight, statistics, singular_values) for weight in _weights(source))
    return ParameterTable(_name(source), rows)


def _weights(source: object) -> Iterator[Weight]:
    if isinstance(source, str | Path):
        return weights_of_file(source)
    if isinstance(source, Graph):
        return _weights_of_graph(source)
    from fxviz.weights.modules import weights_of_mapping, weights_of_model

    return weights_of_mapping(source) if isinstance(source, Mapping) else weights_of_model(source)


def _weights_of_graph(graph: Graph) -> Iterator[Weight]:
    further: dict[str, list[str]] = {}
    for alias, name in graph.aliases.items():
        further.setdefault(name, []).append(alias)
    for value in graph.parameters:
        yield Weight(value.name, value.type, value.role, value.trainable, tuple(further.get(value.name, ())))


def _name(source: object) -> str:
    if isinstance(source, str | Path):
        return Path(source).resolve().name
    if isinstance(source, Graph):
        return source.name
    return "state dict" if isinstance(source, Mapping) else type(source).__name__


def _row(weight: Weight, statistics: bool, singular_values: bool) -> Row:
    spectrum = spectrum_of(weight.values) if singular_values and weight.values is not None else None
    if not statistics:
        return Row(weight, spectrum=spectrum)
    return Row(weight, _statistics(weight.values), _statistics(weight.gradient), spectrum)


def _statistics(values: Values | None) -> Statistics | None:
    return None if values is None else Statistics.of_blocks(blocks(values))
