"""Each illness is found in a training that was made to have it, and sound trainings have none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from trainings import classes, mlp, trained

import fxviz
from fxviz.training.findings import Kind, Severity

if TYPE_CHECKING:
    from pathlib import Path

    from fxviz.training.findings import Finding

pytestmark = pytest.mark.usefixtures("one_thread")


def of(run: fxviz.Run, kind: Kind) -> Finding:
    (found,) = [finding for finding in run.findings() if finding.kind is kind]
    return found


class Cnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.head = nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).mean((2, 3)))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Embedding(20, 16)
        self.layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2, enable_nested_tensor=False
        )
        self.head = nn.Linear(16, 20)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(self.embed(tokens))).transpose(1, 2)


# Sound ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [("SGD", 0.1), ("SGD", 0.01), ("Adam", 1e-3), ("Adam", 1e-2), ("AdamW", 3e-4), ("RMSprop", 1e-3)],
)
def test_nothing_is_found_in_a_sound_training(optimizer: str, rate: float, tmp_path: Path) -> None:
    model = mlp(16, 32, 32, 4)
    assert trained(tmp_path, model, getattr(torch.optim, optimizer)(model.parameters(), lr=rate)).findings() == ()


def test_nothing_is_found_in_a_sound_cnn(tmp_path: Path) -> None:
    model = Cnn()
    images = torch.randn(128, 3, 12, 12)
    data = images, (images[:, 0].mean((1, 2)) > 0).long()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    assert trained(tmp_path, model, optimizer, steps=60, data=data, batch=32).findings() == ()


def test_nothing_is_found_in_a_sound_transformer(tmp_path: Path) -> None:
    model = Transformer()
    tokens = torch.randint(20, (64, 8))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    assert trained(tmp_path, model, optimizer, steps=60, data=(tokens, tokens), batch=16).findings() == ()


def test_nothing_is_found_where_a_regression_has_large_targets(tmp_path: Path) -> None:
    model = mlp(16, 32, 1)
    points = classes()[0]
    data = points, 100 * points[:, :1]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    assert trained(tmp_path, model, optimizer, data=data, loss=mse_loss).findings() == ()


def test_a_warmed_up_rate_and_zero_weights_are_sound(tmp_path: Path) -> None:
    """At a rate of 0 nothing changes in the first step; from weights of 0 the first updates are infinitely large."""
    model = mlp(16, 32, 4)
    nn.init.zeros_(model[2].weight)
    nn.init.zeros_(model[2].bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 10))
    inputs, targets = classes()
    with fxviz.watch(model, optimizer, every=10, out=tmp_path / "run") as run:
        for _ in range(60):
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            schedule.step()
            run.log(loss=loss)
    found = fxviz.load_run(tmp_path / "run")
    assert found.layer_metric("update_ratio")["0"].values[0] == 0
    assert found.findings() == ()


def test_a_run_without_samples_has_no_findings(tmp_path: Path) -> None:
    with fxviz.watch(mlp(4, 4), out=tmp_path / "run"):
        pass
    assert fxviz.load_run(tmp_path / "run").findings() == ()


# Sick -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [10, 50])
def test_vanishing_gradients(depth: int, tmp_path: Path) -> None:
    """The sigmoid's slope is at most 1/4, so that the gradient falls with every layer on its way back."""
    found = of(trained(tmp_path, mlp(16, *[16] * depth, 4, act=nn.Sigmoid)), Kind.VANISHING_GRADIENT)
    assert found.severity is Severity.WARNING
    assert "0" in found.layers
    assert str(2 * depth) not in found.layers
    assert "Gradients vanish" in found.words


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_exploding_gradients_from_large_weights(optimizer: str, tmp_path: Path) -> None:
    """Each layer multiplies by 3: over 20 of them that is 10^9."""
    model = mlp(16, *[32] * 20, 4, gain=4.0)
    made = getattr(torch.optim, optimizer)(model.parameters(), lr=1e-3)
    found = of(trained(tmp_path, model, made, steps=30, every=5), Kind.EXPLODING_GRADIENT)
    assert found.severity is Severity.ERROR
    assert found.layer


def test_gradients_that_explode_on_their_way_back(tmp_path: Path) -> None:
    """Of tanh the outputs are bounded, and so is the loss; the gradient is not."""
    model = mlp(16, *[64] * 20, 4, act=nn.Tanh, gain=4.0)
    run = trained(tmp_path, model, torch.optim.SGD(model.parameters(), lr=1e-6), steps=30, every=5)
    found = of(run, Kind.EXPLODING_GRADIENT)
    assert found.layer in {"0", "2", "4"}


def test_gradients_that_explode_over_time(tmp_path: Path) -> None:
    """Descent on w² with a rate of 1.5 multiplies w by 1 - 2 · 1.5 = -2 in each step."""
    model = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.5)
    data = torch.ones(8, 1), torch.zeros(8, 1)
    found = of(
        trained(tmp_path, model, optimizer, steps=60, every=2, data=data, loss=mse_loss), Kind.EXPLODING_GRADIENT
    )
    assert found.step >= 2 * math.log2(1000) / 2
    assert found.severity is Severity.ERROR


def test_dead_units_and_what_they_keep_from_learning(tmp_path: Path) -> None:
    model = mlp(16, 32, 32, 4)
    nn.init.constant_(model[2].bias, -100.0)
    run = trained(tmp_path, model)
    dead = of(run, Kind.DEAD_UNITS)
    assert (dead.layer, dead.step) == ("3", 1)
    assert "100% of the units of layer 3" in dead.words
    assert of(run, Kind.DOES_NOT_LEARN).layers == ("0", "2")


