"""Model names: from ``"timm:vit_tiny_patch16_224"`` or ``"file.py:Net"`` to a model and inputs for it.

A name is one of

- ``torchvision:resnet50``, ``timm:vit_tiny_patch16_224``, ``transformers:gpt2`` (a model type, at its default config);
- a path to a Hugging Face ``config.json``, which is read as data only, or to a folder that holds one;
- ``package.module:attribute`` or ``file.py:attribute``: a module, a module class or a function that makes one (neither
  with required arguments), or a function of tensors;
- ``program.pt2``, saved by ``torch.export.save``; ``model.onnx``; a graph saved by fxviz as JSON.

Nothing is downloaded: models of the zoos are built without weights, on the meta device, in evaluation mode; where weights
are asked for, they are random.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from fxviz.errors import FxvizError, InputError, TraceError
from fxviz.models.inputs import InputSpec, Symbol, choose_sizes, parse_input
from fxviz.plugins import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import torch

    from fxviz.ir import Graph
    from fxviz.tracing import Mode

__all__ = ["LOSSES", "Target", "build", "find_model", "trace", "trace_training"]

LOSSES = ("mean", "own")
"""What `Target.trace_training` can make a scalar of: the mean of the first result, or the loss that the model returns."""

ZOOS = ("timm", "torchvision", "transformers")

Found: TypeAlias = "tuple[Callable[..., Any], Sequence[Mapping[str, object]]]"
"""A model, and what its inputs may be by argument, the likeliest first; none where they cannot be guessed."""


@dataclass(frozen=True, eq=False)
class Target:
    """A model and what to call it with: the arguments of `fxviz.trace`.

    ``others`` have other inputs, for when these were guessed and do not fit.
    """

    name: str
    model: Callable[..., object]
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    dynamic_shapes: Mapping[str, object] | None = None
    others: tuple[Target, ...] = ()

    def trace(self, mode: Mode = "auto", device: str | None = None) -> Graph:
        """The model's graph, on the first inputs that fit; as if on ``device``, which need not be there."""
        from fxviz.tracing import trace

        def attempt(target: Target) -> Graph:
            kwargs = dict(target.kwargs)
            return trace(
                target.model, target.args, kwargs, dynamic_shapes=target.dynamic_shapes, mode=mode, device=device
            )

        return self._first_that_fits(attempt)

    def trace_training(self, loss: str = "mean", optimizer: str | None = None, device: str | None = None) -> Graph:
        """The graph of a training step, the model in training mode.

        ``loss`` is one of `LOSSES`; ``optimizer`` the name of a class of ``torch.optim``, in any case; ``device`` is as for
        `trace`.
        """
        import torch

        from fxviz.tracing import trace_training

        if not isinstance(self.model, torch.nn.Module):
            raise InputError(f"{self.name} is no module: only a module can be trained")
        if loss not in LOSSES:
            raise InputError(f"there is no loss {loss!r}: choose one of {', '.join(LOSSES)}")
        model = self.model.train()
        make_optimizer = None if optimizer is None else _find_optimizer(optimizer)

        def attempt(target: Target) -> Graph:
            return trace_training(
                model,
                target.args,
                dict(target.kwargs),
                loss=_mean_of_first if loss == "mean" else None,
                optimizer=make_optimizer,
                dynamic_shapes=target.dynamic_shapes,
                device=device,
            )

        return self._first_that_fits(attempt)

    def _first_that_fits(self, attempt: Callable[[Target], Graph]) -> Graph:
        """What comes of the first inputs that do not fail; the failure of the likeliest if all do."""
        try:
            return attempt(self)
        except (TraceError, InputError) as error:
            for other in self.others:
                with suppress(TraceError, InputError):
                    return attempt(other)
            raise error from error.__cause__


def trace_training(
    name: str,
    inputs: Sequence[str] = (),
    *,
    dtype: str | None = None,
    loss: str = "mean",
    optimizer: str | None = None,
    device: str | None = None,
) -> Graph:
    """The graph of a training step of the model called ``name``; arguments as for `build` and `Target.trace_training`."""
    if _is_saved_graph(name) or _is_onnx(name):
        raise InputError(f"{name} is a graph, traced as it is: give the model that is to be trained")
    return build(name, inputs, dtype=dtype).trace_training(loss, optimizer, device)


