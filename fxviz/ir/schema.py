"""The JSON format of graphs, as far as writing and reading share it; docs/json-schema.md describes it.

Whatever repeats (types, storages, values, scopes, operators, attributes) is a row of a table, written once and referred
to by its index, so that a graph of 15,000 kernels takes a few megabytes.
"""

__all__ = ["FORMAT", "MOST_NESTED", "TABLES", "VERSION"]

FORMAT = "fxviz-graph"
VERSION = 1

MOST_NESTED = 100
"""The depth to which an attribute may be nested."""

TABLES = (
    "symbols",
    "types",
    "storages",
    "values",
    "operators",
    "argument_names",
    "attributes",
    "scopes",
    "sources",
    "nodes",
)
"""The tables of a file, in the order in which they refer to each other."""
