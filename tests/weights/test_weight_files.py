"""Safetensors files: read as the model that was saved, in blocks, and refused in one sentence where they are damaged."""

from __future__ import annotations

import json
import pickle
import struct
from typing import TYPE_CHECKING, Any

import pytest
import torch
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import fxviz
from fxviz.cli import main
from fxviz.errors import FormatError, InputError
from fxviz.weights.values import BLOCK

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("safetensors")

import transformers
from safetensors.torch import save_file


def sharded(folder: Path, size: str = "40KB") -> nn.Module:
    """A model that transformers itself saves in several files."""
    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, vocab_size=200
    )
    model = transformers.BertModel(config)
    model.save_pretrained(folder, max_shard_size=size)
    return model


def test_a_file_says_what_the_model_says(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(5))
    model(torch.rand(2, 3, 8, 8))
    save_file(model.state_dict(), tmp_path / "m.safetensors")
    ours, theirs = fxviz.parameters(tmp_path / "m.safetensors"), fxviz.parameters(model)
    assert ours.model == "m.safetensors"
    assert {row.name: (row.shape, row.dtype, row.statistics) for row in ours} == {
        row.name: (row.shape, row.dtype, row.statistics) for row in theirs
    }
    assert {(row.role, row.trainable) for row in ours} == {(None, None)}  # a file does not say


def test_shards_are_one_model(tmp_path: Path) -> None:
    model = sharded(tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for source in (index, tmp_path, str(tmp_path)):
        found = fxviz.parameters(source, statistics=False)
        assert {row.name: row.shape for row in found} == expected
    row = fxviz.parameters(index)["encoder.layer.1.output.dense.weight"]
    assert row.statistics is not None
    assert row.statistics.mean == pytest.approx(model.encoder.layer[1].output.dense.weight.double().mean().item())


@pytest.mark.parametrize(
    "dtype",
    ["bfloat16", "float16", "float64", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "int8", "uint16", "bool"],
)
def test_every_dtype(dtype: str, tmp_path: Path) -> None:
    tensor = torch.tensor([[1.0, 0.0], [2.0, 4.0]]).to(getattr(torch, dtype))
    save_file({"w": tensor}, tmp_path / "m.safetensors")
    row = fxviz.parameters(tmp_path / "m.safetensors")["w"]
    assert (row.dtype, row.nbytes) == (dtype, tensor.nbytes)
    assert row.statistics is not None
    assert row.statistics.mean == pytest.approx(tensor.double().mean().item())


def test_what_has_no_numbers_is_still_listed(tmp_path: Path) -> None:
    packed = torch.zeros(3, 4, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    turns = torch.ones(2, dtype=torch.complex64)
    save_file({"packed": packed, "turns": turns}, tmp_path / "m.safetensors")
    table = fxviz.parameters(tmp_path / "m.safetensors")
    assert (table["packed"].shape, table["packed"].dtype, table["packed"].nbytes) == (
        (3, 4),
        "float4_e2m1fn_x2",
        packed.nbytes,
    )
    assert table["turns"].nbytes == 16
    assert [row.statistics for row in table] == [None, None]


def test_large_tensors_are_read_in_blocks(tmp_path: Path) -> None:
    rows = 3 * BLOCK // 1024 + 1
    tensor = torch.arange(rows * 1024, dtype=torch.int32).view(rows, 1024)
    save_file({"w": tensor, "empty": torch.empty(0, 3), "scalar": torch.tensor(5.0)}, tmp_path / "m.safetensors")
    table = fxviz.parameters(tmp_path / "m.safetensors")
    numel = rows * 1024
    found = table["w"].statistics
    assert found is not None
    assert found.mean == pytest.approx((numel - 1) / 2, rel=1e-12)
    assert found.spread**2 == pytest.approx((numel**2 - 1) / 12, rel=1e-12)  # of 0 … n-1
    assert (found.low, found.high, found.zeros, found.count) == (0, numel - 1, 1, numel)
    assert table["scalar"].statistics is not None
    assert table["scalar"].statistics.mean == 5
    assert table["empty"].statistics is not None
    assert table["empty"].statistics.size == 0


# Damaged, and hostile -------------------------------------------------------------------------------------------------


def file_of(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


GOOD = file_of({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"\0" * 8)
HOSTILE = {
    "empty": b"",
    "short": GOOD[:-3],
    "huge header": struct.pack("<Q", 2**63) + b"{}",
    "no json": file_of(b"{'w': 1}"),
    "a list": file_of([1]),
    "overlap": file_of(
        {
            "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
        },
        b"\0" * 12,
    ),
    "beyond": file_of({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 2**62]}}),
    "overflow": file_of({"w": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 0]}}),
    "negative": file_of({"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"\0" * 4),
    "unknown dtype": file_of({"w": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4),
    "a pickle": pickle.dumps({"w": 1}),
    "deep": file_of(b"[" * 100_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_damaged_file_is_one_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(FormatError, match=r"m\.safetensors"):
        fxviz.parameters(path)


@given(st.binary(max_size=60) | st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_table_or_one_error(tmp_path: Path, change: bytes | tuple[int, int]) -> None:
    path = tmp_path / "m.safetensors"
    if isinstance(change, tuple):
        place, byte = change
        change = GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
    path.write_bytes(change)
    try:
        assert len(fxviz.parameters(path)) <= 1
    except FormatError as error:
        found = str(error)
        assert "m.safetensors" in found


INDEXES = {
    "up": {"weight_map": {"w": "../other.safetensors"}},
    "absolute": {"weight_map": {"w": "/etc/other.safetensors"}},
    "down": {"weight_map": {"w": "sub/other.safetensors"}},
    "backslash": {"weight_map": {"w": "..\\other.safetensors"}},
    "drive": {"weight_map": {"w": "c:other.safetensors"}},
    "null": {"weight_map": {"w": "a\0.safetensors"}},
    "pickle": {"weight_map": {"w": "pytorch_model.bin"}},
    "number": {"weight_map": {"w": 3}},
    "no map": {"metadata": {}},
    "list": [1, 2],
    "absent tensor": {"weight_map": {"other": "good.safetensors"}},
}


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "sub").mkdir()
    for place in (tmp_path / "other", folder / "sub" / "other", folder / "good"):
        place.with_suffix(".safetensors").write_bytes(GOOD)
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps(INDEXES[name]))
    with pytest.raises(FormatError):
        fxviz.parameters(path)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        fxviz.parameters(tmp_path / "absent.safetensors")
    with pytest.raises(InputError, match="cannot read ''"):
        fxviz.parameters("")
    with pytest.raises(InputError, match=r"holds no \.safetensors"):
        fxviz.parameters(tmp_path)
    index = tmp_path / "m.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w": "gone.safetensors"}}))
    with pytest.raises(InputError, match=r"gone\.safetensors"):
        fxviz.parameters(index)
    index.write_bytes(b"\xff{")
    with pytest.raises(FormatError, match="not JSON"):
        fxviz.parameters(index)
    index.unlink()
    for name in ("a", "b"):
        (tmp_path / f"{name}.safetensors").write_bytes(GOOD)
    with pytest.raises(InputError, match=r"a\.safetensors, b\.safetensors"):
        fxviz.parameters(tmp_path)


class Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("it was unpickled",))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "m.pt", "m.pth", "m.ckpt"])
def test_a_pickle_is_never_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError, match="is a pickle"):
        fxviz.parameters(tmp_path / name)
    with pytest.raises(InputError, match="is a pickle"):
        fxviz.parameters(tmp_path)


# Command line ---------------------------------------------------------------------------------------------------------


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["parameters", *map(str, words)])
    return result.exit_code, result.output


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(8, 5))
    save_file(model.state_dict(), tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def test_the_command_prints_the_table(saved: Path) -> None:
    table = fxviz.parameters(saved, singular_values=True)
    assert run(saved, "--singular-values") == (0, f"{table}\n")
    assert run(saved, "--depth", 1) == (0, f"{fxviz.parameters(saved).by_module(1)}\n")
    assert run(saved, "--no-values") == (0, f"{fxviz.parameters(saved, statistics=False)}\n")


def test_the_command_writes_what_the_suffix_says(saved: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    outputs = [tmp_path / f"t.{suffix}" for suffix in ("md", "csv", "txt", "svg")]
    assert run(saved, *(word for output in outputs for word in ("-o", output))) == (
        0,
        "".join(f"wrote {output}\n" for output in outputs),
    )
    table = fxviz.parameters(saved)
    assert outputs[0].read_text() == table.markdown()
    assert outputs[1].read_bytes().decode() == table.csv()
    assert outputs[2].read_text() == f"{table}\n"
    assert "Weights of m.safetensors" in outputs[3].read_text()


def test_the_command_takes_models(tmp_path: Path) -> None:
    code, output = run("torchvision:squeezenet1_1", "--depth", 1)
    assert code == 0
    assert "1.24 M" in output
    assert "Mean" not in output
    code, output = run("torchvision:squeezenet1_1", "--depth", 1, "--random-weights")
    assert code == 0
    assert "Mean" in output
    (tmp_path / "net.py").write_text("import torch\nmodel = torch.nn.Linear(3, 2)\n")
    code, output = run(f"{tmp_path / 'net.py'}:model")
    assert code == 0
    assert "Total: 8" in output
    assert "Mean" in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--plot", "heat"], "add -o FILE.svg"),
        (["-o", "x.gif"], "name a file that ends in"),
        (["-o", "absent/x.svg"], "there is no folder absent"),
        (["-o", "x.svg", "--no-values"], "nothing to draw"),
        (["--random-weights"], "has its own"),
        (["-o", "x.svg", "--plot", "heat", "--name", "1.wieght"], "has no parameter"),
    ],
)
def test_the_command_refuses(words: list[str], said: str, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved.parent)
    code, output = run(saved, *words)
    assert code in (1, 2)
    assert said in output
    assert len(output.splitlines()) == 1
    assert {path.name for path in saved.parent.iterdir()} == {"m.safetensors"}
