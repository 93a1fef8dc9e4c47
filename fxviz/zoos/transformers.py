"""The models of Hugging Face transformers: a model type at its default config, or a config from a file.

Configs are data: no code is loaded from them and nothing is downloaded.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

from fxviz.errors import InputError
from fxviz.zoos import check_name, construct, import_zoo, input_device, to_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

with import_zoo("transformers", "pip install transformers"):
    import transformers

__all__ = ["build", "build_from_config"]

SEQUENCE = 128  # tokens, where the model allows as many
AUDIO = 16_000  # samples: one second at the usual rate

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
) -> tuple[torch.nn.Module, Mapping[str, object]]:
    """The model of type ``name`` (``"gpt2"``) at its default config, with inputs for it."""
    if "/" in name:
        raise InputError(
            f"{name!r} is a model on the Hugging Face hub; fxviz downloads nothing: save its config.json and give the path to that"
        )
    known = list(transformers.CONFIG_MAPPING.keys())
    check_name("transformers", name, known)
    return _build(name, transformers.CONFIG_MAPPING[name], {}, dtype, random_weights)


def build_from_config(
    values: Mapping[str, Any], dtype: str | None = None, *, random_weights: bool = False
) -> tuple[torch.nn.Module, Mapping[str, object]]:
    """The model that the content of a ``config.json`` describes, with inputs for it."""
    name = values["model_type"]
    known = list(transformers.CONFIG_MAPPING.keys())
    check_name("transformers", name, known)
    return _build(name, transformers.CONFIG_MAPPING[name], values, dtype, random_weights)


def _build(
    name: str, config_class: Any, values: Mapping[str, Any], dtype: str | None, random_weights: bool
) -> tuple[torch.nn.Module, Mapping[str, object]]:
    try:
        config = config_class.from_dict(dict(values)) if values else config_class()
        _without_downloads(config)
        make = _maker(config)
        model = construct(lambda: make(config, to_dtype(dtype)), dtype, random_weights=random_weights).eval()
    except InputError:
        raise
    except Exception as error:  # each of hundreds of configs checks itself in its own way
        hint = "" if values else "; its default config may be incomplete: give a config.json"
        raise InputError(f"transformers cannot build {name!r}: {type(error).__name__}: {error}{hint}") from error
    return model, _Inputs(model).guess()


def _without_downloads(config: Any) -> None:
    for part in _with_parts(config):
        if getattr(part, "use_pretrained_backbone", False):
            part.use_pretrained_backbone = False


def _maker(config: Any) -> Callable[[Any, torch.dtype | None], torch.nn.Module]:
    """How to make a model of a config: the class that the config names, else the one of the model's commonest task."""
    for architecture in config.architectures or ():
        named: Any = getattr(transformers, architecture, None)
        if isinstance(named, type) and issubclass(named, transformers.PreTrainedModel):
            return _with_dtype(named._from_config)
    if (auto := next(_auto_classes(config), None)) is None:
        raise InputError(f"transformers has no model for {config.model_type!r} alone: it is a part of another model")
    return _with_dtype(auto.from_config)


def _with_dtype(make: Callable[..., torch.nn.Module]) -> Callable[[Any, torch.dtype | None], torch.nn.Module]:
    """``make(config)`` in the config's own dtype unless another is asked for."""
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


def _with_parts(config: Any) -> Iterator[Any]:
    """A config and the configs inside it, outermost first."""
    yield config
    for value in vars(config).values():
        if isinstance(value, transformers.PretrainedConfig):
            yield from _with_parts(value)


class _Inputs:
    """Inputs for a model, from the arguments of its forward and the sizes in its config; a batch of one."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = model
        self.config: Any = model.config
        self.arguments = inspect.signature(model.forward).parameters
        weight = next(model.parameters())
        self.device, self.dtype = weight.device, weight.dtype

    def guess(self) -> Mapping[str, object]:
        main = getattr(self.model, "main_input_name", "input_ids")
        found: dict[str, object] = {}
        for argument in self._wanted(main):
            if (value := self._make(argument)) is not None:
                found[argument] = value
        return found

    def _wanted(self, main: str) -> list[str]:
        """The arguments to give: the main one, the decoder's, and the other modality where the model must see both."""
        wanted = [main]
        if main != "input_ids" or not self._has_placeholders():
            wanted += ["input_ids", "pixel_values", "input_features", "input_values"]
        if self.config.is_encoder_decoder:
            wanted += ["decoder_input_ids", "decoder_input_values"]
        wanted += ["bbox"]
        return [name for name in dict.fromkeys(wanted) if name in self.arguments]

    def _has_placeholders(self) -> bool:
        """Whether images and sounds enter where the text holds their placeholder: then text alone will do."""
        return any(name.startswith(("image_token", "audio_token", "video_token")) for name in vars(self.config))

    def _make(self, argument: str) -> torch.Tensor | None:
        match argument:
            case "input_ids" | "decoder_input_ids":
                return self._zeros(1, self._length(argument), dtype=torch.int64)
            case "bbox":
                return self._zeros(1, self._length("input_ids"), 4, dtype=torch.int64)
            case "pixel_values":
                return self._zeros(1, *self._frames(), self._size("num_channels", default=3), *self._image())
            case "input_features":
                return self._zeros(1, *self._spectrogram())
            case "input_values" | "decoder_input_values":
                return self._zeros(1, *self._sound(argument))
            case "past_values":
                return self._zeros(
                    1, self._size("context_length", default=32), self._size("num_input_channels", default=1)
                )
        return None

    def _zeros(self, *shape: int, dtype: torch.dtype | None = None) -> torch.Tensor:
        kind = dtype or self.dtype
        return torch.zeros(shape, dtype=kind, device=input_device(self.device, kind))

    def _size(self, *names: str, default: int) -> int:
        """The first of the named sizes that the config, or a config inside it, holds."""
        for name in names:
            for part in _with_parts(self.config):
                value = getattr(part, name, None)
                if isinstance(value, int) and value > 0:
                    return value
        return default

    def _length(self, argument: str) -> int:
        names = ("max_target_positions",) if argument.startswith("decoder") else ()
        return min(SEQUENCE, self._size(*names, "max_position_embeddings", default=SEQUENCE))

    def _frames(self) -> tuple[int, ...]:
        """The frames of a clip, for a model that sees video; nothing for one that sees images."""
        return (self.config.num_frames,) if isinstance(getattr(self.config, "num_frames", None), int) else ()

    def _image(self) -> tuple[int, int]:
        for part in _with_parts(self.config):
            size = getattr(part, "image_size", None)
            if isinstance(size, int):
                return size, size
            if isinstance(size, list | tuple) and len(size) == 2:
                return size[0], size[1]
        return 224, 224

    def _spectrogram(self) -> tuple[int, int]:
        mels = self._size("num_mel_bins", default=0)
        if (
            mels
            and (positions := self._size("max_source_positions", default=0))
            and not hasattr(self.config, "input_feat_per_channel")
        ):
            return mels, 2 * positions  # Whisper's encoder halves the time axis and wants all of it
        return self._size("max_length", default=1024), self._size(
            "input_feat_per_channel", "feature_size", "num_mel_bins", default=80
        )

    def _sound(self, argument: str) -> tuple[int, ...]:
        if argument.startswith("decoder") or hasattr(self.config, "num_mel_bins"):
            return self._size("max_length", default=SEQUENCE), self._size("num_mel_bins", default=80)
        channels = self._size("audio_channels", default=0)
        return (channels, AUDIO) if channels or "padding_mask" in self.arguments else (AUDIO,)
