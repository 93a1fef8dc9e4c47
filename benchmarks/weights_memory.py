"""The memory that `fxviz.parameters` takes for a file of weights: ``python benchmarks/weights_memory.py [GIB]``.

A sharded model of random bfloat16 weights, one GiB by default, is written to a temporary folder. Each case reads it in a
process of its own, whose peak resident set is what the kernel says (``VmHWM`` of /proc/self/status).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

SHARD = 2**28  # bytes
CASES = {
    "torch and fxviz alone": "",
    "names and shapes": "fxviz.parameters(path, statistics=False)",
    "statistics": "fxviz.parameters(path)",
    "a heat map of the largest tensor": "fxviz.parameters(path, statistics=False).plot(picture, 'heat')",
    "torch's sum of each shard, by load_file": "held = [t.sum() for p in sorted(Path(path).glob('*.safetensors')) for t in load_file(p).values()]",
}
CODE = """
import sys, time
from pathlib import Path
import torch, fxviz, fxviz.weights.api, fxviz.weights.modules, matplotlib.figure
from safetensors.torch import load_file
path, picture = sys.argv[1:]
started = time.perf_counter()
{case}
taken = time.perf_counter() - started
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
print(taken, int(status["VmHWM"].split()[0]) / 1024)
"""


def write_model(folder: Path, gib: float) -> None:
    places: dict[str, str] = {}
    rows = SHARD // (2 * 8192)
    for number in range(max(1, round(gib * 2**30 / SHARD))):
        shard = f"model-{number:05}.safetensors"
        name = f"layers.{number}.weight"
        save_file({name: torch.empty(rows, 8192, dtype=torch.bfloat16).normal_(std=0.02)}, folder / shard)
        places[name] = shard
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def main() -> None:
    gib = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        write_model(folder, gib)
        print(f"a model of {gib:g} GiB, written in {time.perf_counter() - started:.0f} s")
        for label, case in CASES.items():
            command = [sys.executable, "-c", CODE.format(case=case), name, str(folder / "picture.png")]
            taken, peak = map(float, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
            print(f"{label:<45} {taken:7.1f} s   peak {peak:6.0f} MiB")


if __name__ == "__main__":
    main()
