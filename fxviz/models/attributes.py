"""Attributes of Python files and modules: the code runs, as ``python file.py`` would run it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fxviz.errors import FxvizError, InputError
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from fxviz.models.names import Attribute

__all__ = ["failing_as", "load_attribute"]


def load_attribute(attribute: Attribute) -> object:
    """Import the file or module, and return its attribute, ``"Net"`` or ``"holder.net"``.

    Raises `InputError` if the code fails, or has no such attribute.
    """
    source = attribute.source
    module = _run_file(source) if isinstance(source, Path) else _import(source)
    found: object = module
    for part in attribute.name.split("."):
        if not hasattr(found, part):
            public = [known for known in vars(found) if not known.startswith("_")] if hasattr(found, "__dict__") else []
            raise InputError(f"{source} has no attribute {attribute.name!r}{suggest(part, public)}")
        found = getattr(found, part)
    return found


@contextmanager
def failing_as(what: str) -> Iterator[None]:
    """Turn whatever goes wrong in the user's code into an `InputError` that begins with ``what``."""
    try:
        yield
    except FxvizError:
        raise
    except (Exception, SystemExit) as error:  # a script that ends itself must not end this process, too
        raise InputError(f"{what} {type(error).__name__}: {error}") from error


def _run_file(path: Path) -> ModuleType:
    """Return the module that a file defines; its own folder is importable while it runs, as for a script."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    name = f"fxviz_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    with _importable(path.resolve().parent), failing_as(f"{path} cannot be imported:"):
        sys.modules[name] = module  # dataclasses look their module up while it runs
        spec.loader.exec_module(module)
    return module


def _import(name: str) -> ModuleType:
    with failing_as(f"{name} cannot be imported:"):
        return importlib.import_module(name)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
