"""Weights in safetensors files: one file, a sharded index, or a folder that holds one. No model is built.

Files are data of strangers: nothing is unpickled, no path leads out of the folder of an index, and whatever is wrong
with a file is a `FormatError`. Of a file, a block is in memory at a time.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fxviz.errors import FormatError, InputError, MissingDependency
from fxviz.ir import TensorType
from fxviz.weights.weight import Weight, has_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fxviz.weights.statistics import Array
    from fxviz.weights.values import Place

__all__ = ["FileValues", "holds_weights", "weights_of_file"]

SUFFIX = ".safetensors"
INDEX = ".safetensors.index.json"
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")

_PREFERRED = ("model" + INDEX, "model" + SUFFIX)
_MOST_BYTES = 256 * 2**20  # of an index; those of the largest models have a few

DTYPES: Mapping[str, str] = MappingProxyType(
    {
        **{"BOOL": "bool", "F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16"},
        **{f"{sign[0].upper()}{bits}": f"{sign}{bits}" for sign in ("int", "uint") for bits in (8, 16, 32, 64)},
        **{"F4": "float4_e2m1fn_x2", "F6_E2M3": "float6_e2m3fn", "F6_E3M2": "float6_e3m2fn"},
        **{"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu"},
        **{"F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "C64": "complex64"},
    }
)
"""torch's name of each element type of the format."""


@dataclass(frozen=True)
class FileValues:
    """The values of a tensor in a file, which is open only while a block is read."""

    path: Path
    name: str
    shape: tuple[int, ...]

    def read(self, places: Iterable[Place]) -> Iterator[Array]:
        """The elements at each place."""
        for place in places:
            # Opened anew for each: the library maps the file, and pages that were read would stay in memory.
            with _opened(self.path) as file:
                block: Array = file.get_slice(self.name)[place].double().numpy()
            yield block


def holds_weights(path: str | Path) -> bool:
    """Whether ``path`` is to be read here: its name is that of weights, or it is a folder with such a file."""
    place = Path(path)
    if str(path) and place.is_dir():
        return any(map(_is_weights, _listed(place)))
    return _is_weights(place) or (place.suffix.lower() in PICKLED and ":" not in str(path))


def weights_of_file(path: str | Path) -> Iterator[Weight]:
    """Every tensor of a ``.safetensors`` file, of an index of such files, or of the folder with one, in the order of names.

    Raises `InputError` for what is not there or is no such file, `FormatError` for a file that is damaged, and
    `MissingDependency` where the library is not installed.
    """
    place = _within(Path(path)) if str(path) and Path(path).is_dir() else Path(path)
    if not place.is_file():
        raise InputError(f"cannot read {str(path)!r}: there is no such file")
    if place.suffix.lower() in PICKLED:
        raise InputError(
            f"{place} is a pickle, which can run any code when it is read: load it yourself where you trust it, and give the "
            "state dict, or save it by safetensors.torch.save_file"
        )
    if not _is_weights(place):
        raise InputError(f"{place} is no file of weights: name a {SUFFIX} file, a {INDEX} file, or their folder")
    if place.name.endswith(INDEX):
        shards = _read_index(place)
        return (weight for shard, names in shards.items() for weight in _weights(place.parent / shard, names))
    return _weights(place, None)


def _is_weights(path: Path) -> bool:
    return path.name.endswith((SUFFIX, INDEX))


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from error


def _within(folder: Path) -> Path:
    """The file of weights in a folder."""
    names = {path.name for path in _listed(folder)}
    if known := [name for name in _PREFERRED if name in names]:
        return folder / known[0]
    for suffix in (INDEX, SUFFIX):
        found = sorted(name for name in names if name.endswith(suffix))
        if len(found) > 1:
            raise InputError(f"{folder} holds several files of weights: name one of {', '.join(found[:5])}")
        if found:
            return folder / found[0]
    if pickles := sorted(name for name in names if name.endswith(PICKLED)):
        return folder / pickles[0]
    raise InputError(f"{folder} holds no {SUFFIX} file")


def _read_index(path: Path) -> Mapping[str, set[str]]:
    """Shard -> the names of the tensors that are in it."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if len(text) > _MOST_BYTES:
        raise FormatError(f"{path} is larger than any index")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is no JSON: {error}") from error
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict):
        raise FormatError(f"{path} is no index of safetensors files: it has no weight_map")
    shards: dict[str, set[str]] = {}
    for name, shard in places.items():
        if not isinstance(shard, str) or not shard.endswith(SUFFIX) or not _is_plain(shard):
            raise FormatError(f"{path} places {name!r} in {shard!r}: expected the name of a {SUFFIX} file beside it")
        shards.setdefault(shard, set()).add(name)
    return shards


def _is_plain(name: str) -> bool:
    """Whether it is the name of a file, and no way to another folder on any system."""
    return not set(name) & set("/\\:\0")


def _weights(path: Path, wanted: set[str] | None) -> Iterator[Weight]:
    """The tensors of one file that are ``wanted``."""
    with _opened(path) as file:
        names = file.keys()
        if absent := (wanted or set()) - set(names):
            raise FormatError(f"{path} has no tensor {min(absent)!r}, which the index says is in it")
        found = [_describe(path, name, file.get_slice(name)) for name in names if wanted is None or name in wanted]
    yield from found


def _describe(path: Path, name: str, tensor: Any) -> Weight:
    shape, dtype = tuple(tensor.get_shape()), tensor.get_dtype()
    if dtype not in DTYPES:
        raise FormatError(f"{path}: the dtype {dtype} of {name!r} is not known: update fxviz")
    if dtype == "F4" and shape:  # the format counts elements, torch the bytes that hold two
        shape = (*shape[:-1], -(-shape[-1] // 2))
    type = TensorType(shape, DTYPES[dtype])
    return Weight(name, type, values=FileValues(path, name, shape) if has_numbers(type.dtype) else None)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingDependency("reading weights needs safetensors: pip install 'fxviz[weights]'") from error
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise FormatError(f"{path} is no whole safetensors file: {error}") from error
    except FileNotFoundError as error:
        raise InputError(f"cannot read {path}: there is no such file") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
