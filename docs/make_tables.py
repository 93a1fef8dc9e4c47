"""Fill the tables of the pages: ``python docs/make_tables.py``.

GitHub shows a page as it is written, so each table stands on its page, between ``<!-- table: NAME -->`` and
``<!-- /table -->``. NAME is a file of docs/tables/, which a script of benchmarks/ writes, or ``names``: the public names.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import fxviz

HERE = Path(__file__).parent
ALIASES = {  # types without a docstring of their own
    "Dim": "An extent, or a total over extents: an `int` whenever it is static, else a sympy expression.",
    "Scope": "The stack of module calls around a node, outermost first: a tuple of `Call`.",
}
MARKED = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return a page with each of its tables as it is now."""
    return MARKED.sub(lambda found: f"{found[1]}\n{table(found[2])}\n{found[3]}", text)


def table(name: str) -> str:
    return (
        public_names() if name == "names" else (HERE / f"tables/{name}.md").read_text(encoding="utf-8").strip() + "\n"
    )


def public_names() -> str:
    rows = [f"| `{name}` | {summary(name)} |" for name in fxviz.__all__ if not name.startswith("_")]
    return "\n".join(["| name | what it is |", "|---|---|", *rows]) + "\n"


def summary(name: str) -> str:
    """Return the first paragraph of a docstring, as the cell of a table."""
    documented = ALIASES.get(name) or inspect.getdoc(getattr(fxviz, name)) or ""
    first = " ".join(documented.partition("\n\n")[0].split())
    return re.sub(r"(?<!`)`([\w.]+)`(?!`)|``(.+?)``", lambda code: f"`{code[1] or code[2]}`", first).replace("|", "\\|")


if __name__ == "__main__":
    for page in HERE.glob("*.md"):
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
