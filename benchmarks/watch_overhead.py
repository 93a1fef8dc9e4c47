"""What `fxviz.watch` costs: training steps with and without it, in turn, in one process.

    python benchmarks/watch_overhead.py [--model resnet18] [--batch 8] [--size 224] [--every 10] [--rounds 7]

A round is ``every`` steps without a recorder and as many with one, the last of which is sampled; opening and closing the
run is counted too. On a machine that others use, processor time says more than the clock.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torchvision
from measure import Timings, alternate, environment, markdown
from torch.nn.functional import cross_entropy

import fxviz

if TYPE_CHECKING:
    from fxviz.training.recording import Recorder


def main() -> None:
    options = parse()
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = getattr(torchvision.models, options.model)(num_classes=10).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images = torch.randn(options.batch, 3, options.size, options.size, device=device)
    labels = torch.randint(10, (options.batch,), device=device)

    def train(run: Recorder | None) -> None:
        for _ in range(options.every):
            optimizer.zero_grad()
            loss = cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            if run is not None:
                run.log(loss=loss)
        if device == "cuda":
            torch.cuda.synchronize()

    with tempfile.TemporaryDirectory() as folder:
        rounds = count()

        def watched() -> None:
            done = next(rounds) * options.every  # so that no round but the first begins with the run's first step
            with fxviz.watch(model, optimizer, every=options.every, out=Path(folder, "run"), resume=done) as run:
                train(run)

        timings = alternate({"plain": lambda: train(None), "watched": watched}, options.rounds)

    rows = [[name, *cells(timings[name], timings["plain"])] for name in timings]
    print(
        f"{options.model}, batch {options.batch}, {options.size} pixels, {device}, a sample every {options.every} steps\n"
    )
    print(markdown(["", "processor s", "over plain", "clock s", "over plain"], rows))
    print(f"\nMedians of {options.rounds} rounds. {environment()}")


def cells(timings: Timings, plain: Timings) -> list[str]:
    return [
        f"{timings.median_cpu:.2f}",
        f"{timings.median_cpu / plain.median_cpu - 1:+.2%}",
        f"{timings.median_wall:.2f}",
        f"{timings.median_wall / plain.median_wall - 1:+.2%}",
    ]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
