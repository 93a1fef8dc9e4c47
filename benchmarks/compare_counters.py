"""What counters of FLOPs say of models whose matrix work is derived by hand: in docs/tables/flops.md.

    pip install --no-deps --target /tmp/peers fvcore iopath yacs portalocker tabulate termcolor torchinfo thop ptflops \
        calflops accelerate psutil deepspeed hjson py-cpuinfo ninja msgpack einops pydantic pydantic-core \
        annotated-types typing-inspection
    PYTHONPATH=/tmp/peers python benchmarks/compare_counters.py > docs/tables/flops.md      # a few minutes

The derivations are the docstrings of tests/support/zoo_models.py and tests/support/zoo.py. Counted is one forward pass in evaluation mode:
multiply-adds of matrix products, convolutions, attention and recurrent layers, 2 FLOPs each (OPs for integers). Tools that
count multiply-adds are doubled; of a tool that tells operators apart the matrix operators are taken. Every count is made
in a process of its own, since some tools patch torch and leave it so when they fail. A cell is "exact", or the count over
the truth (1.0000 is nearly, not exactly, right), or how the tool fails.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import logging
import multiprocessing
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from measure import environment, markdown, say
from torch import nn

sys.path.append(str(Path(__file__).parents[1] / "tests/support"))
from zoo_models import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo import Example


class Bound(nn.Module):
    """A model for tools that hand over positional arguments only: they are passed on, the others are kept."""

    def __init__(self, example: Example) -> None:
        super().__init__()
        self.model, self.kwargs = example.model, dict(example.kwargs)
        self.names = [name for name, value in self.kwargs.items() if isinstance(value, torch.Tensor)]
        self.inputs = (*example.args, *(self.kwargs[name] for name in self.names))
        self.places = len(example.args)

    def forward(self, *inputs: torch.Tensor) -> Any:
        named = dict(zip(self.names, inputs[self.places :], strict=True))
        result = self.model(*inputs[: self.places], **self.kwargs | named)
        return getattr(result, "logits", result)


class Packed(Bound):
    """The same for a tool that hands over one argument: the tuple of all of them."""

    def forward(self, inputs: tuple[torch.Tensor, ...]) -> Any:
        return super().forward(*inputs)


# Counters: from what builds an example to its FLOPs -------------------------------------------------------------------

Build = "Callable[[], Example]"


def fxviz_says(build: Build) -> set[int]:
    """On the CPU, on the meta device and as if on CUDA, without and with gradients: one number if all is well."""
    from fxviz import Facts, Flops, trace

    answers = set()
    for device, named in (("cpu", None), ("meta", None), ("meta", "cuda")):
        example = on(device, build)
        for grad in (False, True):
            with torch.set_grad_enabled(grad):
                graph = trace(example.model, example.args, dict(example.kwargs), device=named)
            counts = Facts(graph)[Flops()]
            answers.add(counts.matrix.total + counts.ops.total)
    return answers


def torch_says(device: str, grad: bool) -> Callable[[Build], int]:
    from torch.utils.flop_counter import FlopCounterMode

    def count(build: Build) -> int:
        example = on(device, build)
        with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(grad):
            example.model(*example.args, **example.kwargs)
        return counter.get_total_flops()

    return count


def fvcore_says(build: Build) -> int:
    from fvcore.nn import FlopCountAnalysis

    model = Bound(build())
    found = FlopCountAnalysis(model, model.inputs).unsupported_ops_warnings(False).by_operator()
    return 2 * int(sum(found[op] for op in ("conv", "linear", "addmm", "mm", "bmm", "matmul", "einsum")))


def torchinfo_says(build: Build) -> int:
    from torchinfo import summary

    model = Bound(build())
    return 2 * summary(model, input_data=list(model.inputs), verbose=0).total_mult_adds


def thop_says(build: Build) -> int:
    from thop import profile

    model = Bound(build())
    return 2 * int(profile(model, inputs=model.inputs, verbose=False)[0])


def ptflops_says(build: Build) -> int:
    from ptflops import get_model_complexity_info

    model = Packed(build())
    macs, _ = get_model_complexity_info(
        model,
        (1,),
        input_constructor=lambda _: model.inputs,
        as_strings=False,
        print_per_layer_stat=False,
        verbose=False,
    )
    if macs is None:
        raise RuntimeError("gave nothing")
    return 2 * int(macs)


def calflops_says(build: Build) -> int:
    from calflops import calculate_flops

    model = Bound(build())
    return 2 * int(calculate_flops(model, args=list(model.inputs), print_results=False, output_as_string=False)[1])


def deepspeed_says(build: Build) -> int:
    from deepspeed.profiling.flops_profiler import get_model_profile

    model = Bound(build())
    return 2 * int(
        get_model_profile(model, args=list(model.inputs), print_profile=False, as_string=False, warm_up=0)[1]
    )


COUNTERS: dict[str, Callable[[Build], int | set[int]]] = {
    "fxviz": fxviz_says,
    "FlopCounterMode, CPU": torch_says("cpu", grad=False),
    "FlopCounterMode, CPU, gradients": torch_says("cpu", grad=True),
    "FlopCounterMode, meta": torch_says("meta", grad=False),
    "fvcore": fvcore_says,
    "torchinfo": torchinfo_says,
    "thop": thop_says,
    "ptflops": ptflops_says,
    "calflops": calflops_says,
    "DeepSpeed": deepspeed_says,
}
PEERS = ("fvcore.nn", "torchinfo", "thop", "ptflops", "calflops", "deepspeed.profiling.flops_profiler")


# Counting -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What a counter said of a model: FLOPs, several where it is of two minds, or why it failed."""

    truth: int
    flops: tuple[int, ...] = ()
    failure: str = ""

    @property
    def cell(self) -> str:
        if self.failure:
            return f"fails: {self.failure.partition(':')[0]}"
        if self.flops == (self.truth,):
            return "exact"
        return ", ".join(f"{flops / self.truth:.4f}" if flops else "0" for flops in self.flops)


