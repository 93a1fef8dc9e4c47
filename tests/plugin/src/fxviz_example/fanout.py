"""How many operations read what an operation makes."""

from dataclasses import dataclass

from fxviz import Facts, Tally


@dataclass(frozen=True)
class Fanout:
    """Counts the readers of every node's outputs."""

    def run(self, facts: Facts) -> Tally:
        """The count by node; over a scope, its sum."""
        users = facts.graph.users
        return Tally(
            label="readers",
            amounts={node: sum(len(users.get(value, ())) for value in node.outputs) for node in facts.graph.nodes},
        )
