"""What sweeps over whole model zoos share: names, limits of time and memory, worker processes, outcomes kept in a file.

One model a family of timm, one a type of transformers at its default config, with inputs as `fxviz.models` guesses them;
torchvision whole.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

MEMORY = 10 * 2**30  # bytes of address space above torch's own: a model that wants more is said to have failed


class Outcome(Protocol):
    """What became of a model: a dataclass of what JSON holds."""

    name: str


O = TypeVar("O", bound=Outcome)  # noqa: E741


class OutOfTimeError(BaseException):
    """Passes through every ``except Exception`` of the models."""


# Names ----------------------------------------------------------------------------------------------------------------


def timm_families() -> list[str]:
    """The first model of every module of timm."""
    import timm

    families = (timm.list_models(module=module) for module in timm.list_modules())
    return [models[0] for models in families if models]


def transformers_types() -> list[str]:
    import transformers

    return sorted(transformers.CONFIG_MAPPING)


def torchvision_models() -> list[str]:
    import torchvision

    return torchvision.models.list_models()


ZOOS: dict[str, Callable[[], list[str]]] = {
    "timm": timm_families,
    "transformers": transformers_types,
    "torchvision": torchvision_models,
}


# Limits ---------------------------------------------------------------------------------------------------------------


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """A limit of CPU time, which other users of the machine do not shorten; `OutOfTimeError` beyond it."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def prepare() -> None:
    """Set a worker up: quiet, on one thread, limited."""
    import torch

    def stop(*_: Any) -> None:
        raise OutOfTimeError

    signal.signal(signal.SIGPROF, stop)
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


# Sweeps ---------------------------------------------------------------------------------------------------------------


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every sweep."""
    parser.add_argument("--seconds", type=int, default=90, help="the limit for one model, in CPU seconds")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--keep", type=Path, help="a file of outcomes, one a line, to read and to go on with")
    parser.add_argument("--kept", action="store_true", help="only the models that the file of --keep has")
    parser.add_argument("--every", type=int, default=1, help="only every N-th model")
    parser.add_argument("parts", nargs="*", default=[""], help="keep the names, zoo:model, that hold one of these")


def chosen(zoo: str, options: argparse.Namespace) -> list[str]:
    """The names of a zoo that the options ask for."""
    names = [f"{zoo}:{name}" for name in ZOOS[zoo]()][:: options.every]
    known = _kept(options.keep)
    return [
        name for name in names if any(part in name for part in options.parts) and (name in known or not options.kept)
    ]


def outcomes(
    measure: Callable[[str, int], O], kind: type[O], names: list[str], options: argparse.Namespace
) -> Iterator[O]:
    """What becomes of each name; first what is kept in the file."""
    keep = options.keep
    known = {name: kind(**fields) for name, fields in _kept(keep).items()}
    yield from (known[name] for name in names if name in known)
    fresh = [name for name in names if name not in known]
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn"), prepare) as pool:
        for outcome in pool.map(measure, fresh, [options.seconds] * len(fresh)):
            if keep:
                with keep.open("a") as file:
                    file.write(json.dumps(asdict(outcome)) + "\n")  # type: ignore[call-overload]
            yield outcome


def _kept(file: Path | None) -> dict[str, dict[str, Any]]:
    lines = file.read_text().splitlines() if file and file.exists() else []
    return {fields["name"]: fields for fields in map(json.loads, lines)}
