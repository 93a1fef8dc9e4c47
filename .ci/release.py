"""Check that a tag may be released: ``python .ci/release.py v1.2.3``.

The tag has to be the version in pyproject.toml, that of CITATION.cff too, and the changelog has to have a dated section for it.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


def problems(tag: str, root: Path = ROOT) -> Iterator[str]:
    """Yield what speaks against a release of the checkout at ``root`` under ``tag``."""
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if tag != f"v{version}":
        yield f"the tag is {tag}, but pyproject.toml has the version {version}"
    if f"\nversion: {version}\n" not in (root / "CITATION.cff").read_text(encoding="utf-8"):
        yield f"CITATION.cff does not have the version {version}"
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    if not re.search(heading, (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE):
        yield f"CHANGELOG.md has no section '## [{version}] - YEAR-MONTH-DAY'"


if __name__ == "__main__":
    sys.exit("\n".join(problems(sys.argv[1])))
