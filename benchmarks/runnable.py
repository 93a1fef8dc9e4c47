"""Runnable ONNX of models nobody here wrote: are they valid, do they agree with torch, do the numbers add up?

    python benchmarks/runnable.py            # writes docs/tables/runnable.md
    python benchmarks/runnable.py timm:vit_tiny_patch16_224 transformers:gpt2

Models have random weights; those of transformers are small ones of their type. Every file is checked by onnx.checker
(full), run in onnxruntime and compared with the module of the trace at two sizes of each symbol, and once more with the
model itself, called as its users call it, at the size it was traced at. "Totals" compares the sum of the FLOPs on the
nodes, and of those told of the whole model, with the graph's.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import onnx
import onnxruntime
import sympy
import torch

from fxviz import Facts, models
from fxviz.errors import FxvizError
from fxviz.exporters.onnx.runnable import RunnableOnnx
from fxviz.output import default_view
from fxviz.passes.flops import Flops
from fxviz.text.quantity import format_quantity
from fxviz.tracing.structure import leaves, rebuild

TABLE = Path(__file__).parents[1] / "docs/tables/runnable.md"

IMAGE = ("B,3,224,224",)
SMALL_IMAGE = ("B,3,96,96",)
TOKENS = ("input_ids=B,S@12:int64",)

TORCHVISION: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("resnet18", "mobilenet_v3_small", "densenet121", "efficientnet_b0", "convnext_tiny"), SMALL_IMAGE),
    **dict.fromkeys(("regnet_y_400mf", "shufflenet_v2_x0_5", "squeezenet1_1", "mnasnet0_5", "googlenet"), SMALL_IMAGE),
    "swin_t": IMAGE,
    **dict.fromkeys(("lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"), SMALL_IMAGE),
    **dict.fromkeys(("r3d_18", "mc3_18"), ("B,3,8,64,64",)),
    "s3d": ("B,3,16,224,224",),
}
TIMM: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("vit_tiny_patch16_224", "deit_tiny_patch16_224", "xcit_nano_12_p16_224", "resmlp_12_224"), IMAGE),
    **dict.fromkeys(("mixer_s32_224", "pvt_v2_b0", "levit_128s", "gmlp_s16_224"), IMAGE),
    **dict.fromkeys(
        ("efficientnet_lite0", "mobilevit_xxs", "repvgg_a0", "edgenext_xx_small", "ghostnet_050"), SMALL_IMAGE
    ),
    **dict.fromkeys(("poolformer_s12", "fastvit_t8", "tinynet_e", "mobileone_s0"), SMALL_IMAGE),
    **dict.fromkeys(("coatnet_pico_rw_224", "eva02_tiny_patch14_224"), IMAGE),
}
SIZES: dict[str, object] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "word_embed_proj_dim", "embedding_size"), 64),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim", "n_inner"), 128),
    **dict.fromkeys(("hidden_dim", "moe_intermediate_size", "shared_expert_intermediate_size"), 128),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_decoder_layers",), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "num_experts", "num_local_experts"), 4),
    **dict.fromkeys(("num_key_value_heads", "num_experts_per_tok"), 2),
    **dict.fromkeys(("head_dim", "d_kv"), 16),
    "vocab_size": 1000,
}
TRANSFORMERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("bert", "roberta", "albert", "electra", "distilbert", "gpt2", "gpt_neox"), TOKENS),
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3", "gemma2", "phi", "falcon", "opt", "bloom"), TOKENS),
    **dict.fromkeys(("mixtral", "qwen3_moe", "olmo2", "xlnet", "deberta-v2", "mamba"), TOKENS),
    **dict.fromkeys(("t5", "bart"), (*TOKENS, "decoder_input_ids=B,T@5:int64")),
    **dict.fromkeys(("vit", "dinov2", "segformer", "siglip_vision_model"), ("pixel_values=B,3,224,224",)),
    "whisper": (),
    "wav2vec2": ("input_values=1,16000",),
}
SUITES = {"torchvision": TORCHVISION, "timm": TIMM, "transformers": TRANSFORMERS}


@dataclass(frozen=True)
class Row:
    name: str
    cells: tuple[str, ...] = ()
    reason: str = ""

    @property
    def passed(self) -> bool:
        return not self.reason


def small(model_type: str, folder: Path) -> str:
    """A config of the type with two layers and a width of 64, as a file."""
    import transformers

    default = transformers.CONFIG_MAPPING[model_type]()
    known = default.to_dict() | {name: getattr(default, name) for name in getattr(default, "attribute_map", {})}
    chosen = {name: size for name, size in SIZES.items() if isinstance(known.get(name), int)}
    if model_type == "whisper":  # whose padding token has a high number
        chosen |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    path = folder / "config.json"
    path.write_text(json.dumps({"model_type": model_type, **chosen}), encoding="utf-8")
    return str(path)


def measure(name: str, inputs: tuple[str, ...], folder: Path) -> Row:
    zoo, _, rest = name.partition(":")
    torch.manual_seed(0)
    target = models.build(small(rest, folder) if zoo == "transformers" else name, inputs, random_weights=True)
    fill_zeros(target.model)
    graph = target.trace()
    path = folder / "model.onnx"
    start = time.perf_counter()
    written = RunnableOnnx(verify=True).write(default_view(graph, "onnx"), path)
    seconds = time.perf_counter() - start
    assert written.worst is not None
    compare_with_model(target, path)
    if (counted := total_of(path)) != (flops := Facts(graph)[Flops()].total) and sympy.expand(counted - flops) != 0:
        return Row(name, reason=f"the FLOPs in the file are {counted}, those of the graph {flops}")
    return Row(
        name,
        (
            f"{seconds:.1f}",
            format_quantity(written.nbytes, "B"),
            str(len(graph.nodes)),
            str(written.nodes),
            f"{written.mapped / written.nodes:.0%}",
            str(len(written.absent)),
            f"{written.worst.relative:.1e}",
            str(written.compared),
        ),
    )


def fill_zeros(model: object) -> None:
    """Give weights that begin as zeros other values: a head of zeros returns zeros, and any two of them agree."""
    assert isinstance(model, torch.nn.Module)
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.02)


def compare_with_model(target: models.Target, path: Path) -> None:
    """The model as its users call it, on the inputs that its zoo guesses, against onnxruntime."""
    generator = torch.Generator().manual_seed(1)

    def fill(_: object, tensor: torch.Tensor) -> torch.Tensor:
        return torch.randn(tensor.shape, generator=generator) if tensor.is_floating_point() else tensor.clone()

    args, kwargs = rebuild((target.args, dict(target.kwargs)), fill)
    with torch.no_grad():
        expected = [tensor for _, tensor in leaves(target.model(*args, **kwargs))]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = [tensor.numpy() for _, tensor in leaves((args, kwargs))]
    found = session.run(None, dict(zip((each.name for each in session.get_inputs()), given, strict=True)))
    for mine, theirs in zip(expected, found, strict=True):
        theirs = torch.from_numpy(theirs)
        assert mine.shape == theirs.shape, (mine.shape, theirs.shape)
        scale = mine.abs().max().item() if mine.numel() else 0.0
        torch.testing.assert_close(
            theirs, mine, rtol=0, atol=1e-4 * scale if mine.is_floating_point() else 0, equal_nan=True
        )


def total_of(path: Path) -> sympy.Expr:
    """The FLOPs in a file: those on its nodes, and those of operations that have none."""
    model = onnx.load(path, load_external_data=False)
    facts = [{entry.key: entry.value for entry in node.metadata_props} for node in model.graph.node]
    facts.append(
        {
            entry.key.removesuffix(" of operations without a node"): entry.value
            for entry in model.metadata_props
            if entry.key.endswith(" of operations without a node")
        }
    )
    return sum((exact(each["FLOPs"]) for each in facts if "FLOPs" in each), sympy.Integer(0))


def exact(text: str) -> sympy.Expr:
    """The exact number that ends ``8.18 GFLOPs (8178000000)``, or is all of ``12 FLOPs``."""
    number = text[text.index("(") + 1 : text.rindex(")")] if "(" in text else text.split(" ")[0]
    if number in ("?", ""):
        return sympy.Integer(0)
    return sympy.sympify(
        number,
        locals={name: sympy.Symbol(name, integer=True, positive=True) for name in re.findall(r"[^\W\d]\w*", number)}
        | {"floor": sympy.floor, "ceiling": sympy.ceiling, "Max": sympy.Max, "Min": sympy.Min},
    )


def attempt(name: str, inputs: tuple[str, ...]) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return measure(name, inputs, Path(folder))
        except FxvizError as error:
            return Row(name, reason=" ".join(str(error).split()))
        except Exception as error:  # a table of what fails, and why
            if "--traceback" in sys.argv:
                traceback.print_exc()
            return Row(name, reason=" ".join(f"{type(error).__name__}: {error}".split())[:300])


def main() -> None:
    wanted = [name for name in sys.argv[1:] if not name.startswith("--")]
    cases = {f"{zoo}:{name}": inputs for zoo, suite in SUITES.items() for name, inputs in suite.items()}
    rows = []
    for name, inputs in cases.items():
        if wanted and name not in wanted:
            continue
        row = attempt(name, inputs)
        print(name, *(row.cells or (row.reason,)), flush=True)
        rows.append(row)
    print(f"{sum(row.passed for row in rows)} of {len(rows)}")
    if not wanted:
        write_table(rows)


def write_table(rows: list[Row]) -> None:
    passed = [row for row in rows if row.passed]
    heads = (
        "Model",
        "Seconds",
        "File",
        "Operations",
        "ONNX nodes",
        "Of an operation",
        "Without a node",
        "Worst difference",
        "Sizes",
    )
    lines = [
        f"{len(passed)} of {len(rows)} models are written, checked by `onnx.checker`, and agree with torch in onnxruntime. "
        f"Made by `benchmarks/runnable.py` with torch {torch.__version__}, onnxruntime {onnxruntime.__version__} on a CPU.",
        "",
        "| " + " | ".join(heads) + " |",
        "| --- |" + " ---: |" * (len(heads) - 1),
        *("| " + " | ".join((row.name, *row.cells)) + " |" for row in passed),
        "",
        "Seconds are for lowering, checking and comparing; they do not include the trace. *Of an operation* are the ONNX nodes that stem from an operation "
        "of the graph; the others compute sizes and constants. *Without a node* are the operations that were folded into "
        "constants or do nothing. *Worst difference* is a share of the largest value of its output; float32 may differ by "
        "1e-4. The FLOPs on the nodes, and of the operations without one, add up to the graph's in every file of this table.",
    ]
    if failed := [row for row in rows if not row.passed]:
        lines += ["", "The rest, and why:", "", "| Model | Reason |", "| --- | --- |"]
        lines += [f"| {row.name} | {row.reason.replace('|', chr(92) + '|')} |" for row in failed]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
