"""A trace in a process of its own: whatever the model's code does to Python, the caller's process is as it was."""

from __future__ import annotations

import json
import os
import signal
import warnings
from typing import TYPE_CHECKING, Any, NoReturn

import fxviz.errors
from fxviz.errors import FxvizError, InputError, TraceError
from fxviz.ir.reading import loads
from fxviz.ir.writing import dumps

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxviz.ir import Graph

__all__ = ["trace_in_child"]


def trace_in_child(trace: Callable[[], Graph]) -> Graph:
    """Return what ``trace`` returns, having called it in a forked copy of this process; its graph has no ``module``.

    Raises:
        InputError: this system cannot fork processes.
        TraceError: the copy ended without an answer.
        FxvizError: what ``trace`` raised, of the same class and with the same text.
    """
    if not hasattr(os, "fork"):
        raise InputError("isolated=True forks this process, which this system cannot; trace in a process of your own")
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of forking beside threads: the copy runs on fake tensors alone
        child = os.fork()
    if child == 0:
        os.close(reader)
        _answer(trace, writer)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as pipe:
            answer = pipe.read()
    except BaseException:  # Ctrl-C, say: the copy must not go on by itself
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(child, 0)
    return _read(answer, status)


def _answer(trace: Callable[[], Graph], writer: int) -> NoReturn:
    """Write what came of ``trace`` into the pipe, and end this process without running anything of the caller's."""
    try:
        try:
            answer: dict[str, Any] = {"graph": dumps(trace())}
        except FxvizError as error:
            answer = {"error": type(error).__name__, "text": str(error), "notes": getattr(error, "__notes__", [])}
        except Exception as error:
            answer = {"error": "TraceError", "text": f"{type(error).__name__}: {error}", "notes": []}
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _read(answer: bytes, status: int) -> Graph:
    if not answer:
        code = os.waitstatus_to_exitcode(status)
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        raise TraceError(f"the process that traced the model ended {how} before it had an answer")
    content = json.loads(answer)
    if "graph" in content:
        return loads(content["graph"])
    error = getattr(fxviz.errors, content["error"], TraceError)(content["text"])
    for note in content["notes"]:
        error.add_note(note)
    raise error
