"""The multiply-adds that torchvision publishes with its weights, ``_ops`` in GMACs, against fxviz, for all of them.

Each model is what torchvision's own builder makes for the weights (auxiliary heads, image size and number of classes
included), with nothing in place of the download; its input is what the transforms of the weights make of an image of
512 × 512, or of 16 such frames, as in torchvision's own script (``get_ops`` in test/common_extended_utils.py).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from fxviz import Facts, Flops, trace
from fxviz.models.zoos import construct

if TYPE_CHECKING:
    from collections.abc import Mapping

models = pytest.importorskip("torchvision").models

pytestmark = [pytest.mark.zoo, pytest.mark.filterwarnings("ignore")]  # what the builders warn of is torchvision's

SIZE = 512
FRAMES = 16

NO_PROPOSALS, NO_DETECTIONS = {"rpn_score_thresh": 1.0}, {"box_score_thresh": 1.0}
BOXES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "FasterRCNN_MobileNet_V3_Large_320_FPN_Weights.COCO_V1": NO_PROPOSALS,
        "FasterRCNN_MobileNet_V3_Large_FPN_Weights.COCO_V1": NO_PROPOSALS,
        "FasterRCNN_ResNet50_FPN_Weights.COCO_V1": NO_DETECTIONS,
        "FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1": NO_DETECTIONS,
        "KeypointRCNN_ResNet50_FPN_Weights.COCO_LEGACY": NO_DETECTIONS,
        "KeypointRCNN_ResNet50_FPN_Weights.COCO_V1": {"box_score_thresh": 0.0, "box_detections_per_img": 1},
        "MaskRCNN_ResNet50_FPN_Weights.COCO_V1": NO_DETECTIONS,
        "MaskRCNN_ResNet50_FPN_V2_Weights.COCO_V1": {"box_score_thresh": 0.0},
    }
)
"""How many boxes the second stage sees, which depends on the values of weights and of noise that nobody published.

The published counts are those of no proposal or of the 1000 that are kept at most, and of 0, 1 or the 100 detections that
are kept at most; these options and `every_box_is_kept` bring that about with any values.
"""


def module_of(weights: Any) -> str:
    return type(weights).__module__.split(".")[-2]  # "models" for classifiers


@pytest.fixture
def nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", lambda *_, **__: {})
    monkeypatch.setattr(nn.Module, "load_state_dict", lambda *_, **__: None)


@pytest.fixture
def every_box_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Suppression of overlapping boxes is a compiled operator, which a torchvision built for another torch lacks."""
    monkeypatch.setattr("torchvision.ops.boxes.nms", lambda _, scores, __: scores.argsort(descending=True))


def build(name: str, weights: Any) -> nn.Module:
    """The model of the weights; of quantised weights the floating-point one, whose multiply-adds are the same."""
    if module_of(weights) == "quantization":
        options = {"aux_logits": False} if name == "quantized_googlenet" else {}  # its weights take the heads off
        return construct(lambda: models.get_model(name, weights=None, **options)).eval()
    if module_of(weights) == "detection":  # reads values: where boxes are
        return models.get_model(name, weights=weights, **BOXES.get(str(weights), {})).eval()
    return construct(lambda: models.get_model(name, weights=weights)).eval()


def inputs(weights: Any) -> tuple[Any, ...]:
    transforms = weights.transforms()
    match module_of(weights):
        case "detection":
            return ([transforms(torch.rand(3, SIZE, SIZE))],)
        case "optical_flow":
            return transforms(torch.rand(1, 3, SIZE, SIZE), torch.rand(1, 3, SIZE, SIZE))
        case "video":
            return (transforms(torch.rand(1, FRAMES, 3, SIZE, SIZE)),)
        case _:
            return (transforms(torch.rand(1, 3, SIZE, SIZE)),)


@pytest.mark.usefixtures("nothing_is_loaded", "every_box_is_kept")
@pytest.mark.parametrize(
    ("name", "weights"),
    [
        pytest.param(name, weights, id=f"{name}-{weights.name}")
        for name in models.list_models()
        for weights in models.get_model_weights(name)
    ],
)
def test_a_model_costs_what_is_published_with_its_weights(name: str, weights: Any) -> None:
    torch.manual_seed(0)
    model = build(name, weights)
    assert sum(parameter.numel() for parameter in model.parameters()) == weights.meta["num_params"]
    counts = Facts(trace(model, inputs(weights), mode="eager" if module_of(weights) == "detection" else "auto"))[
        Flops()
    ]
    assert counts.unknown == {}
    assert f"{counts.macs / 1e9:.3f}" == f"{weights.meta['_ops']:.3f}"
