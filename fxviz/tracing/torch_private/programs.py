"""Exported programs: how `torch.export` makes them, reads them from files, and turns them into modules."""

from __future__ import annotations

import inspect
import json
import os
import zipfile
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch

from fxviz.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["dynamic_export", "load_program", "program_module"]


def program_module(program: torch.export.ExportedProgram) -> torch.fx.GraphModule:
    """Return the module of an exported program, without the checks on input sizes that newer versions of torch put into it."""
    module: Any = program.module
    return module(check_guards=False) if "check_guards" in inspect.signature(module).parameters else module()  # type: ignore[no-any-return]


def load_program(path: Path) -> torch.export.ExportedProgram:
    """Return the program in a file; a `FormatError` if it holds objects to unpickle among its constants.

    As `torch.export.load`, which everywhere else unpickles only tensors here.
    """
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith("_constants_config.json"):
                config = json.loads(archive.read(name)).get("config") or {}
                if pickled := [
                    key for key, entry in config.items() if not str(entry["path_name"]).startswith("tensor_")
                ]:
                    raise FormatError(
                        f"it holds pickled objects ({', '.join(pickled)}), which can run code; load it yourself and trace the program"
                    )
    # torch falls back to full unpickling by itself; this variable is its documented way to forbid that.
    with mock.patch.dict(os.environ, {"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"}):
        return torch.export.load(path)


@contextmanager
def dynamic_export(dynamic: bool) -> Iterator[None]:
    """Let `torch.export` keep dynamic a size that is 0 or 1 in its example, and loop recurrent layers over a dynamic length.

    As ``torch.onnx.export`` does where it calls it.
    """
    import torch.fx.experimental._config as config

    with ExitStack() as stack:
        stack.enter_context(config.patch(backed_size_oblivious=True))  # type: ignore[attr-defined]
        if dynamic:
            from torch.export import _patches

            stack.enter_context(_patches.register_lstm_while_loop_decomposition())
            stack.enter_context(_patches.register_gru_while_loop_decomposition())
        yield
