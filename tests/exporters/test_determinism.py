"""The same input gives the same bytes, whatever the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import hashlib, sys
from build import Builder, encoder
from fxviz import Facts, Flops, Parameters, View, render
from fxviz.plugins import plugin_names

build = Builder("varied")
x = build.input("x", 1, 8)
with build.module("blocks", "ModuleList"):
    for i in range(6):
        with build.module(str(i), "Block"):
            x = build.op("dropout", build.op("relu", x, line=1), p=i / 10, line=2)
            x = build.op("mul", build.op("neg", x, line=3, function="helper"), line=4, function="helper")
graphs = [encoder(5, extra={2: "relu"}), build.graph(x)]
for graph in graphs:
    for options in ({}, {"budget": 6, "hide": True, "group": True, "weights": True, "color": "dtype"}, {"color": "flops"}):
        view = View.of(Facts(graph), show=(Flops(), Parameters()), **options)
        for name in sys.argv[1:]:
            try:
                made = render(view, name)
            except Exception as error:  # what a format refuses, it refuses alike
                made = repr(error)
            print(name, hashlib.sha256(made if isinstance(made, bytes) else made.encode()).hexdigest())
"""

FORMATS = ["csv", "dot", "html", "json", "markdown", "mermaid", "model-explorer", "onnx", "png", "svg", "text"]


def hashes(seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    command = [sys.executable, "-c", SCRIPT, *FORMATS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_format_is_byte_identical_in_two_processes_with_different_hash_seeds() -> None:
    first = hashes("1")
    assert first.count("\n") == 6 * len(FORMATS)
    assert first == hashes("2")