def trace(
    name: str,
    inputs: Sequence[str] = (),
    *,
    dtype: str | None = None,
    mode: Mode = "auto",
    random_weights: bool = False,
    device: str | None = None,
) -> Graph:
    """The graph of the model called ``name``; an ONNX file and a graph saved as JSON are read.

    Arguments as for `build`; it is traced as if on ``device``, which need not be there.
    """
    if device is not None and (_is_saved_graph(name) or _is_onnx(name)):
        raise InputError(f"{name} is a graph as it is: a device is for a model that is traced here")
    if _is_saved_graph(name):
        from fxviz.ir.serialize import load

        return load(name)
    if _is_onnx(name):
        from fxviz.importers.onnx import read_onnx

        if inputs:
            raise InputError(f"{name} has inputs of its own: an ONNX file is read without -i")
        return read_onnx(name)
    structure_only = mode == "symbolic"
    target = build(name, inputs, dtype=dtype, structure_only=structure_only, random_weights=random_weights)
    return target.trace(mode, device)


def build(
    name: str,
    inputs: Sequence[str] = (),
    *,
    dtype: str | None = None,
    structure_only: bool = False,
    random_weights: bool = False,
) -> Target:
    """The model called ``name`` (the module's docstring lists the forms) and inputs for it.

    Args:
        name: What to build.
        inputs: Shapes, each ``[argument=]extents[:dtype]``: ``"1,3,224,224"``, ``"input_ids=B,128:int64"``. They replace
            those that are guessed for models of the zoos.
        dtype: The element type of weights and inputs, such as ``"bfloat16"``, for a model that is built here.
        structure_only: Do not ask for inputs where none can be guessed.
        random_weights: Give a model that is built here weights, on the CPU, as its library makes them for a training.

    Raises `InputError` for a name or inputs that cannot be used, `MissingDependency` for a zoo that is not installed.
    """
    specs = [parse_input(text) for text in inputs]
    model, guesses = _find(name, dtype, random_weights)
    names = _parameters(model)
    if not specs and not guesses and _needs_inputs(model) and not structure_only:
        takes = f"; it takes {', '.join(names)}" if names else ""
        raise InputError(
            f"the inputs of {name} cannot be guessed{takes}: give a shape for each, such as -i 1,3,224,224 or -i {next(iter(names), 'x')}=1,128:int64"
        )
    if specs:
        return _target(name, model, names, next(iter(guesses), {}), specs)
    likeliest, *others = [_target(name, model, names, guess, ()) for guess in guesses or [{}]]
    return replace(likeliest, others=tuple(others))


def find_model(name: str, *, random_weights: bool = False) -> Callable[..., object] | Graph:
    """The model called ``name``, for which no inputs are needed; the graph, where that is the name of a graph's file."""
    if _is_saved_graph(name) or _is_onnx(name):
        return trace(name)
    return build(name, structure_only=True, random_weights=random_weights).model


# Inputs ---------------------------------------------------------------------------------------------------------------


def _target(
    name: str,
    model: Callable[..., Any],
    names: Sequence[str],
    guess: Mapping[str, object],
    specs: Sequence[InputSpec],
) -> Target:
    """Bind specs to arguments, by name or else by place: the guessed arguments first, then those of the signature."""
    places = iter([*guess, *(name for name in names if name not in guess)])
    given: dict[str, InputSpec] = {}
    for number, spec in enumerate(specs):
        argument = spec.name or next((place for place in places if place not in given), None)
        if argument is None:
            raise InputError(f"{name} takes {len(names)} inputs ({', '.join(names)}), and {len(specs)} were given")
        if argument in given:
            raise InputError(f"input {number + 1} gives {argument!r} a second time")
        if names and argument not in names and not _takes_any_keyword(model):
            raise InputError(f"{name} has no input {argument!r}{suggest(argument, names)}")
        given[argument] = spec
    sizes = choose_sizes((spec, _shape_of(guess.get(argument))) for argument, spec in given.items())
    device = _device_of(model)
    values = dict(guess) | {
        argument: _tensor(spec, sizes, guess.get(argument), device) for argument, spec in given.items()
    }
    dynamic = {
        argument: _dynamic(given[argument]) if argument in given else _nothing_dynamic(value)
        for argument, value in values.items()
    }
    leading = list(takewhile(values.__contains__, names))
    return Target(
        name,
        model,
        tuple(values[argument] for argument in leading),
        MappingProxyType({argument: value for argument, value in values.items() if argument not in leading}),
        dynamic if sizes else None,
    )