def test_some_dead_units_are_sound(tmp_path: Path) -> None:
    model = mlp(16, 32, 32, 4)
    with torch.no_grad():
        model[2].bias[:8] = -100.0
    assert trained(tmp_path, model).findings() == ()


def test_a_layer_that_the_optimizer_does_not_have(tmp_path: Path) -> None:
    model = mlp(16, 32, 32, 4)
    optimizer = torch.optim.SGD([*model[0].parameters(), *model[4].parameters()], lr=0.1)
    found = of(trained(tmp_path, model, optimizer), Kind.DOES_NOT_LEARN)
    assert found.layers == ("2",)
    assert "in a group of the optimizer" in found.words


def test_a_layer_that_is_not_used(tmp_path: Path) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = mlp(16, 4)
            self.unused = nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    found = of(trained(tmp_path, Net()), Kind.DOES_NOT_LEARN)
    assert found.layers == ("unused",)
    assert "no gradient reaches it" in found.words


@pytest.mark.parametrize(("optimizer", "rate"), [("SGD", 100.0), ("SGD", 10.0), ("Adam", 1.0), ("Adam", 0.3)])
def test_a_learning_rate_that_is_too_high(optimizer: str, rate: float, tmp_path: Path) -> None:
    model = mlp(16, 32, 32, 4)
    run = trained(tmp_path, model, getattr(torch.optim, optimizer)(model.parameters(), lr=rate))
    found = of(run, Kind.LEARNING_RATE_TOO_HIGH)
    assert found.severity is Severity.ERROR
    assert found.step == 1
    assert run.findings()[0].severity is Severity.ERROR


def test_a_loss_that_rises(tmp_path: Path) -> None:
    model = mlp(16, 32, 4)

    def upwards(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, maximize=True)
    found = of(trained(tmp_path, model, optimizer, loss=upwards), Kind.LOSS_RISES)
    assert "the sign of the loss" in found.words


def test_a_loss_that_is_flat(tmp_path: Path) -> None:
    """At a rate of 0 all layers stay as they are, too."""
    model = mlp(16, 32, 4)
    run = trained(tmp_path, model, torch.optim.SGD(model.parameters(), lr=0.0), steps=100)
    assert of(run, Kind.LOSS_IS_FLAT).severity is Severity.NOTE
    assert of(run, Kind.DOES_NOT_LEARN).layers == ("0", "2")


class Breaks(nn.Module):
    """Gives what it is given, and NaN from a call on."""

    def __init__(self, call: int) -> None:
        super().__init__()
        self.call, self.calls = call, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x * math.nan if self.calls >= self.call else x


def test_nan_is_placed_in_the_layer_where_it_begins(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), Breaks(23), nn.Linear(32, 4))
    found = of(trained(tmp_path, model, steps=30, every=1), Kind.NOT_FINITE)
    assert (found.severity, found.step, found.layer) == (Severity.ERROR, 23, "2")
    assert "first seen at step 23 (loss = nan), in the output of layer 2" in found.words


def test_nan_between_samples_is_dated_but_not_placed(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), Breaks(23), nn.Linear(32, 4))
    found = of(trained(tmp_path, model, steps=30, every=10), Kind.NOT_FINITE)
    assert (found.step, found.layer) == (23, "")
    assert "watch with every=1" in found.words


def test_nan_that_is_born_in_the_backward_pass(tmp_path: Path) -> None:
    """The slope of the square root is infinite at 0, and 0 times that is NaN: the outputs are finite."""

    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x * 0).abs().sqrt() * 0 + x

    model = nn.Sequential(nn.Linear(16, 8), Root(), nn.Linear(8, 4))
    found = of(trained(tmp_path, model, steps=3, every=1), Kind.NOT_FINITE)
    assert (found.step, found.layer) == (1, "0")
    assert "in the gradient of layer 0, while the loss was finite" in found.words


def test_a_loss_that_overflows_by_itself(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(16, 4))

    def overflowing(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (outputs.square().mean() + 1) * 3e38 * 10

    found = of(trained(tmp_path, model, steps=2, every=1, loss=overflowing), Kind.NOT_FINITE)
    assert "in the loss itself" in found.words


def test_a_metric_that_is_not_defined_is_a_warning(tmp_path: Path) -> None:
    model = mlp(16, 4)
    with fxviz.watch(model, out=tmp_path / "run") as run:
        run.log(recall=math.nan)
        run.step()
    (found,) = fxviz.load_run(tmp_path / "run").findings()
    assert (found.kind, found.severity) == (Kind.NOT_FINITE, Severity.WARNING)
    assert str(found) == "warning: recall = nan was logged at step 1: is it defined there?"


@pytest.mark.zoo
@pytest.mark.parametrize("name", ["timm:vit_tiny_patch16_224", "timm:convnext_atto", "torchvision:densenet121"])
def test_nothing_is_found_in_models_of_zoos(name: str, tmp_path: Path) -> None:
    zoo, _, kind = name.partition(":")
    torch.manual_seed(0)
    if zoo == "timm":
        options = {"img_size": 64} if "vit" in kind else {}
        model = pytest.importorskip("timm").create_model(kind, num_classes=10, **options)
        optimizer: torch.optim.Optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    else:
        model = getattr(pytest.importorskip("torchvision").models, kind)(num_classes=10)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    data = torch.randn(16, 3, 64, 64), torch.randint(10, (16,))
    assert trained(tmp_path, model, optimizer, steps=8, every=2, data=data, batch=8).findings() == ()
