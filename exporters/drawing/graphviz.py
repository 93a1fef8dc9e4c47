"""SVG and PNG: the DOT text laid out by Graphviz, the system's or the one that pip installs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fxviz.errors import ExportError, MissingDependency
from fxviz.exporters.base import Exporter
from fxviz.exporters.drawing.dot import FONT, Dot

if TYPE_CHECKING:
    from fxviz.exporters.drawing.layout import Direction
    from fxviz.views.view import View

__all__ = ["Png", "Svg", "run_graphviz"]

# As Graphviz writes them; in what a model says, < and " are escaped.
_FRAME = re.compile(r'<g id="[^"]*" class="cluster">.*?(?=<g id="[^"]*" class=|\Z)', re.DOTALL)
_TEXT = re.compile(r"<text .*?</text>\n", re.DOTALL)


@dataclass(frozen=True)
class _Rendered(Exporter):
    """What `Svg` and `Png` share: the options of `Dot`, and how long Graphviz may take."""

    embedding = "picture"

    direction: Direction = "TB"
    """Whether arrows run from top to bottom or from left to right."""
    fan_out: int = 8
    """A source with more arrows than this is named beside those that read it, instead of all arrows but the first."""
    fan_in: int = 8
    """The sources of a target with more arrows than this are named beside it, instead of all arrows but the last."""
    timeout: float = 300
    """Seconds after which Graphviz is stopped."""

    def _render(self, view: View, *flags: str) -> bytes:
        return run_graphviz(Dot(self.direction, self.fan_out, self.fan_in).export(view), flags, self.timeout)


@dataclass(frozen=True)
class Svg(_Rendered):
    """Writes a view as an SVG picture on white, with tooltips; it needs nothing but itself.

    Raises `MissingDependency` if Graphviz is not installed, and `ExportError` if it fails or takes too long.
    """

    def export(self, view: View) -> str:
        """Return the SVG document."""
        drawn = _lift_words(self._render(view, "-Tsvg").decode())
        return drawn.replace(f'font-family="{FONT}"', f'font-family="{FONT},Helvetica,sans-serif"')


@dataclass(frozen=True)
class Png(_Rendered):
    """Writes a view as a PNG picture on white; raises what `Svg` raises."""

    binary = True

    dpi: int = 144
    """Pixels per inch; a side of more than 32,767 pixels is scaled down by Graphviz."""

    def export(self, view: View) -> bytes:
        """Return the PNG file."""
        return self._render(view, "-Tpng", f"-Gdpi={self.dpi}")


def _lift_words(svg: str) -> str:
    """Move the words of frames to the top, since arrows that enter would be drawn across them.

    A white rim separates them from an arrow. The pointer still reaches what is under them, with its tooltip.
    """
    words: list[str] = []

    def take(frame: re.Match[str]) -> str:
        words.extend(_TEXT.findall(frame[0]))
        return _TEXT.sub("", frame[0])

    without = _FRAME.sub(take, svg)
    if not words:
        return svg
    end = without.rindex("</g>")
    rim = '<g paint-order="stroke" stroke="white" stroke-opacity="0.8" stroke-width="3" pointer-events="none">'
    return f"{without[:end]}{rim}\n{''.join(words)}</g>\n{without[end:]}"


def run_graphviz(text: str, flags: tuple[str, ...], timeout: float) -> bytes:
    """Run Graphviz on DOT text and return its output; an `ExportError` if it fails or takes more than ``timeout`` seconds."""
    program = _program()
    try:
        # subprocess.run kills its child whatever happens here: a timeout, or Ctrl-C.
        done = subprocess.run([program, *flags], input=text.encode(), capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise ExportError(
            f"{program} was still at work after {timeout:g} s; show less (a smaller depth, folding), or give it more time with timeout="
        ) from error
    except OSError as error:
        raise ExportError(
            f"{program} cannot be run: {error.strerror}; reinstall it, or pip install graphviz-pure"
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-500:] or "nothing"
        raise ExportError(
            f"{program} failed with exit code {done.returncode} and said: {said}; show less (a smaller depth, folding)"
        )
    return done.stdout


def _program() -> str:
    """Find Graphviz's own ``dot``, else the program of the graphviz-pure wheel, which may be off the PATH in a virtual environment."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("dot") or shutil.which("graphviz-pure") or shutil.which("graphviz-pure", path=beside)
    if found is None:
        raise MissingDependency(
            "drawing SVG, PNG and HTML needs Graphviz: pip install graphviz-pure, or install your system's graphviz"
        )
    return found
