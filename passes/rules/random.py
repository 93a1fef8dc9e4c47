"""Random numbers: 1 FLOP for each that is drawn, whatever the generator and the distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fxviz.analysis.ops import Operators
from fxviz.analysis.standard import Operation, Standard
from fxviz.passes.rules.cost import FREE, Cost, numel, per_output
from fxviz.passes.rules.traffic import overwrites

if TYPE_CHECKING:
    from fxviz.ir import Kernel

__all__ = ["operators"]

operators = Operators("random")

operators.declare("normal uniform bernoulli random exponential", per_output(1), traffic_in_place=overwrites)
operators.declare(
    """
    rand rand_like randn randn_like randint randint_like randperm log_normal normal_functional
    binomial poisson geometric cauchy multinomial
    _standard_gamma _sample_dirichlet _philox_normal _philox_uniform
    """,
    per_output(1),
)
operators.declare("native_dropout_backward _masked_scale", per_output(2))  # mask, scale


@operators("aten.native_dropout", "aten._fused_dropout")
def _dropout(kernel: Kernel) -> Cost:
    """Draw, compare, mask, scale: 4 per element in training; nothing in evaluation."""
    return FREE if kernel.attributes.get("train") is False else Cost(pointwise=4 * numel(kernel.outputs[0]))


# As authors write them ------------------------------------------------------------------------------------------------


def _write_dropout(node: Operation) -> Standard | None:
    # Without its optional inputs, ONNX's is for inference, and drops nothing.
    return Standard("Dropout", node.inputs, node.outputs) if node.attributes.get("training") is False else None


operators.declare("dropout dropout1d dropout2d dropout3d", library="", onnx=_write_dropout)
operators.declare("alpha_dropout feature_alpha_dropout feature_dropout stochastic_depth", library="")
