"""What an operator of ours costs; `fxviz.Flops` finds it without being told."""

from fxviz import Kernel, RuleTable
from fxviz.passes.rules.cost import Cost, FlopRule

rules: RuleTable[FlopRule] = RuleTable()


@rules("fxviz_example.cube")
def _cube(kernel: Kernel) -> Cost | None:
    """x·x·x: two multiplications for each element."""
    type = kernel.outputs[0].type
    return Cost(pointwise=2 * type.numel) if type else None