def on(device: str, build: Build) -> Example:
    with torch.device(device):
        return build()


def measure(names: tuple[str, str]) -> Answer:
    """One counter on one model, in the process that this is called in."""
    model, counter = names
    truth = on("meta", MODELS[model]).matrix
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            flops = COUNTERS[counter](MODELS[model])
    except Exception as error:  # whatever other people's tools may raise is the answer
        return Answer(truth, failure=f"{type(error).__name__}: {error}".partition("\n")[0])
    return Answer(truth, tuple(sorted(flops)) if isinstance(flops, set) else (flops,))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(MODELS), help=f"of {', '.join(MODELS)}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()  # what transformers says of kernels that are not installed
    torch.set_num_threads(1)  # threads do not survive a fork
    for module in (
        "torchvision",
        "transformers",
        "fxviz.tracing",
        "fxviz.passes.flops",
        *PEERS,
    ):  # once for all processes
        try:
            with contextlib.redirect_stdout(sys.stderr):  # DeepSpeed says on stdout what it makes of the machine
                importlib.import_module(module)
        except ImportError as error:
            say(f"{module} cannot be imported: {error}")

    cells = [(model, counter) for model in options.models for counter in COUNTERS]
    answers = {}
    with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=1) as pool:
        for cell, answer in zip(cells, pool.imap(measure, cells, chunksize=1), strict=True):
            say(f"{', '.join(cell)}: {answer.failure or answer.cell}")
            answers[cell] = answer

    rows = []
    for model in options.models:
        found = [answers[model, counter] for counter in COUNTERS]
        rows.append([model, f"{found[0].truth:,}", *(answer.cell for answer in found)])
    exact = [sum(answers[model, counter].cell == "exact" for model in options.models) for counter in COUNTERS]
    rows.append([f"exact, of {len(options.models)}", "", *map(str, exact)])
    print(markdown(["model", "truth", *COUNTERS], rows))
    print(f"\n{environment()}")


if __name__ == "__main__":
    main()
