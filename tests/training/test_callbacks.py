"""The callbacks, in the Trainers that they are for."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from trainings import classes, mlp

import fxviz

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # what the libraries have to say
    pytest.mark.usefixtures("one_thread"),
]


def test_lightning(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pl = pytest.importorskip("lightning.pytorch")
        from fxviz.training.lightning import WatchCallback

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp(16, 8, 4)

        def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
            return cross_entropy(self.net(batch[0]), batch[1])

        def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
            self.log("accuracy", (self.net(batch[0]).argmax(1) == batch[1]).float().mean())

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*classes(64)), batch_size=8)
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        enable_model_summary=False,
        callbacks=[WatchCallback(tmp_path / "run", every=4)],
        **options,
    )
    trainer.fit(Module(), loader, loader)
    run = fxviz.load_run(tmp_path / "run")
    assert [sample.step for sample in run.samples] == [1, 4, 8, 12, 16]
    assert sum(sample.scalars["loss"].count for sample in run.samples) == 16
    assert run.scalar("accuracy").steps.tolist() == [8, 16]
    assert len(run.layer_metric("update_ratio")["net.0"].values) == 5
    assert len(run.layer_metric("dead_share")["net.1"].values) == 5
    assert run.ended == "finished"


def test_hugging_face(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    transformers = pytest.importorskip("transformers")
    from fxviz.training.huggingface import WatchCallback

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = mlp(16, 8, 4)

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            scores = self.net(x)
            return {"loss": cross_entropy(scores, labels), "scores": scores}

    data = [{"x": x, "labels": label} for x, label in zip(*classes(64), strict=True)]
    arguments = transformers.TrainingArguments(
        str(tmp_path / "out"),
        max_steps=8,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )
    callback = WatchCallback(tmp_path / "run", every=4)
    transformers.Trainer(Model(), arguments, train_dataset=data, callbacks=[callback]).train()
    run = fxviz.load_run(tmp_path / "run")
    assert [sample.step for sample in run.samples] == [1, 4, 8]
    assert run.scalar("loss").steps.tolist() == [1, 4, 8]
    assert len(run.scalar("grad_norm/total").values) == 3
    assert len(run.layer_metric("grad_norm")["net.0"].values) == 3
    assert run.ended == "finished"
