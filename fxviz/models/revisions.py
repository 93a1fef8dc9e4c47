"""Models as they were: ``net.py@main:Net`` is ``net.py:Net`` at a revision of git.

All files of the revision are written to a temporary folder, so that a file can import its neighbours of that time; nothing
in the working tree or in git's own files is touched. A model's file runs in a process of its own, since a module that was
imported here is not imported again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fxviz.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fxviz.ir import Graph
    from fxviz.tracing import Mode

__all__ = ["Revised", "at_revision", "parse_revision", "trace_apart", "trace_at"]

_REVISED = re.compile(
    r"(?P<path>.+\.py)@(?P<revision>[^:]+):(?P<attribute>[^:]+)|(?P<file>.+\.(json|pt2|onnx))@(?P<at>[^:]+)"
)


@dataclass(frozen=True)
class Revised:
    """A model of a file at a revision; a graph or a program has no ``attribute``."""

    path: Path
    revision: str
    attribute: str | None = None

    @property
    def name(self) -> str:
        """The model's name where its file is checked out, without the folder."""
        return self.path.name if self.attribute is None else f"{self.path.name}:{self.attribute}"


def parse_revision(name: str) -> Revised | None:
    """Read ``file.py@revision:attribute``, ``graph.json@revision`` or ``program.pt2@revision``; None for other names.

    >>> parse_revision("models/net.py@HEAD~2:Net")
    Revised(path=PosixPath('models/net.py'), revision='HEAD~2', attribute='Net')
    >>> parse_revision("models/net.py:Net")
    """
    if (match := _REVISED.fullmatch(name)) is None:
        return None
    if match["path"]:
        return Revised(Path(match["path"]), match["revision"], match["attribute"])
    return Revised(Path(match["file"]), match["at"])


def at_revision(name: str, revision: str) -> str:
    """Return the name of the same model at a revision.

    >>> at_revision("models/net.py:Net", "main")
    'models/net.py@main:Net'

    Raises `InputError` for a model that is not in a file of Python, or in a graph or a program.
    """
    path, colon, attribute = name.rpartition(":")
    revised = f"{path}@{revision}:{attribute}" if colon else f"{name}@{revision}"
    if parse_revision(name) is not None or parse_revision(revised) is None:
        raise InputError(f"{name} is not a file under git, so it has no revision {revision!r}: name another model")
    return revised


def trace_at(
    model: Revised,
    inputs: Sequence[str] = (),
    *,
    dtype: str | None = None,
    mode: Mode = "auto",
    device: str | None = None,
) -> Graph:
    """Trace a model at a revision; arguments as for `fxviz.models.trace`. Its file runs, as it was then."""
    folder = model.path.absolute().parent
    while not folder.is_dir():  # it was removed since
        folder = folder.parent
    with _checked_out(folder, model.revision) as (root, tree):
        path = tree / Path(os.path.abspath(model.path)).relative_to(root)
        if not path.is_file():
            raise InputError(f"there was no file {model.path} at {model.revision}")
        here = Path.cwd()
        working = tree / here.relative_to(root) if here.is_relative_to(root) else tree
        name = str(path if model.attribute is None else f"{path}:{model.attribute}")
        try:
            return trace_apart(
                name, inputs, dtype=dtype, mode=mode, device=device, folder=working if working.is_dir() else tree
            )
        except InputError as error:
            message = str(error).replace(f"{tree}{os.sep}", "")
            raise InputError(f"at {model.revision}: {message}") from None


def trace_apart(
    name: str,
    inputs: Sequence[str] = (),
    *,
    dtype: str | None = None,
    mode: Mode = "auto",
    device: str | None = None,
    folder: Path | None = None,
) -> Graph:
    """Trace a model in a process of its own, in ``folder``; arguments as for `fxviz.models.trace`."""
    from fxviz.ir.serialize import load

    options = [word for text in inputs for word in ("-i", text)]
    options += [
        word for option, given in (("--dtype", dtype), ("--device", device)) if given for word in (option, given)
    ]
    with TemporaryDirectory(prefix="fxviz-") as results:
        graph = Path(results) / "graph.json"
        # -P: modules of the folder come after the installed ones, as elsewhere on the command line.
        command = [sys.executable, "-P", "-m", "fxviz", "export", name, "-o", str(graph), "--mode", mode, *options]
        home = str(Path(__file__).parents[2])
        search = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", ""))))
        environment = os.environ | {"PYTHONPATH": search}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith("fxviz: ")]
            words = said[-1].removeprefix("fxviz: ") if said else done.stderr.strip()[-500:]
            raise InputError(words or f"tracing {name} ended with exit code {done.returncode}")
        return load(graph)


@contextmanager
def _checked_out(folder: Path, revision: str) -> Iterator[tuple[Path, Path]]:
    """Yield the root of the repository that ``folder`` is in, and a copy of all its files at ``revision``."""
    root = Path(_git(folder, "rev-parse", "--show-toplevel"))
    try:
        commit = _git(folder, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    except InputError as error:
        raise InputError(f"there is no revision {revision!r} in {root}: name a branch, a tag or a commit") from error
    with TemporaryDirectory(prefix="fxviz-") as scratch:
        tree = Path(scratch) / "tree"
        tree.mkdir()
        # An index of its own: no hook runs, and the working tree does not change.
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        _git(root, "read-tree", commit, **index)
        _git(root, "checkout-index", "--all", f"--prefix={tree}{os.sep}", **index)
        yield root, tree


def _git(folder: Path, *words: str, **environment: str) -> str:
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise InputError("a revision needs git, which is not installed") from None
    if done.returncode:
        said = " ".join(done.stderr.split()).removeprefix("fatal: ")
        raise InputError(
            f"git {words[0]} failed in {folder}: {said or done.returncode}; name a commit, branch or tag of it"
        )
    return done.stdout.strip()
