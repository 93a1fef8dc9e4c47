"""Model names: what ``"timm:vit_tiny_patch16_224"``, ``"net.py:Net"`` or ``"graph.json"`` refers to.

A name is one of

- ``ZOO:NAME``, such as ``torchvision:resnet50``: a model of a zoo, which is an entry point of the group ``fxviz.zoos``;
- a path to a Hugging Face ``config.json``, which is read as data only, or to a folder that holds one;
- ``package.module:attribute`` or ``file.py:attribute``: a module, a module class or a function that makes one (neither
  with required arguments), or a function of tensors;
- ``program.pt2``, saved by ``torch.export.save``; ``model.onnx``; a graph that fxviz saved as JSON;
- a file as it was at a revision of git: ``net.py@main:Net``, ``graph.json@HEAD~1``.

Reading a name imports and builds nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from fxviz.errors import InputError
from fxviz.models.revisions import Revised, parse_revision
from fxviz.plugins import plugin_names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Attribute",
    "Config",
    "OnnxFile",
    "Program",
    "Reference",
    "SavedGraph",
    "ZooModel",
    "parse_name",
    "read_config",
]


@dataclass(frozen=True)
class ZooModel:
    """A model of a zoo."""

    zoo: str
    name: str


@dataclass(frozen=True)
class Config:
    """A configuration of Hugging Face transformers."""

    path: Path


@dataclass(frozen=True)
class Program:
    """An exported program, a ``.pt2`` file."""

    path: Path


@dataclass(frozen=True)
class Attribute:
    """An attribute of a Python file, or of an importable module."""

    source: Path | str
    name: str


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file: a graph as it is."""

    path: Path


@dataclass(frozen=True)
class SavedGraph:
    """A graph that fxviz saved as JSON."""

    path: Path


Reference: TypeAlias = ZooModel | Config | Program | Attribute | OnnxFile | SavedGraph | Revised


def parse_name(name: str) -> Reference:
    """Return what ``name`` refers to; the module's docstring lists the forms.

    >>> parse_name("torchvision:resnet50")
    ZooModel(zoo='torchvision', name='resnet50')
    >>> parse_name("torch.nn.functional:relu")
    Attribute(source='torch.nn.functional', name='relu')

    Raises `InputError` for a name of none of these forms.
    """
    prefix, colon, rest = name.partition(":")
    if colon and prefix in plugin_names("fxviz.zoos"):
        return ZooModel(prefix, rest)
    path = Path(name)
    if name and path.is_dir():
        return Config(path / "config.json")
    if not path.exists() and (revised := parse_revision(name)):
        return revised
    match path.suffix.lower():
        case ".json":
            return SavedGraph(path) if _is_graph(path) else Config(path)
        case ".pt2":
            return Program(path)
        case ".onnx":
            return OnnxFile(path)
        case ".py" if path.exists():
            raise InputError(f"say which object of {name} is the model: {name}:Net")
    source, colon, attribute = name.rpartition(":")
    if colon and source:
        return Attribute(Path(source) if source.endswith(".py") else source, attribute)
    zoos = ", ".join(f"{zoo}:NAME" for zoo in plugin_names("fxviz.zoos"))
    raise InputError(
        f"cannot tell what model {name!r} is: write {zoos}, package.module:attribute, file.py:attribute, or a path to a "
        "config.json, a .pt2 program, an .onnx model or a graph saved as .json"
    )


def read_config(path: Path) -> Mapping[str, object]:
    """Return the content of a Hugging Face ``config.json``; raise `InputError` for a file that is not one."""
    content = _read_json(path)
    if not isinstance(content, dict) or "model_type" not in content:
        raise InputError(f"{path} is not a Hugging Face config: it names no model_type")
    return content


def _is_graph(path: Path) -> bool:
    """Whether a JSON file is not a Hugging Face config; what it is instead, the reader of graphs finds out."""
    if not path.is_file():
        return False
    try:
        content = _read_json(path)
    except InputError:
        return True
    return not (isinstance(content, dict) and "model_type" in content)


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not a JSON file: {error}") from error
