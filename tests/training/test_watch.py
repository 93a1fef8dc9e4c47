"""What the recorder writes is what happened, and the model is afterwards as it was before."""

from __future__ import annotations

import copy
import difflib
import io
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from trainings import classes, loop, mlp, steps_of, trained
from work import lines_run

import fxviz
from fxviz.errors import InputError, MissingDependency
from fxviz.training.recording import measure, session
from fxviz.training.recording.measure import Probe
from fxviz.training.recording.scalars import MOST_NAMES

pytestmark = pytest.mark.usefixtures("one_thread")


def hooks(model: nn.Module, *optimizers: torch.optim.Optimizer) -> list[int]:
    found = [len(each) for module in model.modules() for each in (module._forward_hooks, module._forward_pre_hooks)]
    return [*found, *(len(optimizer._optimizer_step_post_hooks) for optimizer in optimizers)]


# What is recorded -----------------------------------------------------------------------------------------------------


def test_numbers_are_those_of_the_step(tmp_path: Path) -> None:
    """Each metric of a sampled step against its definition, computed beside the loop."""
    model = mlp(16, 8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    inputs, targets = classes(64)
    losses, expected = [], {}
    with fxviz.watch(model, optimizer, every=5, out=tmp_path / "run") as run:
        for step in range(1, 8):
            before = torch.cat([each.detach().flatten() for each in model[0].parameters()])
            hidden = model[0](inputs).relu().detach()
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs), targets)
            loss.backward()
            gradient = torch.cat([each.grad.flatten() for each in model[0].parameters()])
            optimizer.step()
            after = torch.cat([each.detach().flatten() for each in model[0].parameters()])
            losses.append(loss.item())
            expected[step] = {
                "grad_norm": gradient.norm(),
                "weight_norm": before.norm(),
                "update_ratio": (after - before).norm() / before.norm(),
            }
            spread = hidden.std(correction=0), (hidden == 0).all(0).float().mean()
            expected[step] |= {"mean": hidden.mean(), "spread": spread[0], "dead": spread[1]}
            run.log(loss=loss)
    found = fxviz.load_run(tmp_path / "run")
    assert [sample.step for sample in found.samples] == [1, 5, 7]
    for metric in ("grad_norm", "weight_norm", "update_ratio"):
        steps, values = found.layer_metric(metric)["0"]
        assert steps.tolist() == [1, 5]
        assert values.tolist() == pytest.approx([float(expected[step][metric]) for step in (1, 5)], rel=1e-4)
    for metric, name in (("activation_mean", "mean"), ("activation_spread", "spread"), ("dead_share", "dead")):
        values = found.layer_metric(metric)["1"].values.tolist()
        assert values == pytest.approx([float(expected[step][name]) for step in (1, 5)], rel=1e-4)
    assert found.scalar("loss").values.tolist() == pytest.approx(
        [losses[0], sum(losses[1:5]) / 4, sum(losses[5:]) / 2], rel=1e-4
    )
    assert found.scalar("loss", "high").values.tolist() == pytest.approx([losses[0], *losses[1::4]], rel=1e-4)
    assert set(found.scalar("learning_rate").values.tolist()) == {0.5}
    assert (found.scalar("memory_rss").values > 10 * 2**20).all()
    assert (found.scalar("step_time").values > 0).all()
    counts = found.gradients("0")[1]
    assert sum(counts) == 16 * 8 + 8
    assert found.ended == "finished"


