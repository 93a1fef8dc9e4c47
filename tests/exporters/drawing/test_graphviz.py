"""SVG and PNG: which program draws them, and what happens when it does not."""

from __future__ import annotations

import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from build import encoder
from hostile import WORDS, legible, renamed

from fxviz.errors import ExportError, MissingDependency
from fxviz.exporters.drawing.graphviz import Png, Svg
from fxviz.views.view import View

VIEW = View.of(encoder(), depth=1)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole PATH, and the folder of the interpreter too."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return tmp_path


def install(folder: Path, script: str, name: str = "dot") -> Path:
    program = folder / name
    program.write_text(script)
    program.chmod(0o755)
    return program


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" if Path("/proc").exists() else True
    )


def test_svg_is_whole_and_needs_nothing_else() -> None:
    svg = ET.fromstring(Svg().export(VIEW))
    assert {"layers.0–11: Block × 12", "output"} <= {text.text for text in svg.iter(f"{SVG}text")}
    assert not [*svg.iter(f"{SVG}image"), *svg.iter(f"{SVG}script"), *svg.iter(f"{SVG}style")]
    assert not [element for element in svg.iter() if element.get("{http://www.w3.org/1999/xlink}href")]


def test_svg_has_a_tooltip_on_every_shape_arrow_and_scope() -> None:
    svg = ET.fromstring(Svg().export(VIEW))
    groups = [group for group in svg.iter(f"{SVG}g") if group.get("class") in ("node", "edge", "cluster")]
    assert len(groups) > 6
    for group in groups:
        assert any((link.get("{http://www.w3.org/1999/xlink}title") or "").strip() for link in group.iter(f"{SVG}a"))


def test_png_grows_with_its_resolution() -> None:
    def width(png: bytes) -> int:
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        return int(struct.unpack(">I", png[16:20])[0])

    assert width(Png(dpi=192).export(VIEW)) == pytest.approx(2 * width(Png(dpi=96).export(VIEW)), abs=2)


def test_the_same_view_gives_the_same_bytes() -> None:
    assert Svg().export(VIEW) == Svg().export(View.of(encoder(), depth=1))
    assert Png().export(VIEW) == Png().export(VIEW)


def test_the_wheel_draws_where_the_system_has_no_graphviz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = Path(sys.executable).parent / "graphviz-pure"
    if not beside.exists():
        pytest.skip("graphviz-pure is not installed")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "graphviz-pure" in Svg().export(VIEW)
    assert Png().export(VIEW).startswith(b"\x89PNG")


def test_dot_of_the_system_comes_first(bin_folder: Path) -> None:
    for name in ("dot", "graphviz-pure"):
        install(bin_folder, f"#!/bin/sh\necho {name}\n", name)
    assert Svg().export(VIEW) == "dot\n"


def test_no_graphviz_at_all(bin_folder: Path) -> None:
    with pytest.raises(MissingDependency, match="pip install graphviz-pure"):
        Svg().export(VIEW)


def test_a_failing_program_is_quoted(bin_folder: Path) -> None:
    install(bin_folder, "#!/bin/sh\necho 'trouble in init_rank' >&2\nexit 1\n")
    with pytest.raises(ExportError, match="exit code 1 and said: trouble in init_rank; show less"):
        Svg().export(VIEW)


def test_a_crashing_program(bin_folder: Path) -> None:
    install(bin_folder, "#!/bin/sh\nkill -SEGV $$\n")
    with pytest.raises(ExportError, match="exit code -11"):
        Svg().export(VIEW)


def test_a_program_that_cannot_be_run(bin_folder: Path) -> None:
    install(bin_folder, "\x7fELF not really")
    with pytest.raises(ExportError, match="cannot be run"):
        Png().export(VIEW)


def test_a_slow_program_is_stopped(bin_folder: Path) -> None:
    sleep = shutil.which("sleep", path=os.defpath) or "/bin/sleep"
    install(bin_folder, f"#!/bin/sh\necho $$ > {bin_folder}/pid\nexec {sleep} 60\n")
    with pytest.raises(ExportError, match=r"still at work after 0\.3 s"):
        Svg(timeout=0.3).export(VIEW)
    assert not is_running(int((bin_folder / "pid").read_text()))


def test_ctrl_c_stops_the_program_and_leaves_no_file(tmp_path: Path) -> None:
    sleep = shutil.which("sleep") or "/bin/sleep"
    # exec: the interrupt is for Python alone, as if the program had its own process group
    install(
        tmp_path,
        f"#!/bin/sh\ntrap '' INT\necho $$ > {tmp_path}/pid.part\nmv {tmp_path}/pid.part {tmp_path}/pid\nexec {sleep} 60\n",
    )
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2] / 'support')!r})\n"
        "from build import encoder\nimport fxviz\n"
        f"fxviz.export(fxviz.View.of(encoder()), {str(tmp_path / 'model.svg')!r})"
    )
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    python = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    python.send_signal(signal.SIGINT)
    _, said = python.communicate(timeout=30)
    assert b"KeyboardInterrupt" in said
    assert not is_running(int((tmp_path / "pid").read_text()))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dot", "pid"]


def test_the_words_of_frames_lie_on_top_of_arrows() -> None:
    svg = Svg().export(View.of(encoder(2), depth=2))
    words = re.search(r'<g paint-order="stroke"[^>]*pointer-events="none">\n(.*?)</g>', svg, re.DOTALL)
    assert words
    assert "layers.0–1: Block × 2" in words[1]
    assert words.start() > svg.rindex('class="edge"')
    assert svg.count("layers.0–1: Block × 2</text>") == 1
    assert "paint-order" not in Svg().export(View.of(encoder(2), depth=0))
    ET.fromstring(svg)


def test_any_word_on_a_frame_survives_being_lifted() -> None:
    for word in WORDS:
        svg = ET.fromstring(Svg().export(renamed([word, "plain"])))
        lifted = [group for group in svg.iter(f"{SVG}g") if group.get("paint-order")]
        (group,) = lifted
        assert legible(word) in {" ".join("".join(text.itertext()).split()) for text in group.iter(f"{SVG}text")} | {""}
