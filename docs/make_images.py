"""Draw the pictures of the pages: ``python docs/make_images.py``. The same code and Graphviz give the same files."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

import fxviz
from fxviz import Facts, Flops, Memory, Parameters, View

IMAGES = Path(__file__).parent / "images"
SHOW = (Parameters(), Flops(), Memory())


def vit() -> None:
    """The picture of the first page."""
    graph = fxviz.models.trace("transformers:vit")
    fxviz.export(View.of(graph, depth=1, show=SHOW), IMAGES / "vit.svg")


def depths() -> None:
    """One model at three depths, and coloured by a number."""
    layer = nn.TransformerEncoderLayer(d_model=64, nhead=4, dim_feedforward=256, batch_first=True)
    encoder = nn.TransformerEncoder(layer, num_layers=12, enable_nested_tensor=False)
    model = nn.Sequential(nn.Linear(16, 64), encoder, nn.Linear(64, 10)).eval()
    facts = Facts(fxviz.trace(model, torch.empty(8, 20, 16)))
    for depth in range(3):
        fxviz.export(View.of(facts, depth=depth, show=SHOW), IMAGES / f"depth{depth}.svg")
    fxviz.export(View.of(facts, budget=30, hide=True, color="flops"), IMAGES / "heat.svg")


def memory() -> None:
    """The memory of a training step."""
    layer = nn.TransformerEncoderLayer(d_model=64, nhead=4, dim_feedforward=256, batch_first=True)
    model = nn.TransformerEncoder(layer, num_layers=6, enable_nested_tensor=False)
    step = fxviz.trace_training(
        model, torch.empty(8, 20, 64), loss=lambda output: output.square().mean(), optimizer=torch.optim.AdamW
    )
    fxviz.plot_memory(step, IMAGES / "memory.png")


def sweep() -> None:
    """What fits, over batch size and length."""
    layer = nn.TransformerEncoderLayer(d_model=64, nhead=4, dim_feedforward=256, batch_first=True)
    model = nn.TransformerEncoder(layer, num_layers=6, enable_nested_tensor=False).eval()
    graph = fxviz.trace(model, torch.empty(8, 20, 64), dynamic_shapes=({0: "B", 1: "S"},))
    grid = fxviz.sweep_cost(graph, B=range(1, 257), S=[2**power for power in range(5, 13)])
    fxviz.plot_sweep(grid, IMAGES / "sweep.png", limit=2**30)


def weights() -> None:
    """The weights of a small network that was taught to tell the directions of coloured gratings."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(3, 24, 9, stride=2), nn.ReLU(), nn.Conv2d(24, 48, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1)),
        *(nn.Flatten(), nn.Linear(48, 64), nn.ReLU(), nn.Linear(64, 8)),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.3)
    place = torch.arange(24.0)
    for _ in range(300):
        target = torch.randint(8, (32,))
        angle = target * torch.pi / 8
        along = angle.cos()[:, None, None] * place[:, None] + angle.sin()[:, None, None] * place
        wave = torch.sin(along * 0.9 + torch.rand(32, 1, 1) * 2 * torch.pi)
        images = wave[:, None] * torch.rand(32, 3, 1, 1) + 0.3 * torch.randn(32, 3, 24, 24)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), target).backward()
        optimizer.step()
    table = fxviz.parameters(model)
    table.plot(IMAGES / "weights-kernels.png", "kernels")
    table.plot(IMAGES / "weights-ridge.png")


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    vit()
    depths()
    memory()
    sweep()
    weights()
