"""The sweep over whole zoos: no operator is unknown; benchmarks/sweep_unknown.py is the same with limits and a table."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import fxviz.models
from fxviz import Facts, Flops, FxvizError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fxviz.passes.flops import FlopCounts

pytestmark = [
    pytest.mark.zoo,
    pytest.mark.filterwarnings("ignore"),  # what hundreds of other people's models warn of is theirs
]


def counts(names: Iterable[str]) -> Iterator[tuple[str, FlopCounts | FxvizError]]:
    """The counts of each model, or why it could not be traced; FXVIZ_ZOO=swin,gpt keeps the names that hold one of these."""
    wanted = os.environ.get("FXVIZ_ZOO", "").split(",")
    for name in names:
        if any(part in name for part in wanted):
            try:
                yield name, Facts(fxviz.models.trace(name))[Flops()]
            except FxvizError as error:
                yield name, error


def unknown_operators(names: Iterable[str]) -> tuple[Counter[str], list[str], int]:
    """How often each operator has no rule over all models, the models that cannot be traced, and how many can."""
    unknown: Counter[str] = Counter()
    untraced, traced = [], 0
    for name, found in counts(names):
        if isinstance(found, FxvizError):
            untraced.append(f"{name}: {found}"[:200])
        else:
            traced += 1
            unknown.update(found.unknown)
    return unknown, untraced, traced


def timm_families() -> list[str]:
    """The first model of every family."""
    timm = pytest.importorskip("timm")
    families = (timm.list_models(module=module) for module in timm.list_modules())
    return [f"timm:{models[0]}" for models in families if models]


def transformers_types() -> list[str]:
    transformers = pytest.importorskip("transformers")
    return [f"transformers:{kind}" for kind in sorted(transformers.CONFIG_MAPPING)]


def torchvision_models() -> list[str]:
    torchvision = pytest.importorskip("torchvision")
    models = torchvision.models
    return [
        f"torchvision:{name}"
        for module in (models, models.segmentation, models.video)
        for name in models.list_models(module=module)
    ]


@pytest.mark.parametrize("zoo", [timm_families, transformers_types, torchvision_models])
def test_no_operator_is_unknown(zoo: Callable[[], list[str]], record_property: Callable[[str, object], None]) -> None:
    unknown, untraced, traced = unknown_operators(zoo())
    record_property("traced", traced)
    record_property("untraced", untraced)
    assert not unknown, dict(unknown.most_common())
    assert traced
