"""Many pictures at once: a pool of processes, each with one graph in memory at a time."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from fxviz.errors import ExportError, FxvizError, InputError
from fxviz.ir import Graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

__all__ = ["Source", "export_all"]

Source: TypeAlias = str | Graph
"""A graph, or the name of a model as on the command line, which is traced where it is drawn."""

_AHEAD = 2  # models for each process, drawn or waiting: their graphs are on disk, and more are not asked for


def export_all(
    pictures: Mapping[str | Path, Source] | Iterable[tuple[str | Path, Source]],
    *,
    workers: int = 2,
) -> None:
    """Write many pictures, each as `export` writes it, in ``workers`` processes beside this one.

    The files do not depend on the number of workers. A model in several pictures is traced or read once; pairs may come
    from a generator, of which few are taken ahead. So memory holds ``workers`` graphs, however many there are.
    Ctrl-C finishes what is begun, and begins nothing more. The processes are spawned, so a script keeps the call
    under ``if __name__ == "__main__":``.

    Args:
        pictures: the source of each file, by its path; or pairs, with the pairs of one source in a row.
        workers: the number of processes.

    Raises:
        InputError: a source is neither a graph nor a name, or ``workers`` is below 1.
        ExportError: some pictures failed: it names each of them and says why. All others are written.
    """
    if workers < 1:
        raise InputError(f"workers is a number of processes from 1, not {workers}")
    failures: dict[int, list[str]] = {}
    with TemporaryDirectory(prefix="fxviz-") as folder, _pool(workers) as pool:
        pending: dict[Future[list[str]], tuple[int, Path | None]] = {}
        try:
            for number, (source, paths) in enumerate(_by_source(pictures)):
                saved = _save(source, Path(folder, f"{number}.json")) if isinstance(source, Graph) else None
                pending[pool.submit(_draw, str(saved or source), paths)] = number, saved
                if len(pending) >= _AHEAD * workers:
                    _collect(pending, failures)
            while pending:
                _collect(pending, failures)
        except BrokenProcessPool as error:
            raise ExportError(
                "a process that draws has ended: was it out of memory? "
                'In a script, export_all is to be called under: if __name__ == "__main__":'
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if failures:
        words = [line for number in sorted(failures) for line in failures[number]]
        raise ExportError(f"{len(words)} pictures failed: {'; '.join(words)}")


def _pool(workers: int) -> ProcessPoolExecutor:
    # A process that is forked while torch has threads may hang; one that is spawned does not.
    return ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_finish_what_is_begun
    )


def _finish_what_is_begun() -> None:
    """Ignore Ctrl-C, which reaches every process of a terminal: the one that asked handles it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _by_source(
    pictures: Mapping[str | Path, Source] | Iterable[tuple[str | Path, Source]],
) -> Iterator[tuple[Source, list[str]]]:
    """Iterate over the sources with the files to write of each, in the order of its first one."""
    if isinstance(pictures, Mapping):
        groups: dict[int | str, list[tuple[str | Path, Source]]] = {}
        for pair in pictures.items():
            groups.setdefault(_key(pair), []).append(pair)
        pictures = [pair for group in groups.values() for pair in group]
    for _, group in groupby(pictures, key=_key):
        pairs = [*group]
        yield pairs[0][1], [str(path) for path, _ in pairs]


def _key(pair: tuple[str | Path, Source]) -> int | str:
    path, source = pair
    if not isinstance(source, str | Graph):
        raise InputError(
            f"{path} is to be drawn of a {type(source).__name__}: give a graph, fxviz.trace(model, args), or a model's name"
        )
    return source if isinstance(source, str) else id(source)


def _save(graph: Graph, path: Path) -> Path:
    graph.save(path)
    return path


def _collect(pending: dict[Future[list[str]], tuple[int, Path | None]], failures: dict[int, list[str]]) -> None:
    """Wait for at least one source, and note what failed."""
    done, _ = wait(pending, return_when=FIRST_COMPLETED)
    for future in done:
        number, saved = pending.pop(future)
        if saved is not None:
            saved.unlink()
        if found := future.result():
            failures[number] = found


# In the other process -------------------------------------------------------------------------------------------------


def _draw(name: str, paths: list[str]) -> list[str]:
    """Write the files of one source, and return what failed, in words."""
    from fxviz import models
    from fxviz.analysis.facts import Facts
    from fxviz.output import export

    try:
        facts = Facts(models.trace(name))
    except Exception as error:
        return [_told(path, error) for path in paths]
    failed = []
    for path in paths:
        try:
            export(facts, path)
        except Exception as error:
            failed.append(_told(path, error))
    return failed


def _told(path: str, error: Exception) -> str:
    words = str(error) if isinstance(error, FxvizError) else f"{type(error).__name__}: {error}"
    return f"{path}: {' '.join(words.split())}"
