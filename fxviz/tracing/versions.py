"""The oldest torch that the tracer takes: on older ones it would stop, or give other totals, without saying why."""

from __future__ import annotations

import re

from fxviz.errors import MissingDependency

__all__ = ["OLDEST", "check_torch"]

OLDEST = (2, 13)
"""The floor of ``torch`` in pyproject.toml; tests run on it."""


def check_torch(version: str) -> None:
    """Refuse a torch that is older than the oldest that was tested.

    >>> check_torch("2.13.0+cpu")
    >>> check_torch("2.9.1+cu128")
    Traceback (most recent call last):
        ...
    fxviz.errors.MissingDependency: fxviz needs torch 2.13 or newer, and this is torch 2.9.1+cu128: pip install --upgrade torch
    """
    found = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if found < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise MissingDependency(
            f"fxviz needs torch {needed} or newer, and this is torch {version}: pip install --upgrade torch"
        )
