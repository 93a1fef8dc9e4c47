"""What changed from one graph to another: which operations, which shapes, at what cost."""

from fxviz.comparison.api import GraphDiff, diff
from fxviz.comparison.pairs import NodePair, ScopePair, Status

__all__ = ["GraphDiff", "NodePair", "ScopePair", "Status", "diff"]
