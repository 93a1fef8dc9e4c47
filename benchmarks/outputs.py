"""Write thirty models in every text format, so that two versions of fxviz can be compared byte by byte.

    python benchmarks/outputs.py before/            # on one version
    python benchmarks/outputs.py after/             # on the other
    diff -rq before after

Each model is traced without weights. What a format refuses is written in the place of its output.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

MODELS = [
    "torchvision:resnet18",
    "torchvision:resnet50",
    "torchvision:vit_b_16",
    "torchvision:swin_t",
    "torchvision:densenet121",
    "torchvision:mobilenet_v3_small",
    "torchvision:googlenet",
    "torchvision:efficientnet_b0",
    "torchvision:fcn_resnet50",
    "torchvision:raft_small",
    "timm:vit_tiny_patch16_224",
    "timm:convnext_atto",
    "timm:mixer_s32_224",
    "timm:efficientnet_lite0",
    "timm:maxvit_tiny_tf_224",
    "transformers:gpt2",
    "transformers:bert",
    "transformers:llama",
    "transformers:t5",
    "transformers:whisper",
    "transformers:mixtral",
    "transformers:clip",
    "transformers:vit",
    "transformers:gemma2",
    "transformers:electra",
    "transformers:siglip",
    "transformers:qwen2_moe",
    "transformers:bloom",
    "transformers:segformer",
    "transformers:wav2vec2",
]
FORMATS = (
    "csv", "dot", "html", "json", "markdown", "mermaid", "model-explorer", "model-explorer-data", "netron-metrics",
    "onnx", "svg", "text",
)  # fmt: skip


def write_model(spec: str, folder: Path) -> None:
    """Write one model in every format of `FORMATS`, with its summary and the printed graph."""
    import fxviz

    target = folder / spec.replace(":", "-")
    target.mkdir(parents=True, exist_ok=True)
    graph = fxviz.models.build(spec).trace()
    (target / "graph.txt").write_text(str(graph))
    (target / "summary.txt").write_text(str(fxviz.summary(graph)))
    for name in FORMATS:
        try:
            content = fxviz.render(graph, name)
        except fxviz.FxvizError as error:
            content = f"{type(error).__name__}: {error}"
        (target / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def main() -> None:
    """Write the models named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="*", default=MODELS)
    options = parser.parse_args()
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    for spec in options.models:
        try:
            write_model(spec, options.folder)
            print(f"{spec}: written")
        except Exception as error:
            (options.folder / spec.replace(":", "-")).mkdir(parents=True, exist_ok=True)
            (options.folder / spec.replace(":", "-") / "failure.txt").write_text(f"{type(error).__name__}: {error}")
            print(f"{spec}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
