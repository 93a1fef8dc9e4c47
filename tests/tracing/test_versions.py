"""A torch that is too old is refused in one line, before anything of it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from fxviz.errors import MissingDependency
from fxviz.tracing.versions import OLDEST, check_torch

FLOOR = ".".join(map(str, OLDEST))


@pytest.mark.parametrize(
    "version", [torch.__version__, FLOOR, f"{FLOOR}.0+cpu", f"{OLDEST[0]}.{OLDEST[1] + 1}.0a0+git12", "3.0"]
)
def test_newer_ones_are_taken(version: str) -> None:
    check_torch(version)


@pytest.mark.parametrize("version", [f"{OLDEST[0]}.{OLDEST[1] - 1}.1+cu130", "2.6.0", "1.13"])
def test_older_ones_are_refused(version: str) -> None:
    with pytest.raises(
        MissingDependency, match=rf"needs torch {FLOOR} or newer, and this is torch {version}".replace("+", r"\+")
    ):
        check_torch(version)


def test_the_tracer_asks_before_it_imports() -> None:
    code = """
import sys, torch
torch.__version__ = "2.6.0"
import fxviz
try:
    fxviz.trace(abs, ())
except fxviz.MissingDependency as error:
    print(error)
print([name for name in sys.modules if name.startswith("fxviz.tracing.")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    message, loaded = done.stdout.splitlines()
    assert message == f"fxviz needs torch {FLOOR} or newer, and this is torch 2.6.0: pip install --upgrade torch"
    assert loaded == "['fxviz.tracing.versions']"


def test_the_command_line_says_it_in_one_line() -> None:
    code = "import torch; torch.__version__ = '2.6.0'\nfrom fxviz.cli import main\nmain(['summary', 'torchvision:alexnet'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().startswith(
        f"fxviz: fxviz needs torch {FLOOR} or newer, and this is torch 2.6.0: pip install"
    )