def test_a_histogram_counts_decades(tmp_path: Path) -> None:
    """Gradients that are known: of w·x they are x. 0.05 is in the decade of 10^-2, 1 in that of 10^0, 0 in the first."""
    model = nn.Linear(4, 1, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with fxviz.watch(model, optimizer, out=tmp_path / "run"):
        model(torch.tensor([[0.05, 1.0, 0.0, 1e9]])).sum().backward()
        optimizer.step()
    (bins,) = fxviz.load_run(tmp_path / "run").gradients(".").values()
    decades = dict(zip(fxviz.training.schema.DECADES, bins, strict=True))
    assert {decade: count for decade, count in decades.items() if count} == {-12: 1, -2: 1, 0: 1, 3: 1}


def test_an_update_is_told_from_some_elements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All elements change by a thousandth of the largest weight's size; a sample of 1 in 100 tells it to a few percent."""
    monkeypatch.setattr(measure, "_UPDATE_ELEMENTS", 1000)
    torch.manual_seed(0)
    model = nn.Linear(500, 200, bias=False)
    probe = Probe(model)
    probe.arm()
    before = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 0.01 * torch.randn_like(model.weight)
    (ratio,) = probe.read().layers["update_ratio"]
    exact = float((model.weight.detach() - before).norm() / before.norm())
    assert ratio == pytest.approx(exact, rel=0.1)
    assert ratio != pytest.approx(exact, rel=1e-7)  # else all elements were read, and this test sees nothing


def test_samples_take_elements_of_all_rows_and_columns() -> None:
    weights = torch.arange(64 * 64).reshape(64, 64)
    found = measure._some(weights, 256)
    assert len(found) <= 256
    assert len(set((found % 64).tolist())) > 32
    assert len(set((found // 64).tolist())) > 32
    image = torch.empty(32, 16, 3, 3).to(memory_format=torch.channels_last)
    assert measure._some(image, 100).untyped_storage().data_ptr() == image.untyped_storage().data_ptr()  # no copy


@pytest.mark.parametrize("log_first", [True, False], ids=["log before the step", "log after it"])
def test_where_the_loop_logs_makes_no_difference(log_first: bool, tmp_path: Path) -> None:
    model = mlp(16, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = classes(32)
    with fxviz.watch(model, optimizer, every=2, out=tmp_path / "run") as run:
        for step in range(1, 7):
            cross_entropy(model(inputs), targets).backward()
            if log_first:
                run.log(step=step)
            optimizer.step()
            if not log_first:
                run.log({"step": step})
    found = fxviz.load_run(tmp_path / "run")
    assert found.scalar("step", "high").values.tolist() == [1, 2, 4, 6]
    assert found.scalar("step", "low").values.tolist() == [1, 2, 3, 5]


def test_validation_is_not_a_step(tmp_path: Path) -> None:
    model = mlp(16, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = classes(32)
    with fxviz.watch(model, optimizer, every=1, out=tmp_path / "run") as run:
        for _ in range(3):
            cross_entropy(model(inputs), targets).backward()
            optimizer.step()
            with torch.no_grad():
                for _ in range(5):
                    model(1000 * inputs)
            run.log(accuracy=0.5)
    found = fxviz.load_run(tmp_path / "run")
    assert found.steps == 3
    assert steps_of(found.table("accuracy")) == [1, 2, 3]
    assert (found.layer_metric("activation_spread")["0"].values < 10).all()


def test_without_an_optimizer_the_loop_says_what_a_step_is(tmp_path: Path) -> None:
    model = mlp(16, 4)
    inputs, targets = classes(32)
    with fxviz.watch(model, every=2, out=tmp_path / "run") as run:
        for _ in range(4):
            model.zero_grad()
            cross_entropy(model(inputs), targets).backward()
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter -= 0.1 * parameter.grad
            run.step()
    found = fxviz.load_run(tmp_path / "run")
    assert (found.layer_metric("update_ratio")["0"].values > 0).all()
    assert found.steps == 4
    with fxviz.watch(model, torch.optim.SGD(model.parameters()), out=tmp_path / "b") as run, pytest.raises(InputError):
        run.step()


def test_several_optimizers_and_groups(tmp_path: Path) -> None:
    model = mlp(16, 8, 4)
    first = torch.optim.SGD(model[0].parameters(), lr=0.1)
    last = torch.optim.Adam([{"params": [model[2].weight], "lr": 0.2}, {"params": [model[2].bias], "lr": 0.3}])
    inputs, targets = classes(32)
    with fxviz.watch(model, [first, last], every=1, out=tmp_path / "run"):
        for _ in range(3):
            cross_entropy(model(inputs), targets).backward()
            first.step()
            last.step()
    found = fxviz.load_run(tmp_path / "run")
    assert found.steps == 3
    rates = [found.scalar(f"learning_rate/{place}").values.tolist() for place in range(3)]
    assert rates == [[0.1] * 3, [0.2] * 3, [0.3] * 3]
    assert found.meta.optimizers == ("SGD", "Adam")


def test_a_norm_of_the_loops_own_has_another_name(tmp_path: Path) -> None:
    model = mlp(16, 4)
    with fxviz.watch(model, out=tmp_path / "run") as run:
        run.log(grad_norm=3.0)
        run.step()
    found = fxviz.load_run(tmp_path / "run")
    assert found.scalar("grad_norm/total").values.tolist() == [3.0]
    assert "grad_norm" in found.metrics


# The model is left as it was ------------------------------------------------------------------------------------------


def test_training_is_the_same_watched_or_not(tmp_path: Path) -> None:
    """Bit for bit: no random number is drawn, no gradient or weight is touched."""
    results = []
    for watched in (True, False):
        model = nn.Sequential(mlp(16, 32, 32), nn.Dropout(0.5), nn.BatchNorm1d(32), nn.Linear(32, 4))
        torch.manual_seed(1)
        optimizer = torch.optim.Adam(model.parameters())
        if watched:
            with fxviz.watch(model, optimizer, every=2, out=tmp_path / "run") as run:
                loop(run, model, optimizer, 10)
        else:
            loop(None, model, optimizer, 10)
        results.append({name: value.clone() for name, value in model.state_dict().items()})
    for name, value in results[0].items():
        if not name.startswith("3"):  # made before the seed was set
            assert torch.equal(value, results[1][name]), name


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_hooks_are_gone_also_after_errors(error: type[BaseException], tmp_path: Path) -> None:
    model = mlp(16, 8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(error), fxviz.watch(model, optimizer, every=1, out=tmp_path / "run") as run:  # noqa: PT012
        loop(run, model, optimizer, 3)
        assert sum(hooks(model, optimizer)) == 5  # one on each layer, that on the model, that on the optimizer
        raise error
    assert sum(hooks(model, optimizer)) == 0
    assert fxviz.load_run(tmp_path / "run").ended == f"ended by {error.__name__}"
    run.log(loss=1.0)  # after the end nothing is recorded, and nothing fails
    run.close()
    loop(run, model, optimizer, 3)
    assert fxviz.load_run(tmp_path / "run").steps == 3


def test_hooks_are_there_on_sampled_steps_alone(tmp_path: Path) -> None:
    model = mlp(16, 8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = []
    with fxviz.watch(model, optimizer, every=4, out=tmp_path / "run") as run:
        for _ in range(8):
            seen.append(sum(len(module._forward_hooks) for module in model))
            loop(run, model, optimizer, 1)
    assert seen == [3, 0, 0, 3, 0, 0, 0, 3]


def test_a_watched_model_is_copied_and_saved(tmp_path: Path) -> None:
    model = mlp(16, 8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with fxviz.watch(model, optimizer, every=1, out=tmp_path / "run") as run:
        loop(run, model, optimizer, 1)
        average = copy.deepcopy(model)
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        saved = torch.load(file, weights_only=False)
        for other in (average, saved):
            other(1000 * torch.randn(8, 16)).sum().backward()
        loop(run, model, optimizer, 1)
    assert (fxviz.load_run(tmp_path / "run").layer_metric("activation_spread")["0"].values < 10).all()


def test_no_graph_is_kept_alive(tmp_path: Path) -> None:
    """A logged loss would keep all activations; it is read at once on a CPU."""
    model = mlp(16, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with fxviz.watch(model, optimizer, every=10, out=tmp_path / "run") as run:
        loss = model(torch.randn(8, 16)).sum()
        run.log(loss=loss)
        loss.backward()
        optimizer.step()
        node = loss.grad_fn
        references = sys.getrefcount(node)
        del loss
        assert sys.getrefcount(node) < references


# Unusual trainings ----------------------------------------------------------------------------------------------------


def test_nan_is_counted_and_named(tmp_path: Path) -> None:
    model = mlp(16, 8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = classes(32)
    with fxviz.watch(model, optimizer, every=10, out=tmp_path / "run") as run:
        for step in range(1, 25):
            optimizer.zero_grad()
            loss = cross_entropy(model(inputs * (math.nan if step >= 13 else 1.0)), targets)
            loss.backward()
            optimizer.step()
            run.log(loss=loss, infinite=math.inf)
    found = fxviz.load_run(tmp_path / "run")
    events = {
        (event.what, event.detail or event.layer): event.step for event in found.events if event.kind == "nonfinite"
    }
    assert events[("scalar", "loss = nan")] == 13  # not a sampled step: it is sampled since the loss is NaN
    assert events[("scalar", "infinite = inf")] == 1
    assert events[("gradient", 0)] == 13
    assert events[("activation", 0)] == 20
    assert found.samples[3].scalars["loss"].nonfinite == 8 - 1  # steps 14 to 20
    assert (tmp_path / "run/log.jsonl").read_text().count("NaN") == 0  # which is no JSON


def test_frozen_unused_and_thawed_layers(tmp_path: Path) -> None:
    model = mlp(16, 8, 8, 4)
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with fxviz.watch(model, optimizer, every=1, out=tmp_path / "run") as run:
        loop(run, model, optimizer, 2)
        model[0].requires_grad_(True)
        loop(run, model, optimizer, 2)
    found = fxviz.load_run(tmp_path / "run")
    assert steps_of(found.table("grad_norm", "0")) == [3, 4]
    assert steps_of(found.table("weight_norm", "0")) == [1, 2, 3, 4]
    assert not found.meta.layers[0].trainable
    assert found.findings() == ()


def test_sparse_gradients(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Embedding(100, 8, sparse=True), nn.Linear(8, 4))
    dense = copy.deepcopy(model)
    dense[0].sparse = False
    norms = []
    for name, each in (("sparse", model), ("dense", dense)):
        optimizer = torch.optim.SGD(each.parameters(), lr=0.1)
        with fxviz.watch(each, optimizer, out=tmp_path / name):
            each(torch.tensor([[1, 1, 2]])).square().sum().backward()
            optimizer.step()
        norms.append(fxviz.load_run(tmp_path / name).layer_metric("grad_norm")["0"].values[0])
    assert norms[0] == pytest.approx(norms[1], rel=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions(dtype: torch.dtype, tmp_path: Path) -> None:
    model = mlp(16, 32, 4).to(dtype)
    twin = copy.deepcopy(model).double()
    inputs = classes(32)[0].to(dtype)
    found = []
    for name, each in (("one", model), ("two", twin)):
        optimizer = torch.optim.SGD(each.parameters(), lr=0.1)
        with fxviz.watch(each, optimizer, out=tmp_path / name):
            each(inputs.to(each[0].weight.dtype)).square().mean().backward()
            optimizer.step()
        found.append(fxviz.load_run(tmp_path / name))
    for metric in ("grad_norm", "weight_norm", "update_ratio", "activation_spread"):
        one, two = (run.layer_metric(metric)["0"].values[0] for run in found)
        # In half precision the weights can move by whole steps of it alone.
        assert one == pytest.approx(two, rel=0.1 if metric == "update_ratio" else 0.02), metric


def test_autocast_and_gradient_accumulation(tmp_path: Path) -> None:
    model = mlp(16, 32, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = classes(32)
    with fxviz.watch(model, optimizer, every=2, out=tmp_path / "run") as run:
        for _ in range(4):
            optimizer.zero_grad()
            for part in range(4):
                with torch.autocast("cpu", torch.bfloat16):
                    loss = cross_entropy(model(inputs[part::4]), targets[part::4]) / 4
                loss.backward()
                run.log(loss=loss)
            optimizer.step()
    found = fxviz.load_run(tmp_path / "run")
    assert found.steps == 4
    assert [sample.scalars["loss"].count for sample in found.samples] == [4, 4, 8]
    assert found.layer_metric("activation_mean")["0"].values.shape == (3,)


@pytest.mark.parametrize("fused", [False, True])
def test_a_scaled_gradient_is_told_unscaled(fused: bool, tmp_path: Path) -> None:
    """The scaler multiplies by 1024; a fused optimizer divides it out inside its step, the others before it."""
    norms = {}
    for scale in (1.0, 1024.0):
        model = mlp(16, 8, 4)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=fused)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        inputs, targets = classes(32)
        with fxviz.watch(model, optimizer, every=1, out=tmp_path / f"{scale}"):
            for step in range(4):
                optimizer.zero_grad()
                loss = cross_entropy(model(inputs * (math.inf if step == 2 else 1.0)), targets)
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
        found = fxviz.load_run(tmp_path / f"{scale}")
        assert found.steps == 3  # the step that the scaler skipped is none
        assert not [event for event in found.events if event.kind == "nonfinite" and event.what == "gradient"]
        norms[scale] = found.layer_metric("grad_norm")["0"].values.tolist()
    assert norms[1.0] == pytest.approx(norms[1024.0], rel=1e-3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_compiled_model(when: str, tmp_path: Path) -> None:
    """Its code runs no hooks, so that outputs are not seen; all else is."""
    model = mlp(16, 8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    compiled = torch.compile(model, backend="aot_eager")
    if when == "before":
        loop(None, compiled, optimizer, 1)
    with fxviz.watch(compiled, optimizer, every=2, out=tmp_path / "run") as run:
        loop(run, compiled, optimizer, 6)
    found = fxviz.load_run(tmp_path / "run")
    assert [layer.name for layer in found.meta.layers] == ["0", "1", "2"]
    assert steps_of(found.table("grad_norm", "0")) == [1, 2, 4, 6]
    assert found.scalar("loss").steps.tolist() == [1, 2, 4, 6]
    torch.compiler.reset()


def test_other_ranks_do_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    model = mlp(16, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with fxviz.watch(model, optimizer, out=tmp_path / "run") as run:
        assert sum(hooks(model, optimizer)) == 0
        loop(run, model, optimizer, 2)
        run.step()
    assert not (tmp_path / "run").exists()


@pytest.mark.zoo
def test_one_process_of_a_distributed_job_records(tmp_path: Path) -> None:
    script = f"""
import os, sys, torch
import torch.distributed as dist, torch.multiprocessing
from torch import nn
import fxviz
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method="file://{tmp_path}/meet", rank=rank, world_size=2)
torch.manual_seed(0)
model = nn.parallel.DistributedDataParallel(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with fxviz.watch(model, optimizer, every=2, out="{tmp_path}/run") as run:
    for _ in range(4):
        optimizer.zero_grad()
        loss = model(torch.randn(8, 4)).square().mean()
        loss.backward()
        optimizer.step()
        run.log(loss=loss)
dist.barrier()
os._exit(0)  # gloo's threads sometimes abort a process that takes them down, with and without fxviz
"""
    jobs = [subprocess.Popen([sys.executable, "-W", "ignore", "-c", script, str(rank)]) for rank in range(2)]
    assert [job.wait(120) for job in jobs] == [0, 0]
    found = fxviz.load_run(tmp_path / "run")
    assert [sample.step for sample in found.samples] == [1, 2, 4]
    assert [layer.name for layer in found.meta.layers] == ["0", "1", "2"]
    assert sum(event.kind == "start" for event in found.events) == 1


def test_layers_that_are_called_often_shared_or_give_tuples(tmp_path: Path) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))
            self.cell = nn.Linear(8, 8)
            self.lstm = nn.LSTM(8, 8, batch_first=True)
            self.relu = nn.ReLU()
            self.tied = nn.Linear(8, 8, bias=False)
            self.tied.weight = self.cell.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(50):
                x = self.relu(self.cell(x))
            return self.scale * self.tied(self.lstm(x)[0])

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with fxviz.watch(model, optimizer, out=tmp_path / "run"):
        model(torch.randn(4, 3, 8)).square().mean().backward()
        optimizer.step()
    found = fxviz.load_run(tmp_path / "run")
    assert [layer.name for layer in found.meta.layers] == [".", "cell", "lstm", "relu", "tied"]
    owned = {layer.name: [parameter.name for parameter in layer.parameters] for layer in found.meta.layers}
    assert owned["."] == ["scale"]
    assert owned["cell"] == ["cell.weight", "cell.bias"]
    assert owned["tied"] == []  # its weight is that of cell
    assert set(found.layer_metric("activation_mean")) == {".", "cell", "lstm", "relu", "tied"}


# Bounds ---------------------------------------------------------------------------------------------------------------


def synthetic(out: Path, steps: int, losses: int = 3) -> tuple[int, int]:
    """A run of so many steps without any training; the bytes of its log, and by how many the process grew."""
    model = mlp(4, 4, 4)
    with fxviz.watch(model, every=10, out=out) as run:
        grown = 0
        for step in range(steps):
            run.log({f"loss/{place}": step % 97 + place for place in range(losses)})
            run.step()
            if step == steps // 10:
                grown = memory()
        return (out / "log.jsonl").stat().st_size, memory() - grown


def memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to see how a process grows")
@pytest.mark.parametrize(
    ("steps", "block"), [(20_000, 2**14), pytest.param(1_000_000, session.BLOCK, marks=pytest.mark.zoo)]
)
def test_a_long_run_stays_small(steps: int, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block of bytes doubles the distance: of n samples that would be due at first, blocks hold b, 2b, 4b, …"""
    monkeypatch.setattr(session, "BLOCK", block)
    size, grown = synthetic(tmp_path / "run", steps)
    found = fxviz.load_run(tmp_path / "run")
    line = size / len(found.samples)
    due = steps / 10 * line  # bytes, had no distance doubled
    assert size <= block * (math.log2(due / block + 1) + 1) + 10 * line
    assert grown < 20 * 2**20
    assert found.samples[-1].every > 10
    assert sum(sample.scalars["loss/0"].count for sample in found.samples) == steps  # none is lost
    mean = sum(sample.scalars["loss/0"].mean * sample.scalars["loss/0"].count for sample in found.samples) / steps
    assert mean == pytest.approx(sum(step % 97 for step in range(steps)) / steps, rel=1e-3)


def test_names_without_end_are_dropped_and_told_of(tmp_path: Path) -> None:
    model = mlp(4, 4)
    with fxviz.watch(model, every=5, out=tmp_path / "run") as run:
        for step in range(MOST_NAMES + 50):
            run.log({f"loss of step {step}": 1.0})
        run.step()
    (dropped,) = [event for event in fxviz.load_run(tmp_path / "run").events if event.kind == "dropped"]
    assert f"'loss of step {MOST_NAMES}'" in dropped.detail


# Crashes and resuming -------------------------------------------------------------------------------------------------

SCRIPT = """
import torch
from torch import nn

model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(1_000_000):
    optimizer.zero_grad()
    loss = model(torch.randn(32, 16)).square().mean()
    loss.backward()
    optimizer.step()
    print(step + 1, flush=True)
"""


def watched(script: str, out: Path) -> str:
    """The script with three lines more."""
    lines = script.splitlines(keepends=True)
    loop_at = next(number for number, line in enumerate(lines) if line.startswith("for "))
    lines[loop_at:loop_at] = [f"run = fxviz.watch(model, optimizer, every=10, out={str(out)!r})\n"]
    lines.insert(next(number for number, line in enumerate(lines) if "print(" in line), "    run.log(loss=loss)\n")
    return "".join(["import fxviz\n", *lines])


def test_a_script_gets_it_in_three_lines(tmp_path: Path) -> None:
    changed = watched(SCRIPT, tmp_path / "run").replace("1_000_000", "25")
    delta = list(difflib.ndiff(SCRIPT.replace("1_000_000", "25").splitlines(), changed.splitlines()))
    assert sum(line.startswith("+ ") for line in delta) == 3
    assert sum(line.startswith(("- ", "? ")) for line in delta) == 0
    subprocess.run([sys.executable, "-c", changed], check=True, stdout=subprocess.DEVNULL)
    found = fxviz.load_run(tmp_path / "run")
    assert [sample.step for sample in found.samples] == [1, 10, 20, 25]
    assert found.ended == "the process ended"


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_process_loses_at_most_the_last_interval(tmp_path: Path) -> None:
    command = [sys.executable, "-c", watched(SCRIPT, tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as job:
        for line in job.stdout:
            if int(line) >= 137:
                break
        job.send_signal(signal.SIGKILL)
        done = int((job.stdout.read().split() or [line])[-1])
    found = fxviz.load_run(tmp_path / "run")
    assert found.steps >= done - 10
    assert found.ended == ""
    assert [sample.step for sample in found.samples] == [1, *range(10, found.steps + 1, 10)]
    assert sum(sample.scalars["loss"].count for sample in found.samples) == found.steps


def test_resuming_goes_on_where_the_log_ends(tmp_path: Path) -> None:
    model = mlp(16, 8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        with fxviz.watch(model, optimizer, every=5, out=tmp_path / "run", resume=True) as run:
            loop(run, model, optimizer, 12)
    found = fxviz.load_run(tmp_path / "run")
    assert [sample.step for sample in found.samples] == [1, 5, 10, 12, 15, 20, 24]
    assert found.ended == "finished"
    assert "24 in 2 sessions" in "\n".join(found.summary())


def test_resuming_from_a_checkpoint_makes_later_samples_void(tmp_path: Path) -> None:
    model = mlp(16, 8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for resume, marked in ((False, 1.0), (10, 2.0)):
        with fxviz.watch(model, optimizer, every=5, out=tmp_path / "run", resume=resume) as run:
            for _ in range(20):
                run.log(session=marked)
                loop(None, model, optimizer, 1)
    found = fxviz.load_run(tmp_path / "run")
    assert [sample.step for sample in found.samples] == [1, 5, 10, 15, 20, 25, 30]
    assert found.scalar("session").values.tolist() == [1, 1, 1, 2, 2, 2, 2]


def test_resuming_after_half_a_line(tmp_path: Path) -> None:
    model = mlp(16, 4)
    trained(tmp_path / "run", model, steps=20)
    log = tmp_path / "run/log.jsonl"
    whole = log.read_bytes()
    half = whole[: whole.rindex(b'{"event":"end"')] + b'{"sample":30,"time":1'
    log.write_bytes(half)
    assert fxviz.load_run(tmp_path / "run").steps == 20
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with fxviz.watch(model, optimizer, out=tmp_path / "run", resume=True) as run:
        loop(run, model, optimizer, 10)
    found = fxviz.load_run(tmp_path / "run")
    assert [sample.step for sample in found.samples] == [1, 10, 20, 30]


def test_another_model_is_not_resumed(tmp_path: Path) -> None:
    trained(tmp_path / "run", mlp(16, 8, 4), steps=2)
    for other, words in (
        (mlp(16, 9, 4), r"it had 0: Linear\(8×16, 8\), and now 0: Linear\(9×16, 9\)"),
        (mlp(16, 8, 4, act=nn.GELU), r"it had 1: ReLU\(\), and now 1: GELU\(\)"),
        (mlp(16, 8), r"1: ReLU\(\) is no more"),
        (nn.Sequential(*mlp(16, 8, 4), nn.ReLU()), r"3: ReLU\(\) is new"),
    ):
        with pytest.raises(InputError, match=words):
            fxviz.watch(other, out=tmp_path / "run", resume=True)
    with pytest.raises(InputError, match="holds a run already: choose another folder"):
        fxviz.watch(mlp(16, 8, 4), out=tmp_path / "run")


def test_a_full_disk_ends_the_recording_and_not_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = mlp(16, 8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with fxviz.watch(model, optimizer, every=5, out=tmp_path / "run") as run:
        loop(run, model, optimizer, 12)

        def full(entry: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(run._log, "append", full)
        loop(run, model, optimizer, 12)
        assert sum(hooks(model, optimizer)) == 0
    assert run.error == "No space left on device, after 15 steps"
    assert fxviz.load_run(tmp_path / "run").steps == 10


# What cannot be watched -----------------------------------------------------------------------------------------------


def test_wrong_arguments(tmp_path: Path) -> None:
    model = mlp(16, 4)
    out = tmp_path / "run"
    for arguments, words in (
        ({"model": 3}, "only an nn.Module can be watched, not int"),
        ({"optimizer": "adam"}, "expected an optimizer of torch.optim"),
        ({"optimizer": model}, "expected an optimizer of torch.optim, not Sequential"),
        ({"every": 0}, "1 or more, not 0"),
        ({"every": 2.5}, "1 or more, not 2.5"),
        ({"resume": -3}, "not -3"),
        ({"model": nn.LazyLinear(3)}, "weight has no shape yet"),
    ):
        with pytest.raises(InputError, match=words):
            fxviz.watch(**{"model": model, "out": out, **arguments})
    assert not out.exists()


def test_folders_that_cannot_hold_a_run(tmp_path: Path) -> None:
    model = mlp(16, 4)
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/log.jsonl").write_text("of somebody else")
    for name in ("file", "file/run", "other", "nul\0l"):
        with pytest.raises(InputError, match="cannot record a run in"):
            fxviz.watch(model, out=tmp_path / name)
    assert (tmp_path / "other/log.jsonl").read_text() == "of somebody else"
    assert sum(hooks(model)) == 0


def test_what_is_no_number(tmp_path: Path) -> None:
    with fxviz.watch(mlp(16, 4), out=tmp_path / "run") as run:
        for value in ("3", None, torch.ones(2), [1.0], 1j, torch.tensor(1j)):
            with pytest.raises(InputError, match="'loss' is no"):
                run.log(loss=value)
        with pytest.raises(InputError, match="log takes names and numbers"):
            run.log(torch.tensor(1.0))
        with pytest.raises(InputError, match="a scalar needs a name"):
            run.log({3: 1.0})
        numpy = pytest.importorskip("numpy")
        run.log(a=1, b=True, c=numpy.float32(2.5), d=torch.tensor([3]), e=numpy.array(4.5))
        run.step()
    found = fxviz.load_run(tmp_path / "run")
    assert [found.scalar(name).values[0] for name in "abcde"] == [1, 1, 2.5, 3, 4.5]


def test_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = mlp(16, 8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with fxviz.watch(model, optimizer, every=5, out=tmp_path / "run", tensorboard=True) as run:
        loop(run, model, optimizer, 10)
    events = EventAccumulator(str(tmp_path / "run"))
    events.Reload()
    found = fxviz.load_run(tmp_path / "run")
    for name, series in (("loss", found.scalar("loss")), ("grad_norm/0", found.layer_metric("grad_norm")["0"])):
        assert [event.step for event in events.Scalars(name)] == series.steps.tolist()
        assert [event.value for event in events.Scalars(name)] == pytest.approx(series.values.tolist(), rel=1e-4)


def test_tensorboard_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    model = mlp(16, 4)
    with pytest.raises(MissingDependency, match=r"pip install 'fxviz\[tensorboard\]'"):
        fxviz.watch(model, out=tmp_path / "run", tensorboard=True)
    assert sum(hooks(model)) == 0
    assert not (tmp_path / "run").exists()


def test_steps_without_samples_cost_the_same_whatever_the_model(tmp_path: Path) -> None:
    def work(*widths: int) -> int:
        """Lines that one step runs beside the training: the two hooks of one that is not sampled."""
        model = mlp(*widths)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with fxviz.watch(model, optimizer, every=10**6, out=tmp_path / str(len(widths))) as run:
            loop(run, model, optimizer, 2)
            return lines_run(lambda: (run._begin(()), run._end(optimizer, (), {})))

    assert work(16, 4) == work(16, *[8] * 50, 4) < 100
