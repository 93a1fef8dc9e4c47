"""Attributes of operations as ONNX has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeGuard

import numpy
import onnx

from fxviz.importers.onnx.format import clean_text

if TYPE_CHECKING:
    from fxviz.ir import Attribute

__all__ = ["write_attribute"]

_FLOAT32_MAX = float(numpy.finfo(numpy.float32).max)


def write_attribute(proto: onnx.NodeProto, name: str, attribute: Attribute) -> None:
    """Add an attribute to ``proto``: numbers and lists of them where ONNX can hold them, anything else as text; None is left out."""
    if attribute is None:
        return
    target = proto.attribute.add(name=clean_text(name) or "?")
    if isinstance(attribute, tuple):
        if all(map(_is_integer, attribute)):
            target.type = onnx.AttributeProto.INTS
            target.ints.extend(map(int, attribute))
        elif all(map(_is_real, attribute)):
            target.type = onnx.AttributeProto.FLOATS
            target.floats.extend(attribute)
        else:
            target.type = onnx.AttributeProto.STRINGS
            target.strings.extend(_bytes(member) for member in attribute)
    elif _is_integer(attribute):
        target.type, target.i = onnx.AttributeProto.INT, int(attribute)  # of True and False, too
    elif _is_real(attribute):
        target.type, target.f = onnx.AttributeProto.FLOAT, attribute
    else:
        target.type, target.s = onnx.AttributeProto.STRING, _bytes(attribute)


def _is_integer(attribute: Attribute) -> TypeGuard[int]:
    return isinstance(attribute, int) and -(2**63) <= attribute < 2**63


def _is_real(attribute: Attribute) -> TypeGuard[float]:
    """Whether ONNX's single precision can hold the number."""
    return _is_integer(attribute) or (isinstance(attribute, float) and not abs(attribute) > _FLOAT32_MAX)


def _bytes(attribute: Attribute) -> bytes:
    return clean_text(_format(attribute)).encode()


def _format(attribute: Attribute) -> str:
    if isinstance(attribute, tuple):
        return f"[{', '.join(map(_format, attribute))}]"
    if isinstance(attribute, Mapping):
        return f"{{{', '.join(f'{name}: {_format(member)}' for name, member in attribute.items())}}}"
    return str(attribute)
