"""Turning floating point into integers and back."""

from __future__ import annotations

from fxviz.passes.rules.cost import FlopRule, per_input
from fxviz.rules import RuleTable

__all__ = ["flops_rules"]

_QUANTIZE = 5  # scale, round, shift, and two comparisons
_DEQUANTIZE = 2  # shift, scale
_FAKE = _QUANTIZE + _DEQUANTIZE + 2  # there and back, and whether it was inside the range

_OPS = {
    **dict.fromkeys(("quantize_per_tensor", "quantize_per_channel"), _QUANTIZE),
    "quantize_per_tensor_dynamic": _QUANTIZE + 2,  # least and largest first
    "dequantize": _DEQUANTIZE,
    "fake_quantize_per_tensor_affine_cachemask": _FAKE,
    "fake_quantize_per_channel_affine_cachemask": _FAKE,
    "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams": _FAKE,
    "_fake_quantize_learnable_per_tensor_affine": _FAKE - 2,
    "_fake_quantize_learnable_per_channel_affine": _FAKE - 2,
    "_fused_moving_avg_obs_fq_helper": _FAKE + 2,  # least and largest first
    "_choose_qparams_per_tensor": 2,
    "fake_quantize_per_tensor_affine_cachemask_backward": 1,  # dy, or 0 outside of the range
    "fake_quantize_per_channel_affine_cachemask_backward": 1,
    # dy inside of the range; of the scale, Σ dy · (x′ − x) / scale; of the zero point, Σ dy outside
    "_fake_quantize_learnable_per_tensor_affine_backward": _FAKE + 5,
    "_fake_quantize_learnable_per_channel_affine_backward": _FAKE + 5,
}

flops_rules: RuleTable[FlopRule] = RuleTable({f"aten.{op}": per_input(flops) for op, flops in _OPS.items()})
