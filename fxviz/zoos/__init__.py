"""Model zoos, one a file: models by name, without weights, and inputs that they accept.

Each has ``build(name, dtype, random_weights) -> (model, inputs by argument)``; models are on the meta device where they
can be, unless they are to have weights.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch

from fxviz.dtypes import DTYPE_BITS
from fxviz.errors import InputError, MissingDependency
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["construct", "default_dtype", "import_zoo", "to_dtype"]

T = TypeVar("T")


def construct(make: Callable[[], T], dtype: str | None = None, *, random_weights: bool = False) -> T:
    """What ``make()`` gives on the meta device, where weights take no memory; on the CPU where it reads their values.

    With ``random_weights`` always on the CPU, where it fills them as for a training from scratch. Warnings are dropped: those that models give when they are made are about weights, which have no values here.
    """
    with default_dtype(dtype), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if random_weights:
            return make()
        try:
            with torch.device("meta"):
                return make()
        except (RuntimeError, NotImplementedError) as error:
            if "meta" not in str(error):
                raise
        return make()


@contextmanager
def default_dtype(name: str | None) -> Iterator[None]:
    """Make floating-point tensors of dtype ``name`` where the code does not say; None changes nothing."""
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(to_dtype(name) or before)
        yield
    finally:
        torch.set_default_dtype(before)


def to_dtype(name: str | None) -> torch.dtype | None:
    """Torch's dtype of a floating-point ``name``; None for None."""
    if name is None:
        return None
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        floats = [known for known in DTYPE_BITS if known.startswith(("float", "bfloat"))]
        raise InputError(
            f"{name!r} is no floating-point dtype of torch{suggest(name, floats, most=0) or ', such as bfloat16'}"
        )
    return dtype


@contextmanager
def import_zoo(name: str, command: str) -> Iterator[None]:
    """Say what to install where an import within fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"{name} models need the package {error.name}, which is not installed: {command}"
        ) from error
    except (ImportError, RuntimeError, AttributeError) as error:
        # A CUDA build of torchvision beside a CPU build of torch fails with "operator torchvision::nms does not exist".
        raise MissingDependency(
            f"{name} is installed but cannot be imported: {error}; builds of torch {torch.__version__} and torchvision must "
            "match: install both from one index, https://pytorch.org/get-started"
        ) from error


def check_name(zoo: str, name: object, known: list[str]) -> None:
    """Raise `InputError` with close matches for a name that the zoo does not have."""
    if not isinstance(name, str) or name not in known:
        raise InputError(f"{zoo} has no model {name!r}{suggest(str(name), known)}")
