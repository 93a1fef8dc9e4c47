"""The models of Hugging Face transformers: a model type at its default config, or a config from a file.

Configs are data: no code is loaded from them and nothing is downloaded.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fxviz.errors import InputError
from fxviz.models.zoos import check_name, construct, import_zoo, to_dtype
from fxviz.models.zoos.transformers_inputs import Inputs, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import torch

with import_zoo("transformers", "pip install transformers"):
    import transformers

__all__ = ["build", "build_from_config"]

# In the order of preference: what each kind of model is mostly used for.
_TASKS = {
    "encoder-decoder": ("Seq2SeqLM", "SpeechSeq2Seq"),
    "several modalities": ("ImageTextToText", "MultimodalLM"),
    "one modality": (
        "MaskedLM",
        "CausalLM",
        "CTC",
        "ImageClassification",
        "VideoClassification",
        "AudioClassification",
        "ObjectDetection",
        "SemanticSegmentation",
        "UniversalSegmentation",
        "DepthEstimation",
    ),
}


def build(
    name: str, dtype: str | None = None, *, random_weights: bool = False
) -> tuple[torch.nn.Module, Sequence[Mapping[str, object]]]:
    """Return the model of type ``name`` (``"gpt2"``) at its default config, with inputs for it."""
    if "/" in name:
        raise InputError(
            f"{name!r} is a model on the Hugging Face hub; fxviz downloads nothing: save its config.json and give the path to that"
        )
    known = list(transformers.CONFIG_MAPPING.keys())
    check_name("transformers", name, known)
    return _build(name, transformers.CONFIG_MAPPING[name], {}, dtype, random_weights)


def build_from_config(
    values: Mapping[str, Any], dtype: str | None = None, *, random_weights: bool = False
) -> tuple[torch.nn.Module, Sequence[Mapping[str, object]]]:
    """Return the model that the content of a ``config.json`` describes, with inputs for it."""
    name = values["model_type"]
    known = list(transformers.CONFIG_MAPPING.keys())
    check_name("transformers", name, known)
    return _build(name, transformers.CONFIG_MAPPING[name], values, dtype, random_weights)


def _build(
    name: str, config_class: Any, values: Mapping[str, Any], dtype: str | None, random_weights: bool
) -> tuple[torch.nn.Module, Sequence[Mapping[str, object]]]:
    try:
        config = config_class.from_dict(dict(values)) if values else config_class()
        _without_downloads(config)
        model = _first_that_can_be_made(config, dtype, random_weights).eval()
    except InputError:
        raise
    except Exception as error:  # each of hundreds of configs checks itself in its own way
        hint = "" if values else "; its default config may be incomplete: give a config.json"
        raise InputError(f"transformers cannot build {name!r}: {type(error).__name__}: {error}{hint}") from error
    return model, Inputs(model).guesses()


def _without_downloads(config: Any) -> None:
    for part in parts_of(config):
        if getattr(part, "use_pretrained_backbone", False):
            part.use_pretrained_backbone = False


def _first_that_can_be_made(config: Any, dtype: str | None, random_weights: bool) -> torch.nn.Module:
    """Return the model of the config's commonest task for which the config, or what is installed, is enough."""
    first: Exception | None = None
    for make in _makers(config):
        try:
            return construct(partial(make, config, to_dtype(dtype)), dtype, random_weights=random_weights)
        except Exception as error:  # each of hundreds of models checks its config in its own way
            first = first or error
    if first is None:
        raise InputError(f"transformers has no model for {config.model_type!r} alone: it is a part of another model")
    raise first


def _makers(config: Any) -> Iterator[Callable[[Any, torch.dtype | None], torch.nn.Module]]:
    """Yield ways to make a model of a config: the class that it names and no other, else one a task, the commonest first."""
    for architecture in config.architectures or ():
        named: Any = getattr(transformers, architecture, None)
        if isinstance(named, type) and issubclass(named, transformers.PreTrainedModel):
            yield _with_dtype(named._from_config)
            return
    for auto in _auto_classes(config):
        yield _with_dtype(auto.from_config)


def _with_dtype(make: Callable[..., torch.nn.Module]) -> Callable[[Any, torch.dtype | None], torch.nn.Module]:
    """Return ``make(config)``, in the config's own dtype unless another is asked for."""
    return lambda config, dtype: make(config, dtype=dtype) if dtype else make(config)


def _auto_classes(config: Any) -> Iterator[Any]:
    several = any(hasattr(config, f"{modality}_config") for modality in ("vision", "audio", "image"))
    kinds = ["several modalities" if several else "one modality"]
    if config.is_encoder_decoder:
        kinds = ["encoder-decoder", *kinds]
    for kind in kinds:
        for task in _TASKS[kind]:
            auto = getattr(transformers, f"AutoModelFor{task}", None)
            if auto is not None and type(config) in auto._model_mapping:
                yield auto
    if type(config) in transformers.AutoModel._model_mapping:
        yield transformers.AutoModel
