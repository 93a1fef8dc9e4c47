"""Devices as a roofline sees them: how fast they compute and how fast they move bytes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fxviz.errors import InputError
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Device", "find_device", "read_devices"]

# Where a device has no rate for a dtype it computes in the next wider one.
_WIDER = {
    "float8": ("float8", "float16", "bfloat16", "float32"),
    "float16": ("float16", "float32"),
    "bfloat16": ("bfloat16", "float32"),
    "tf32": ("tf32", "float32"),
    "float32": ("float32",),
    "float64": ("float64",),
    "int8": ("int8", "vector"),
    "vector": ("vector",),
}


@dataclass(frozen=True, eq=False)
class Device:
    """Peak rates: operations a second by dtype, and ``vector`` for element-by-element work; bytes a second; bytes of memory.

    A device that is named is looked up in fxviz's own table, ``passes/devices.toml``, which cites its sources.
    """

    name: str
    rates: Mapping[str, int]
    bandwidth: int
    memory: int
    source: str = ""

    def rate(self, kind: str) -> int | None:
        """Return the rate for a dtype, or for ``tf32`` or ``vector``; of narrower dtypes it lacks, the next wider one's.

        None where the device has neither.

        >>> device = Device("tiny", {"vector": 1, "float32": 10}, bandwidth=1, memory=1)
        >>> device.rate("float8_e4m3fn"), device.rate("float64")
        (10, None)
        """
        family = next((known for known in _WIDER if kind.startswith(known)), "int8" if "int" in kind else "float32")
        return next((self.rates[wider] for wider in _WIDER[family] if wider in self.rates), None)


def find_device(name: str) -> Device:
    """Return the device of that name: ``"h100"``, or one of a TOML file, ``"mine.toml"`` or ``"mine.toml:box"``.

    Raises `InputError` for a name or a file that is not there, or not of the form of fxviz's own table.

    >>> find_device("h100").bandwidth
    3350000000000
    """
    path, _, member = name.partition(".toml")
    if path == name:
        known = read_devices(files("fxviz.passes").joinpath("devices.toml").read_text(encoding="utf-8"))
        return _pick(known, name)
    try:
        text = Path(f"{path}.toml").read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read the devices of {path}.toml: {error.strerror}") from error
    mine = read_devices(text)
    return next(iter(mine.values())) if not member and len(mine) == 1 else _pick(mine, member.lstrip(":"))


def _pick(devices: Mapping[str, Device], name: str) -> Device:
    if name.lower() not in devices:
        raise InputError(f"unknown device {name!r}{suggest(name, sorted(devices))}; or name a .toml file of your own")
    return devices[name.lower()]


def read_devices(text: str) -> dict[str, Device]:
    """Return the devices of a TOML text by name; an `InputError` says what is wrong with it."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"the devices are not valid TOML: {error}") from error
    return {name.lower(): _device(name, table) for name, table in tables.items()}


def _device(name: str, table: Any) -> Device:
    if not isinstance(table, dict) or not isinstance(table.get("rates"), dict):
        raise InputError(
            f"device {name!r} needs a table with bandwidth, memory and rates = {{ vector = …, float32 = … }}"
        )
    if unknown := table["rates"].keys() - _WIDER.keys():
        raise InputError(f"device {name!r} has a rate for {min(unknown)!r}{suggest(min(unknown), _WIDER)}")
    rates = {kind: _positive(rate, f"{name}.rates.{kind}") for kind, rate in table["rates"].items()}
    if missing := {"vector", "float32"} - rates.keys():
        raise InputError(f"device {name!r} has no rate for {', '.join(sorted(missing))}")
    bandwidth, memory = (_positive(table.get(key), f"{name}.{key}") for key in ("bandwidth", "memory"))
    return Device(str(table.get("title", name)), rates, bandwidth, memory, str(table.get("source", "")))


def _positive(number: object, what: str) -> int:
    if not isinstance(number, int | float) or isinstance(number, bool) or not 1 <= number < 1e30:
        raise InputError(f"{what} is a positive number a second, or of bytes, not {number!r}")
    return round(number)
