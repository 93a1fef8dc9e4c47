"""Model zoos, one a file: models by name, without weights, and inputs that they accept.

A zoo is a function `Zoo`, and an entry point of the group ``fxviz.zoos``, whose name is what stands before the colon:
``timm = "fxviz.models.zoos.timm:build"`` makes ``timm:vit_tiny_patch16_224`` a model. What stands here helps to write one.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from torch.overrides import TorchFunctionMode

from fxviz.errors import InputError, MissingDependency
from fxviz.ir.dtypes import DTYPE_BITS
from fxviz.plugins import suggest
from fxviz.tracing.torch_private import change_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["Zoo", "check_name", "construct", "default_dtype", "import_zoo", "input_device", "to_dtype"]

T = TypeVar("T")


class Zoo(Protocol):
    """Builds a model of a zoo."""

    def __call__(
        self, name: str, dtype: str | None = None, *, random_weights: bool = False
    ) -> tuple[torch.nn.Module, Sequence[Mapping[str, object]]]:
        """Return the model ``name`` in evaluation mode, and inputs that it may accept, by argument, the likeliest first.

        Its floating-point tensors are of ``dtype`` unless that is None. It is on the meta device where it can be, unless
        it is to have ``random_weights``: `construct` sees to both. An unknown name is an `InputError`: see `check_name`.
        """
        ...


def construct(make: Callable[[], T], dtype: str | None = None, *, random_weights: bool = False) -> T:
    """Return what ``make()`` makes on the meta device, where weights take no memory; on the CPU if it reads their values.

    With ``random_weights`` always on the CPU, where it fills them as for a training from scratch. Warnings are dropped:
    models that are being made warn of weights, which have no values here.
    """
    with default_dtype(dtype), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if random_weights:
            return make()
        try:
            with torch.device("meta"), _LiteralsHaveValues():
                return _without_weights(make())
        except (RuntimeError, NotImplementedError) as error:
            if "meta" not in str(error):
                raise
        return make()


class _LiteralsHaveValues(TorchFunctionMode):
    """``torch.tensor([1, 2])`` keeps its numbers wherever weights are put: a model may read them back when it runs."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.tensor:
            kwargs.setdefault("device", "cpu")
        return func(*args, **kwargs)


def _without_weights(made: T) -> T:
    """Return the model with every weight on the meta device, also weights that were written down as numbers."""
    if isinstance(made, torch.nn.Module) and any(p.device.type != "meta" for p in made.parameters()):
        change_weights(made, lambda t: t.to("meta") if isinstance(t, torch.nn.Parameter) else t)
    return made


def input_device(model_device: torch.device, dtype: torch.dtype) -> torch.device:
    """Return where to make an input: beside the model; on the CPU for numbers that a model may read back, which meta lacks."""
    on_meta = model_device.type == "meta" and not (dtype.is_floating_point or dtype.is_complex)
    return torch.device("cpu") if on_meta else model_device


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
    """Return torch's dtype of a floating-point ``name``; None for None."""
    if name is None:
        return None
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        floats = [known for known in DTYPE_BITS if known.startswith(("float", "bfloat"))]
        raise InputError(
            f"{name!r} is not a floating-point dtype of torch{suggest(name, floats, most=0) or ', such as bfloat16'}"
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
