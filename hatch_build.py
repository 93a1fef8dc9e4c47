"""A step of the build: for an editable install, see to it that ``fxviz/passes`` and ``fxviz/exporters`` are links.

The source archive has no links, and git writes a text file in the place of each where links are turned off, as on Windows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LINKED = ("passes", "exporters")


class LinkedFolders(BuildHookInterface):  # type: ignore[type-arg]
    """Links the folders of the package that stand beside it."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run before anything is built; ``version`` is the kind of wheel: standard or editable."""
        if version == "editable":
            for folder in LINKED:
                link(Path(self.root), folder)


def link(root: Path, folder: str) -> None:
    """Make ``fxviz/FOLDER`` a link to ``../FOLDER``, unless it is one."""
    place = root / "fxviz" / folder
    if place.is_dir():
        return
    made = place.with_name(f".{folder}-link")
    try:
        made.symlink_to(Path("..", folder), target_is_directory=True)
    except OSError as error:
        raise SystemExit(
            f"fxviz/{folder} has to be a link to ../{folder}, and no link can be made here ({error}): allow links "
            "(on Windows: Settings, Developer Mode) and install again, or install without -e"
        ) from error
    os.replace(made, place)
