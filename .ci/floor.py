"""Print the requirement for the oldest torch that fxviz takes, as pip reads it: ``torch==2.13.*``."""

import re
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def floor() -> str:
    """Return the version after ``torch>=`` in the dependencies."""
    dependencies = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    (version,) = (found[1] for line in dependencies if (found := re.fullmatch(r"torch>=([\d.]+)", line)))
    return version


if __name__ == "__main__":
    print(f"torch=={floor()}.*")
