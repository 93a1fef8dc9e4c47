"""ONNX of very large models: seconds, peak memory and file size of a view, beside `torch.onnx.export` without weights.

    python benchmarks/onnx_size.py > docs/tables/onnx.md

Each contender runs in a process of its own; memory is the peak of that process (RSS), Python and torch included. Models
are in bfloat16 on the meta device, with one input of 128 tokens. `torch.onnx.export` runs without its optimiser, which
fails on weights that have no data, and saves without initializers.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

LLAMA_70B = {
    "model_type": "llama",
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}
MODELS = {"Llama 70B": LLAMA_70B, "DeepSeek-V3 671B": {"model_type": "deepseek_v3"}}
CONTENDERS = ("view", "torch.onnx.export")


def measure(contender: str, config: dict[str, object], folder: Path) -> tuple[int, int]:
    """Write the file; gives its bytes and its number of ONNX nodes, those in open boxes included."""
    import onnx
    import torch

    from fxviz import export, models

    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    target = models.build(str(folder / "config.json"), ["1,128:int64"], dtype="bfloat16")
    path = folder / "model.onnx"
    if contender == "view":
        export(target.trace(), path)
    else:
        warnings.simplefilter("ignore")
        kwargs = dict(target.kwargs) | {"use_cache": False}
        program = torch.onnx.export(
            target.model, target.args, kwargs=kwargs, dynamo=True, optimize=False, verbose=False
        )
        assert program is not None
        program.save(path, include_initializers=False)
    return path.stat().st_size, count(onnx.load(path, load_external_data=False).graph)


def count(graph: object) -> int:
    nodes = graph.node  # type: ignore[attr-defined]
    return len(nodes) + sum(
        count(attribute.g) for node in nodes for attribute in node.attribute if attribute.HasField("g")
    )


def run(contender: str, model: str) -> list[str]:
    command = [sys.executable, __file__, contender, model]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if re.match(r"\S*(Error|Exception): ", line)] or ["killed"]
        return [model, contender, f"fails: {errors[0][:120]}", "", "", "", ""]
    return [model, contender, *json.loads(done.stdout.splitlines()[-1])]


def main() -> None:
    from fxviz.text.quantity import format_quantity

    if len(sys.argv) == 3:
        contender, model = sys.argv[1:]
        with tempfile.TemporaryDirectory() as folder:
            wall, cpu = time.perf_counter(), time.process_time()
            nbytes, nodes = measure(contender, MODELS[model], Path(folder))
            seconds = [f"{time.perf_counter() - wall:.0f}", f"{time.process_time() - cpu:.0f}"]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps([*seconds, format_quantity(peak, "B"), format_quantity(nbytes, "B"), f"{nodes:,}"]))
        return
    print(
        "Made by `benchmarks/onnx_size.py` on 2 shared cores, without weights: a view of fxviz, which includes tracing"
    )
    print(
        "and counting, beside `torch.onnx.export`. Seconds of wall time say how busy the machine was; CPU seconds do not.\n"
    )
    print("| Model | | Seconds | CPU seconds | Peak memory | File | ONNX nodes |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for model in MODELS:
        for contender in CONTENDERS:
            row = run(contender, model)
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
