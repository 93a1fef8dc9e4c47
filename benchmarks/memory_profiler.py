"""The peak that `Memory` predicts beside the one that the CPU's allocator records: real weights, inference, no_grad.

    python benchmarks/memory_profiler.py > docs/tables/memory.md       # under two minutes

The allocator's record is torch.profiler's, of one forward pass after one to warm up; it begins at zero, so the bytes that
are there before the run (weights, inputs) are taken off the prediction. What differs is memory that no tensor has:
oneDNN's workspace for convolutions, above all.
"""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

import torch
from measure import environment, markdown, say
from torch.profiler import ProfilerActivity, profile

from fxviz import Facts, Memory, format_quantity, trace

if TYPE_CHECKING:
    from collections.abc import Callable

Case = tuple[torch.nn.Module, dict[str, Any]]


def vision(name: str, size: int = 224) -> Callable[[], Case]:
    def build() -> Case:
        import torchvision

        return getattr(torchvision.models, name)(), {"x": torch.zeros(1, 3, size, size)}

    return build


def language(kind: str, **sizes: Any) -> Callable[[], Case]:
    def build() -> Case:
        from transformers import AutoConfig, AutoModel

        model = AutoModel.from_config(AutoConfig.for_model(kind, **sizes))
        ids = torch.zeros(1, 64, dtype=torch.int64)
        return model, {"input_ids": ids} | ({"decoder_input_ids": ids} if model.config.is_encoder_decoder else {})

    return build


CASES: dict[str, Callable[[], Case]] = {
    "resnet18": vision("resnet18"),
    "mobilenet_v3_small": vision("mobilenet_v3_small"),
    "convnext_tiny": vision("convnext_tiny"),
    "efficientnet_b0": vision("efficientnet_b0"),
    "vit_b_16": vision("vit_b_16"),
    "swin_t": vision("swin_t"),
    "gpt2": language("gpt2"),
    "bert": language("bert"),
    "distilbert": language("distilbert"),
    "t5": language("t5"),
    "llama, 4 layers": language("llama", hidden_size=512, intermediate_size=1376, num_hidden_layers=4, vocab_size=8000),
    "mamba, 4 layers": language("mamba", hidden_size=256, num_hidden_layers=4, vocab_size=8000),
}


def predicted(model: torch.nn.Module, inputs: dict[str, Any]) -> int:
    """The peak above what is there before the run."""
    graph = trace(model, kwargs=inputs)
    return Facts(graph)[Memory()].peak - sum(storage.nbytes for storage in graph.storages if storage.born < 0)


def measured(model: torch.nn.Module, inputs: dict[str, Any]) -> int:
    """The highest level of the allocator in one run, above its level before."""
    with torch.no_grad():
        model(**inputs)
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            result = model(**inputs)  # held until the end, as in the trace
    del result
    level = peak = 0
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        level += event.nbytes()
        peak = max(peak, level)
    return peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(CASES), help=f"of {', '.join(CASES)}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what models have to say about themselves

    rows = []
    for name in options.models:
        say(name)
        model, inputs = CASES[name]()
        guess, truth = predicted(model.eval(), inputs), measured(model, inputs)
        rows.append([name, format_quantity(guess, "B"), format_quantity(truth, "B"), f"{guess / truth:.4f}"])
    print(markdown(["model", "predicted", "measured", "ratio"], rows))
    print(f"\n{environment()}")


if __name__ == "__main__":
    main()
