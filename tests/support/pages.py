"""Pages with markers, and the model that they show."""

from fxviz.errors import MissingDependency
from fxviz.exporters.drawing.graphviz import _program

MODEL = """
from torch import nn

def net():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
"""
"""A file ``net.py``."""

GIVEN = "net.py:net -i 3,4"


def marked(*commands: str) -> str:
    """A page with a marker for each command."""
    return "# Page\n\n" + "\n".join(f"<!-- fxviz: {command} -->\n<!-- /fxviz -->\n" for command in commands)


def graphviz_missing() -> str:
    """Why nothing can be drawn here; empty where it can."""
    try:
        _program()
    except MissingDependency as error:
        return str(error)
    return ""
