"""Read weights from safetensors files: from one file, a sharded index, or a folder with either. No model is built.

Files are untrusted: nothing is unpickled, no path leads out of the folder of an index, and every damage is reported as
a `FormatError`. Only one block of a file is in memory at a time.
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
    from fxviz.weights.values import Region

__all__ = ["FileValues", "holds_weights", "weights_of_file"]

SUFFIX = ".safetensors"
INDEX = ".safetensors.index.json"
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")

_PREFERRED = ("model" + INDEX, "model" + SUFFIX)
_MOST_BYTES = 256 * 2**20  # of an index; that of the largest models has a few MiB

DTYPES: Mapping[str, str] = MappingProxyType(
    {
        **{"BOOL": "bool", "F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16"},
        **{f"{sign[0].upper()}{bits}": f"{sign}{bits}" for sign in ("int", "uint") for bits in (8, 16, 32, 64)},
        **{"F4": "float4_e2m1fn_x2", "F6_E2M3": "float6_e2m3fn", "F6_E3M2": "float6_e3m2fn"},
        **{"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu"},
        **{"F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz", "C64": "complex64"},
    }
)
"""The name in torch of each element type of the format."""


@dataclass(frozen=True)
class FileValues:
    """The values of a tensor in a file that is open only while a block is read."""

    path: Path
    name: str
    shape: tuple[int, ...]

    def read(self, regions: Iterable[Region]) -> Iterator[Array]:
        """Yield the elements in each region."""
        for region in regions:
            # Open the file for each block: the library maps it, and pages that were read would stay in memory.
            with _opened(self.path) as file:
                block: Array = file.get_slice(self.name)[region].double().numpy()
            yield block


def holds_weights(path: str | Path) -> bool:
    """Return whether ``path`` names a file of weights, or a folder with one."""
    place = Path(path)
    if str(path) and place.is_dir():
        return any(map(_is_weights, _listed(place)))
    return _is_weights(place) or (place.suffix.lower() in PICKLED and ":" not in str(path))


def weights_of_file(path: str | Path) -> Iterator[Weight]:
    """Return every tensor of a ``.safetensors`` file, of an index of such files, or of a folder with either, by name.

    Raises `InputError` if the file does not exist or has another format, `FormatError` if it is damaged, and
    `MissingDependency` if safetensors is not installed.
    """
    place = _within(Path(path)) if str(path) and Path(path).is_dir() else Path(path)
    if not place.is_file():
        raise InputError(f"cannot read {str(path)!r}: there is no such file")
    if place.suffix.lower() in PICKLED:
        raise InputError(
            f"{place} is a pickle, which can run any code when it is read: if you trust it, load it yourself and "
            "pass the state dict, or save it with safetensors.torch.save_file"
        )
    if not _is_weights(place):
        raise InputError(f"{place} is not a file of weights: name a {SUFFIX} file, a {INDEX} file, or their folder")
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
    """Return the file of weights in a folder."""
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
    """Read an index: map each shard to the names of its tensors."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if len(text) > _MOST_BYTES:
        raise FormatError(f"{path} is larger than {_MOST_BYTES:,} bytes")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is not JSON: {error}") from error
    shard_of = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(shard_of, dict):
        raise FormatError(f"{path} is not an index of safetensors files: it has no weight_map")
    shards: dict[str, set[str]] = {}
    for name, shard in shard_of.items():
        if not isinstance(shard, str) or not shard.endswith(SUFFIX) or not _is_plain(shard):
            raise FormatError(f"{path} lists {name!r} in {shard!r}: expected a {SUFFIX} file in the same folder")
        shards.setdefault(shard, set()).add(name)
    return shards


def _is_plain(name: str) -> bool:
    """Return whether this is the name of a file, and not a path to another folder on any system."""
    return not set(name) & set("/\\:\0")


def _weights(path: Path, wanted: set[str] | None) -> Iterator[Weight]:
    """Yield the tensors of one file that are ``wanted``, or all of them."""
    with _opened(path) as file:
        names = file.keys()
        if absent := (wanted or set()) - set(names):
            raise FormatError(f"{path} has no tensor {min(absent)!r}, which the index lists there")
        found = [_describe(path, name, file.get_slice(name)) for name in names if wanted is None or name in wanted]
    yield from found


def _describe(path: Path, name: str, tensor: Any) -> Weight:
    shape, dtype = tuple(tensor.get_shape()), tensor.get_dtype()
    if dtype not in DTYPES:
        raise FormatError(f"{path}: the dtype {dtype} of {name!r} is unknown: update fxviz")
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
        raise FormatError(f"{path} is not a complete safetensors file: {error}") from error
    except FileNotFoundError as error:
        raise InputError(f"cannot read {path}: there is no such file") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