def _tensor(spec: InputSpec, sizes: Mapping[str, int], guess: object, device: torch.device) -> torch.Tensor:
    import torch

    from fxviz.models.zoos import input_device

    shape = [sizes[extent.name] if isinstance(extent, Symbol) else extent for extent in spec.shape]
    if spec.dtype is not None and not hasattr(torch, spec.dtype):
        raise InputError(f"this torch ({torch.__version__}) has no dtype {spec.dtype}")
    if spec.dtype is not None:
        dtype = getattr(torch, spec.dtype)
    else:
        dtype = guess.dtype if isinstance(guess, torch.Tensor) else torch.get_default_dtype()
    try:
        return torch.zeros(shape, dtype=dtype, device=input_device(device, dtype))
    except (RuntimeError, TypeError) as error:
        raise InputError(f"cannot make an input of shape {tuple(shape)} and dtype {dtype}: {error}") from error


def _dynamic(spec: InputSpec) -> Mapping[int, object] | None:
    from torch.export import Dim

    return {dim: Dim(extent.name) for dim, extent in enumerate(spec.shape) if isinstance(extent, Symbol)} or None


def _nothing_dynamic(value: object) -> object:
    """What torch.export wants for a static argument: its structure, with None for every tensor."""
    return [_nothing_dynamic(item) for item in value] if isinstance(value, list) else None


def _shape_of(value: object) -> tuple[int, ...] | None:
    shape = getattr(value, "shape", None)
    return tuple(shape) if shape is not None else None


def _device_of(model: Callable[..., Any]) -> torch.device:
    """The device that holds the model: its inputs belong there too. The CPU for a model without weights."""
    import torch

    tensors = [*model.parameters(), *model.buffers()] if isinstance(model, torch.nn.Module) else []
    return tensors[0].device if tensors else torch.device("cpu")


def _signature(model: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(getattr(model, "forward", model))
    except (TypeError, ValueError):  # a function written in C, an ExportedProgram
        return None


def _parameters(model: Callable[..., Any]) -> list[str]:
    """The names of the arguments that an input may be given for."""
    signature = _signature(model)
    ordinary = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in signature.parameters.values() if p.kind in ordinary] if signature else []


def _takes_any_keyword(model: Callable[..., Any]) -> bool:
    signature = _signature(model)
    return signature is not None and any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())


def _needs_inputs(model: Callable[..., Any]) -> bool:
    signature = _signature(model)
    return signature is not None and bool(_required(signature))


def _required(signature: inspect.Signature) -> list[str]:
    return [
        p.name
        for p in signature.parameters.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]


# Training -------------------------------------------------------------------------------------------------------------


def _mean_of_first(result: object) -> torch.Tensor:
    from fxviz.tracing.structure import leaves

    for _, tensor in leaves(result):
        if tensor.requires_grad:
            return tensor.mean()
    raise InputError("the model returns no tensor that depends on a parameter: there is nothing to take the mean of")


def _find_optimizer(name: str) -> Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]:
    from torch import optim

    known = {
        key.lower(): value
        for key, value in vars(optim).items()
        if isinstance(value, type) and issubclass(value, optim.Optimizer) and value is not optim.Optimizer
    }
    if name.lower() not in known:
        raise InputError(f"torch.optim has no {name!r}{suggest(name.lower(), list(known))}")
    return cast("Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]", known[name.lower()])


# Names ----------------------------------------------------------------------------------------------------------------


