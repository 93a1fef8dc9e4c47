"""The peak that `Memory` predicts beside the one that the CPU's allocator records, for inference and for training.

    python benchmarks/memory_profiler.py > docs/tables/memory.md       # about ten minutes
    python benchmarks/memory_profiler.py gpt2 resnet18                 # some

Real weights and inputs, one thread. Training is forward, loss, backward and the optimizer's step, with its state in place.
The record is torch.profiler's, of one run after one to warm up; it begins at zero, so the bytes that are there before the
run (weights, inputs, optimizer state) are taken off the prediction: the ratio is of what a run adds. Workspaces, which
kernels take for themselves and no tensor has, are measured and stand apart (see allocations.py).
"""

from __future__ import annotations

import argparse
import copy
import statistics
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from allocations import Record, record
from measure import environment, markdown, say
from torch import nn

from fxviz import Facts, Graph, Memory, format_quantity, trace, trace_training

Loss = Callable[[Any], torch.Tensor]
Optimizer = Callable[[Any], torch.optim.Optimizer]

FAR = 0.001  # beyond it, a row says which operators differ


@dataclass(frozen=True)
class Case:
    """A model, its inputs, and how it is trained."""

    model: nn.Module
    inputs: Mapping[str, Any]
    loss: Loss
    optimizer: Optimizer = torch.optim.AdamW
    labels: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def arguments(self, *, train: bool) -> dict[str, Any]:
        return {**self.inputs, **self.labels} if train else dict(self.inputs)


# Models ---------------------------------------------------------------------------------------------------------------


def classified(logits: Any) -> torch.Tensor:
    return nn.functional.cross_entropy(logits, torch.zeros(logits.shape[:1] + logits.shape[2:], dtype=torch.int64))


def vision(name: str, size: int = 64, batch: int = 2) -> Case:
    import torchvision

    model = torchvision.models.get_model(name, weights=None)
    return Case(model, {"x": torch.zeros(batch, 3, size, size)}, classified, partial(torch.optim.SGD, momentum=0.9))


def segmented(name: str) -> Case:
    import torchvision

    model = torchvision.models.get_model(name, weights=None, weights_backbone=None)
    return Case(model, {"x": torch.zeros(2, 3, 64, 64)}, lambda result: classified(result["out"]))


def image(name: str, size: int = 224) -> Case:
    import timm

    return Case(timm.create_model(name), {"x": torch.zeros(2, 3, size, size)}, classified)


def language(kind: str, head: str = "CausalLM", **sizes: Any) -> Case:
    import transformers

    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 0}
    config = transformers.AutoConfig.for_model(kind, **sizes, **tokens)
    model = getattr(transformers, f"AutoModelFor{head}").from_config(config)
    ids = torch.zeros(2, 64, dtype=torch.int64)
    inputs = {"input_ids": ids} | ({"decoder_input_ids": ids} if config.is_encoder_decoder else {})
    return Case(model, inputs, lambda result: result.loss, labels={"labels": ids})


def recurrent(kind: type[nn.Module]) -> Case:
    return Case(kind(64, 128, 2, batch_first=True), {"input": torch.zeros(4, 32, 64)}, lambda result: result[0].mean())


