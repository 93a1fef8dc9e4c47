"""Netron's own code on a file: its parser in node, and its page in a headless browser.

By hand: ``python tests/support/netron_page.py MODEL.onnx PICTURE.png [TITLE ...]`` opens a model, expands the boxes of those
titles one after the other, and takes a picture; it needs chromium, and playwright-core in ``NODE_PATH`` or ``~/node_modules``.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "netron"


def parser_missing() -> str:
    """Why Netron's parser cannot be run here; empty if it can."""
    if shutil.which("node") is None:
        return "node is not installed, which runs Netron's own parser"
    return "" if importlib.util.find_spec("netron") else "netron is not installed: pip install netron"


def copy_sources(folder: Path) -> Path:
    """Netron's JavaScript as node takes it."""
    spec = importlib.util.find_spec("netron")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for source in (*package.glob("*.js"), package / "onnx-metadata.json"):
        shutil.copy(source, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def parse(sources: Path, model: Path) -> dict[str, Any]:
    """What Netron reads: metadata and graphs, nested ones as attributes."""
    command = ["node", str(HERE / "parse.mjs"), str(sources), str(model)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    assert found["errors"] == []
    return found


def page_missing() -> str:
    """Why Netron's page cannot be opened here; empty if it can."""
    if not (shutil.which("node") and shutil.which("chromium")):
        return "node or chromium is not installed, which open Netron's page"
    found = subprocess.run(["node", "-e", "require.resolve('playwright-core')"], capture_output=True, check=False)
    return "node finds no playwright-core: install it with npm, and set NODE_PATH" if found.returncode else ""


def render(model: Path, picture: Path, titles: list[str]) -> dict[str, Any]:
    """Open ``model`` in Netron's page, expand the boxes of these titles, take a picture."""
    return _visit("render.cjs", model, [str(picture), *titles])


def attach(model: Path, attachment: Path, picture: Path, title: str) -> dict[str, Any]:
    """Open ``model`` in Netron's page, lay ``attachment`` over it, and read the panel of the node with this title."""
    return _visit("attach.cjs", None, [str(model), str(attachment), str(picture), title])


def _visit(script: str, served: Path | None, words: list[str]) -> dict[str, Any]:
    import netron

    host, port = netron.start(str(served) if served else None, ("127.0.0.1", 0), browse=False)
    try:
        command = ["node", str(HERE / script), f"http://{host}:{port}/", *words]
        run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    finally:
        netron.stop((host, port))
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


if __name__ == "__main__":
    print(json.dumps(render(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]), ensure_ascii=False))