def _find(name: str, dtype: str | None, random_weights: bool) -> Found:
    prefix, colon, rest = name.partition(":")
    if colon and prefix in ZOOS:
        return cast("Found", _zoo(prefix).build(rest, dtype, random_weights=random_weights))
    path = Path(name)
    if path.suffix in (".json", ".pt2") or (name and path.is_dir()):
        return _from_file(path / "config.json" if path.is_dir() else path, dtype, random_weights)
    location, colon, attribute = name.rpartition(":")
    if colon and location.endswith(".py"):
        return _model_of(_run_file(Path(location)), attribute, name, dtype, random_weights), []
    if colon and location:
        return _model_of(_import(location), attribute, name, dtype, random_weights), []
    if path.suffix == ".py" and path.exists():
        raise InputError(f"say which object of {name} is the model: {name}:Net")
    if _is_onnx(name):
        raise InputError(f"{name} is no PyTorch model, and cannot be run: its graph is read by fxviz.trace")
    raise InputError(
        f"cannot tell what model {name!r} is: write torchvision:NAME, timm:NAME, transformers:TYPE, package.module:attribute, "
        "file.py:attribute, or a path to a config.json, a .pt2 program, an .onnx model or a graph saved as .json"
    )


def _zoo(name: str) -> Any:
    """The module of a zoo; it imports the zoo itself."""
    return importlib.import_module(f"fxviz.models.zoos.{name}")


def _from_file(path: Path, dtype: str | None, random_weights: bool) -> Found:
    if path.suffix == ".json":
        config = _read_json(path)
        if not isinstance(config, dict) or "model_type" not in config:
            raise InputError(f"{path} is no Hugging Face config: it names no model_type")
        return cast("Found", _zoo("transformers").build_from_config(config, dtype, random_weights=random_weights))
    from fxviz.tracing.replay import read_program

    return read_program(path), []


def _is_onnx(name: str) -> bool:
    return Path(name).suffix.lower() == ".onnx"


def _is_saved_graph(name: str) -> bool:
    """Whether ``name`` is a JSON file that is no Hugging Face config; what it is instead, its reader finds out."""
    path = Path(name)
    if path.suffix != ".json" or not path.is_file():
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
        raise InputError(f"{path} is no JSON file: {error}") from error


def _model_of(
    module: ModuleType, attribute: str, name: str, dtype: str | None, random_weights: bool
) -> Callable[..., Any]:
    import torch

    from fxviz.models.zoos import construct

    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [known for known in vars(found) if not known.startswith("_")] if hasattr(found, "__dict__") else []
            raise InputError(f"{module.__name__} has no attribute {attribute!r}{suggest(part, public)}")
        found = getattr(found, part)
    if isinstance(found, torch.nn.Module):
        return found
    if not callable(found):
        raise InputError(f"{name} is of type {type(found).__name__}: expected a module, a module class, or a function")
    makes_model = isinstance(found, type) and issubclass(found, torch.nn.Module)
    signature = _signature(found) if not makes_model else inspect.signature(found)
    required = _required(signature) if signature is not None else []
    if makes_model and required:
        raise InputError(
            f"{name} needs arguments ({', '.join(required)}): write a function without arguments that returns the model, and name that"
        )
    if required or signature is None:
        return cast("Callable[..., Any]", found)
    with _says_what_failed(name, "raised"):
        made = construct(found, dtype, random_weights=random_weights)
    return made.eval() if isinstance(made, torch.nn.Module) else cast("Callable[..., Any]", found)


def _run_file(path: Path) -> ModuleType:
    """The module that a file defines; its own folder is importable while it runs, as for a script."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    name = f"fxviz_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    with _on_path(path.resolve().parent), _says_what_failed(str(path)):
        sys.modules[name] = module  # dataclasses look their module up while it runs
        spec.loader.exec_module(module)
    return module


def _import(name: str) -> ModuleType:
    with _says_what_failed(name):
        return importlib.import_module(name)


@contextmanager
def _on_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@contextmanager
def _says_what_failed(what: str, verb: str = "cannot be imported:") -> Iterator[None]:
    try:
        yield
    except FxvizError:
        raise
    except Exception as error:
        raise InputError(f"{what} {verb} {type(error).__name__}: {error}") from error