SMALL = {"hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4, "vocab_size": 1000}
GATED = {**SMALL, "intermediate_size": 256, "num_key_value_heads": 2}
T5 = {"d_model": 128, "d_kv": 32, "d_ff": 256, "num_layers": 3, "num_heads": 4, "vocab_size": 1000}
BART = {
    **{"d_model": 128, "vocab_size": 1000, "encoder_layers": 2, "decoder_layers": 2},
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim"), 256),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
}

CASES: dict[str, Callable[[], Case]] = {
    **{
        name: partial(vision, name)
        for name in (
            *("alexnet", "vgg11", "resnet18", "resnet50", "wide_resnet50_2", "resnext50_32x4d", "densenet121"),
            *("mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "regnet_y_400mf", "shufflenet_v2_x1_0"),
            *("squeezenet1_1", "mnasnet0_5", "convnext_tiny", "swin_t"),
        )
    },
    "vit_b_32": partial(vision, "vit_b_32", size=224),
    "fcn_resnet50": partial(segmented, "fcn_resnet50"),
    "deeplabv3_mobilenet_v3_large": partial(segmented, "deeplabv3_mobilenet_v3_large"),
    **{
        name: partial(image, name)
        for name in (
            *("vit_tiny_patch16_224", "deit_tiny_patch16_224", "convnext_atto", "mixer_s32_224", "resmlp_12_224"),
            *("poolformer_s12", "levit_128s", "mobilevit_xxs", "xcit_nano_12_p16_224", "swin_tiny_patch4_window7_224"),
            *("pvt_v2_b0", "edgenext_xx_small", "efficientformer_l1", "ghostnet_100"),
        )
    },
    "gpt2": partial(language, "gpt2", n_embd=128, n_layer=3, n_head=4, vocab_size=1000),
    "gpt_neox": partial(language, "gpt_neox", **SMALL, intermediate_size=256),
    "opt": partial(language, "opt", **SMALL, ffn_dim=256, word_embed_proj_dim=128),
    "bloom": partial(language, "bloom", hidden_size=128, n_layer=3, n_head=4, vocab_size=1000),
    **{name: partial(language, name, **GATED) for name in ("llama", "mistral", "qwen2", "gemma", "phi3", "mixtral")},
    "falcon": partial(language, "falcon", **SMALL),
    "mamba": partial(language, "mamba", hidden_size=128, num_hidden_layers=3, vocab_size=1000),
    **{
        name: partial(language, name, "MaskedLM", **SMALL, intermediate_size=256)
        for name in ("bert", "roberta", "electra", "deberta-v2", "modernbert")
    },
    "distilbert": partial(language, "distilbert", "MaskedLM", dim=128, n_layers=3, n_heads=4, hidden_dim=256),
    "albert": partial(language, "albert", "MaskedLM", **SMALL, intermediate_size=256),
    "t5": partial(language, "t5", "Seq2SeqLM", **T5),
    "bart": partial(language, "bart", "Seq2SeqLM", **BART),
    "lstm": partial(recurrent, nn.LSTM),
    "gru": partial(recurrent, nn.GRU),
}


# One run, foretold and measured ---------------------------------------------------------------------------------------


def foretold(case: Case, *, train: bool) -> Graph:
    arguments = case.arguments(train=train)
    if train:
        return trace_training(case.model, kwargs=arguments, loss=case.loss, optimizer=case.optimizer)
    return trace(case.model, kwargs=arguments)


def added(graph: Graph) -> int:
    """The peak above what is there before the run."""
    peak = Facts(graph)[Memory()].peak
    assert isinstance(peak, int)
    return peak - sum(storage.nbytes for storage in graph.storages if storage.born < 0)


def measured(case: Case, *, train: bool) -> Record:
    arguments = case.arguments(train=train)
    if not train:
        with torch.no_grad():
            copy.deepcopy(case.model)(**arguments)  # warms libraries up, not what the model caches for itself
            return record(lambda: case.model(**arguments))
    optimizer = case.optimizer(case.model.parameters())

    def step() -> torch.Tensor:
        loss = case.loss(case.model(**arguments))
        loss.backward()
        optimizer.step()
        return loss

    step()
    optimizer.zero_grad()
    return record(step)


# The table ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    name: str
    run: str
    predicted: int
    record: Record
    left: Counter[str]  # the bytes that each operator leaves behind, predicted

    @property
    def ratio(self) -> float:
        return self.predicted / self.record.peak_without_workspace

    @property
    def workspace(self) -> int:
        return self.record.peak - self.record.peak_without_workspace

    @property
    def note(self) -> str:
        """Why the two differ: the operators that leave more or less behind than predicted."""
        if abs(self.ratio - 1) <= FAR:
            return ""
        real = self.record.left()
        apart = sorted(self.left.keys() | real.keys(), key=lambda name: abs(self.left[name] - real[name]), reverse=True)
        return "; ".join(
            f"{name.removeprefix('aten::')}: {format_quantity(self.left[name], 'B')}, {format_quantity(real[name], 'B')}"
            for name in apart[:3]
            if self.left[name] != real[name]
        )

    def cells(self) -> list[str]:
        sizes = (self.predicted, self.record.peak_without_workspace, self.workspace)
        return [self.name, self.run, *(format_quantity(size, "B") for size in sizes), f"{self.ratio:.4f}", self.note]


def left(graph: Graph) -> Counter[str]:
    """The bytes that each operator leaves behind, by its name without the overload."""
    names = ["::".join(kernel.op.split(".")[:2]) for kernel in graph.kernels]
    found: Counter[str] = Counter()
    for storage in graph.storages:
        if storage.born >= 0:
            found[names[storage.born]] += int(storage.nbytes)
    return found


def row(name: str, *, train: bool) -> Row:
    torch.manual_seed(0)
    case = CASES[name]()
    case.model.train(train)
    graph = foretold(case, train=train)
    return Row(name, "training" if train else "inference", added(graph), measured(case, train=train), left(graph))


def summary(rows: list[Row]) -> list[str]:
    lines = []
    for run in dict.fromkeys(row.run for row in rows):
        errors = {row.name: abs(row.ratio - 1) for row in rows if row.run == run}
        worst = max(errors, key=lambda name: errors[name])
        within = sum(error <= 0.05 for error in errors.values())
        lines.append(
            f"{run.capitalize()}: {len(errors)} models, median error {statistics.median(errors.values()):.3%}, "
            f"{within} within 5 %, worst {worst} with {errors[worst]:.1%}."
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(CASES), help=f"of {', '.join(CASES)}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what models have to say about themselves
    torch.set_num_threads(1)  # workspaces grow with threads

    rows = []
    for name in options.models:
        for train in (False, True):
            rows.append(row(name, train=train))
            say(f"{len(rows)} {' | '.join(rows[-1].cells())}")
    print("\n".join(summary(rows)), end="\n\n")
    heads = [
        "model",
        "run",
        "predicted",
        "measured",
        "workspace",
        "predicted / measured",
        "left behind by: predicted, measured",
    ]
    print(markdown(heads, [row.cells() for row in rows]))
    print(f"\n{environment()}")


if __name__ == "__main__":
    main()
