"""`export_all`: many pictures by several processes, each as `export` writes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from build import encoder

import fxviz
from fxviz.errors import ExportError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fxviz import Graph


def test_files_are_those_of_export(tmp_path: Path) -> None:
    graphs = {f"m{layers}": encoder(layers) for layers in (1, 2, 3)}
    pictures = {
        tmp_path / f"{name}.{suffix}": graph for suffix in ("mmd", "dot", "md") for name, graph in graphs.items()
    }
    fxviz.export_all(pictures)
    assert len(list(tmp_path.iterdir())) == 9
    for path, graph in pictures.items():
        assert path.read_text(encoding="utf-8") == fxviz.render(graph, path.suffix)


def test_few_of_a_generator_are_taken_ahead(tmp_path: Path) -> None:
    begun: list[int] = []

    def pictures() -> Iterator[tuple[Path, Graph]]:
        for number in range(12):
            begun.append(number)
            ahead = number - len(list(tmp_path.iterdir()))
            assert ahead <= 2 + 1  # two for one worker, and the one that is asked for
            yield tmp_path / f"{number}.mmd", encoder(1)

    fxviz.export_all(pictures(), workers=1)
    assert begun == [*range(12)]
    assert len(list(tmp_path.iterdir())) == 12


def test_what_fails_is_named_and_the_rest_is_written(tmp_path: Path) -> None:
    pictures = {
        tmp_path / "a.mmd": encoder(1),
        tmp_path / "b.nothing": encoder(2),
        tmp_path / "absent" / "c.dot": encoder(2),
        tmp_path / "d.dot": str(tmp_path / "absent.json"),
        tmp_path / "e.dot": encoder(1),
    }
    with pytest.raises(ExportError) as caught:
        fxviz.export_all(pictures, workers=1)
    message = str(caught.value)
    assert message.startswith("3 pictures failed: ")
    assert "\n" not in message
    places = [message.index(f"{path}: ") for path in list(pictures)[1:4]]
    assert places == sorted(places)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mmd", "e.dot"]


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0"):
        fxviz.export_all({}, workers=0)
    with pytest.raises(InputError, match="of a list"):
        fxviz.export_all({tmp_path / "a.svg": []})  # type: ignore[dict-item]
    fxviz.export_all({})


SCRIPT = """
import sys
from pathlib import Path
import fxviz

def pictures():
    for number in range(10_000):
        print(number, flush=True)
        yield Path(sys.argv[1], f"{number}.mmd"), sys.argv[2 + number % 2]

if __name__ == "__main__":
    fxviz.export_all(pictures(), workers=1)
"""


def test_ctrl_c_leaves_whole_files(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "out").mkdir()
    graphs = [str(tmp_path / name) for name in ("graph.json", "again.json")]
    for graph in graphs:
        encoder(1).save(graph)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "out"), *graphs]
    # As from a terminal: the signal reaches all processes of the group.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert errors.strip().endswith("KeyboardInterrupt")
    assert "SpawnProcess" not in errors
    for path in (tmp_path / "out").iterdir():
        assert path.read_text(encoding="utf-8") == fxviz.render(encoder(1), "mmd")
