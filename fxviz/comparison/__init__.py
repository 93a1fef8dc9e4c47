"""The difference between two graphs: operations, shapes and costs that changed."""

from fxviz.comparison.api import GraphDiff, diff
from fxviz.comparison.pairs import NodePair, ScopePair, Status

__all__ = ["GraphDiff", "NodePair", "ScopePair", "Status", "diff"]
