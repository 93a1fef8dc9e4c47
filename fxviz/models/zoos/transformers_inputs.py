"""Inputs for the models of Hugging Face transformers, from the arguments of forward and the sizes in the config."""

from __future__ import annotations

import inspect
from itertools import islice, product
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from fxviz.models.zoos import import_zoo, input_device

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

with import_zoo("transformers", "pip install transformers"):
    import transformers

__all__ = ["Inputs", "parts_of"]

Shape: TypeAlias = tuple[int, ...]

SEQUENCE = 128  # tokens, where the model allows as many
AUDIO = 16_000  # samples: one second at the usual rate
FRAMES = 16  # of a clip, where the config does not say
GRID = 16  # patches along each side of an image that comes as patches
_GRIDS = ("grid_thw", "image_grid_thw", "spatial_shapes", "pixel_attention_mask")
GUESSES = 6  # how many ways to read the config are worth a try


def parts_of(config: Any) -> Iterator[Any]:
    """Yield a config and the configs inside it, outermost first."""
    yield config
    for value in vars(config).values():
        if isinstance(value, transformers.PretrainedConfig):
            yield from parts_of(value)


class Inputs:
    """What a model may be called with: the batch of one that its config speaks of."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.model = model
        self.config: Any = model.config
        self.arguments = inspect.signature(model.forward).parameters
        weight = next(model.parameters())
        self.device, self.dtype = weight.device, weight.dtype

    def guesses(self) -> Sequence[Mapping[str, object]]:
        """Return inputs by argument, the likeliest first; several where configs of different models mean different things."""
        found = {name: made for name in self._wanted() if (made := list(self._make(name)))}
        if not found:
            return []
        return [dict(zip(found, chosen, strict=True)) for chosen in islice(product(*found.values()), GUESSES)]

    def _wanted(self) -> list[str]:
        """Return the arguments to give: the main one, the decoder's, the other modality where the model must see both, what is required."""
        main = getattr(self.model, "main_input_name", "input_ids")
        wanted = [main] if isinstance(main, str) else list(main)
        if wanted != ["input_ids"] or not self._has_placeholders():
            sounds = [name for name in ("input_features", "input_values") if name in self.arguments]
            wanted += ["input_ids", "pixel_values", *([] if set(sounds) & set(wanted) else sounds[:1])]
        if "pixel_values" in wanted:
            wanted += _GRIDS
        if self.config.is_encoder_decoder:
            wanted += ["decoder_input_ids", "decoder_input_values"]
        wanted += ["bbox"]
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        wanted += [p.name for p in self.arguments.values() if p.default is p.empty and p.kind not in variadic]
        return [name for name in dict.fromkeys(wanted) if name in self.arguments]

    def _has_placeholders(self) -> bool:
        """Whether images and sounds enter where the text holds their placeholder: then text alone will do."""
        return any(name.startswith(("image_token", "audio_token", "video_token")) for name in vars(self.config))

    def _make(self, argument: str) -> Iterator[torch.Tensor]:
        """Yield the tensors that an argument may want; none for an unknown argument."""
        match argument:
            case "pixel_values" | "hidden_states" if self._takes_a_grid():
                yield from map(self._zeros, self._patches())
            case "grid_thw" | "image_grid_thw":
                yield self._numbers([[1, GRID, GRID]])
            case "spatial_shapes":
                yield self._numbers([[GRID, GRID]])
            case "pixel_attention_mask":
                yield self._ones(1, GRID * GRID)
            case "pixel_values":
                yield from map(self._zeros, self._images())
            case "pixel_values_videos":
                yield self._zeros((1, self._frames() or FRAMES, *self._image()))
            case "input_features":
                yield from map(self._zeros, self._spectrograms())
            case "input_values" | "decoder_input_values":
                yield from map(self._zeros, self._sounds(argument))
            case "past_values":
                length = self._size("context_length", default=32)
                yield self._zeros((1, length, self._size("num_input_channels", default=1)))
                yield self._zeros((1, length))
            case "past_values_padding":
                yield torch.zeros_like(self._tokens(self._size("context_length", default=32)))
            case "bbox":
                yield self._tokens(self._length("input_ids"), 4)
            case "inputs_embeds":
                yield self._zeros((1, self._length(argument), self._size("hidden_size", default=768)))
            case "attention_mask" | "input_features_mask" | "qformer_attention_mask":
                yield self._ones(1, self._length(argument))
            case _ if argument.endswith("input_ids"):
                yield self._tokens(self._length(argument))

    # -- tensors

    def _zeros(self, shape: Shape) -> torch.Tensor:
        return torch.zeros(shape, dtype=self.dtype, device=self.device)

    def _tokens(self, *shape: int) -> torch.Tensor:
        return torch.zeros((1, *shape), dtype=torch.int64, device=input_device(self.device, torch.int64))

    def _ones(self, *shape: int) -> torch.Tensor:
        return torch.ones(shape, dtype=torch.int64, device=input_device(self.device, torch.int64))

    def _numbers(self, values: list[list[int]]) -> torch.Tensor:
        return torch.tensor(values, device=input_device(self.device, torch.int64))

    # -- sizes

    def _size(self, *names: str, default: int) -> int:
        """Return the first of the named sizes that the config, or a config inside it, holds."""
        for name in names:
            for part in parts_of(self.config):
                value = getattr(part, name, None)
                if isinstance(value, int) and value > 0:
                    return value
        return default

    def _length(self, argument: str) -> int:
        names = ("max_target_positions",) if argument.startswith("decoder") else ()
        return min(SEQUENCE, self._size(*names, "max_position_embeddings", default=SEQUENCE))

    def _takes_a_grid(self) -> bool:
        """Whether images come as rows of patches, with the numbers of patches beside them."""
        return any(name in self.arguments for name in _GRIDS)

    def _patches(self) -> Iterator[Shape]:
        """Yield rows of flattened patches: of one frame or of several, one by one or as small pictures, with a batch or without."""
        channels = self._size("num_channels", "in_channels", "in_chans", default=3)
        side = self._size("patch_size", default=16)
        frames = self._size("temporal_patch_size", default=1)
        yield GRID * GRID, channels * frames * side * side
        yield 1, GRID * GRID, channels * side * side
        yield GRID * GRID, channels, side, side

    def _images(self) -> Iterator[Shape]:
        """Yield a clip for a model that sees video, else an image; and what a model that sees several at once may want."""
        image = self._image()
        frames = self._frames()
        yield (1, frames, *image) if frames else (1, *image)
        yield 1, 2, *image
        yield 1, self._size("num_frames", default=8), *image

    def _frames(self) -> int:
        """Return the frames of a clip; 0 where the config speaks of none."""
        frames = getattr(self.config, "num_frames", None) or getattr(self.config, "frames_per_clip", None)
        return frames if isinstance(frames, int) else 0

    def _image(self) -> tuple[int, int, int]:
        channels = self._size("num_channels", default=3)
        for part in parts_of(self.config):
            size = getattr(part, "image_size", None)
            if isinstance(size, int):
                return channels, size, size
            if isinstance(size, list | tuple) and len(size) == 2:
                return channels, size[0], size[1]
        return channels, 224, 224

    def _spectrograms(self) -> Iterator[Shape]:
        """Yield spectrograms, time first or frequency first, as the model has it."""
        mels = self._size("num_mel_bins", default=0)
        positions = self._size("max_source_positions", default=0)
        if mels and positions and not hasattr(self.config, "input_feat_per_channel"):
            yield 1, mels, 2 * positions  # Whisper's encoder halves the time axis and wants all of it
        frames = self._size("max_length", default=1024)
        bands = self._size(
            "input_feat_per_channel",
            "feature_projection_input_dim",
            "feature_size",
            "num_mel_bins",
            "input_dim",
            default=80,
        )
        yield 1, frames, bands
        yield 1, bands, frames
        yield 1, 1, frames, bands

    def _sounds(self, argument: str) -> Iterator[Shape]:
        """Yield a spectrogram where the config speaks of its bands, else a wave, with an axis for channels or without."""
        if argument.startswith("decoder") or hasattr(self.config, "num_mel_bins"):
            yield 1, self._size("max_length", default=SEQUENCE), self._size("num_mel_bins", default=80)
        channels = self._size("audio_channels", default=0)
        waves: list[Shape] = [(1, AUDIO), (1, channels or 1, AUDIO)]
        yield from reversed(waves) if channels or "padding_mask" in self.arguments else waves
