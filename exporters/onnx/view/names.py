"""Names that ONNX and Netron take: of values, each its own, and of operators."""

from __future__ import annotations

from fxviz.importers.onnx.format import clean_text

__all__ = ["Names", "title"]


class Names:
    """Names for the values of one file: each is used once, whatever is asked for."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def fresh(self, wanted: str) -> str:
        """Return ``wanted``, with a number behind it if it is used already."""
        base = name = clean_text(wanted) or "value"
        while name in self._given:
            self._given[base] += 1
            name = f"{base}~{self._given[base]}"
        self._given[name] = 1
        return name


def title(text: str) -> str:
    """Return an operator or graph name that Netron shows in full: it drops what is before the last dot."""
    return clean_text(text).replace(".", "/") or "?"
