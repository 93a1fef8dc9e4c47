"""The modules of a model as an indented list."""

from collections.abc import Iterator
from dataclasses import dataclass

from fxviz import Box, View


@dataclass(frozen=True)
class Outline:
    """One line a module; ``bullet`` begins it."""

    bullet: str = "-"

    def export(self, view: View) -> str:
        """The list, outermost modules first."""
        return "".join(f"{line}\n" for line in self._lines(view, view.root, 0))

    def _lines(self, view: View, parent: Box, depth: int) -> Iterator[str]:
        for item in parent.items:
            if isinstance(item, Box):
                yield f"{'  ' * depth}{self.bullet} {view.title(item)}"
                yield from self._lines(view, item, depth + 1)
