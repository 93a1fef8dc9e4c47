"""Draw the gallery: ``python docs/make_gallery.py [NAME…]``, as SVG, Mermaid and HTML, and the page that shows it.

All at their defaults: what ``fxviz export MODEL -o model.svg`` makes.
"""

from __future__ import annotations

import os
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import fxviz
from fxviz import Facts, Flops, Parameters, format_quantity

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz import Graph

HERE = Path(__file__).parent
FOLDER = HERE / "gallery"
FORMATS = ("svg", "mmd", "html")


@dataclass(frozen=True)
class Picture:
    """A model of the gallery: ``model`` is a name that the command line takes, or a function that traces it."""

    stem: str
    title: str
    model: str | Callable[[], Graph]

    def graph(self) -> Graph:
        return fxviz.models.trace(self.model) if isinstance(self.model, str) else self.model()


def unet() -> Graph:
    import segmentation_models_pytorch as smp
    import torch

    with torch.device("meta"):
        model = smp.Unet("resnet18", encoder_weights=None).eval()
    return fxviz.trace(model, torch.empty(1, 3, 256, 256, device="meta"))


def detector_backbone() -> Graph:
    import torch
    from torchvision.models.detection import fasterrcnn_resnet50_fpn_v2

    with torch.device("meta"):
        detector = fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None).eval()
    return fxviz.trace(detector.backbone, torch.empty(1, 3, 800, 800, device="meta"))


GALLERY = (
    Picture("resnet50", "ResNet-50, a convolutional network", "torchvision:resnet50"),
    Picture("vit", "ViT-B/16, a vision transformer", "timm:vit_base_patch16_224"),
    Picture("swin", "Swin-T: plain and shifted windows take turns", "torchvision:swin_t"),
    Picture("unet", "U-Net, with its skips", unet),
    Picture("backbone", "The backbone of a detector: ResNet-50 and a feature pyramid", detector_backbone),
    Picture("gpt2", "GPT-2", "transformers:gpt2"),
    Picture("llama", "Llama 2 7B", "transformers:llama"),
    Picture("mixtral", "Mixtral 8x7B, a mixture of experts", "transformers:mixtral"),
    Picture("t5", "T5, an encoder and a decoder", "transformers:t5"),
    Picture("whisper", "Whisper, from sound to text", "transformers:whisper"),
    Picture("mamba", "Mamba, a state-space model", "transformers:mamba"),
    Picture("clip", "CLIP, two towers", "transformers:clip"),
)


def draw(picture: Picture) -> None:
    facts = Facts(picture.graph())
    for suffix in FORMATS:
        fxviz.export(facts, FOLDER / f"{picture.stem}.{suffix}")
    (FOLDER / f"{picture.stem}.txt").write_text(numbers(facts), encoding="utf-8")


def numbers(facts: Facts) -> str:
    """Return the line of numbers that stands under the title of a picture."""
    parameters = f"{format_quantity(facts[Parameters()].total)} parameters"
    flops = format_quantity(facts[Flops()].total, "FLOPs")
    return f"{parameters}, {flops}, {len(facts.graph.nodes):,} operations\n"


def page() -> str:
    lines = [
        "# Gallery",
        "",
        "Twelve models at fxviz's defaults, none with its weights. Click a picture to open the model in the viewer, where modules open and",
        "close. The Mermaid source is the text of the same diagram in Markdown. `python docs/make_gallery.py` draws them all.",
    ]
    for picture in GALLERY:
        stem = picture.stem
        command = f"`fxviz export {picture.model} -o {stem}.svg`; " if isinstance(picture.model, str) else ""
        words = (FOLDER / f"{stem}.txt").read_text(encoding="utf-8").strip()
        links = f"[viewer](gallery/{stem}.html), [Mermaid](gallery/{stem}.mmd)"
        image = f"[![{picture.title}](gallery/{stem}.svg)](gallery/{stem}.html)"
        lines += ["", f"## {picture.title}", "", f"{words}. {command}{links}.", "", image]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    warnings.simplefilter("ignore")
    FOLDER.mkdir(exist_ok=True)
    for picture in GALLERY:
        if not sys.argv[1:] or picture.stem in sys.argv[1:]:
            draw(picture)
    (HERE / "gallery.md").write_text(page(), encoding="utf-8")
