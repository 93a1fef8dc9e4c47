"""What changed from one graph to another: which operations, which shapes, at what cost."""

from fxviz.comparison.pairs import NodePair, ScopePair, Status
from fxviz.comparison.result import GraphDiff, diff

__all__ = ["GraphDiff", "NodePair", "ScopePair", "Status", "diff"]
