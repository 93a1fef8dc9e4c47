"""Old import paths work for one version more, and say where to look now."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from fxviz.moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_path_gives_the_new_module(old: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} has moved to {MOVED[old]}"):
        found = import_module(old)
    new = import_module(MOVED[old])
    assert all(getattr(found, name) is getattr(new, name) for name in getattr(new, "__all__", ()))


def test_what_is_inside_a_package_moved_with_it() -> None:
    sys.modules.pop("fxviz.runs.run", None)
    with pytest.warns(DeprecationWarning, match=r"fxviz\.runs\.run has moved to fxviz\.training\.run"):
        assert import_module("fxviz.runs.run").load_run is import_module("fxviz.training.run").load_run


def test_the_warning_names_the_line_of_the_import() -> None:
    code = "import fxviz\nfrom fxviz.view import View\nassert View is fxviz.View"
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert "<string>:2: DeprecationWarning: fxviz.view has moved to fxviz.views.view" in done.stderr


def test_a_name_that_never_was_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"fxviz\.viewer"):
        import_module("fxviz.viewer")
