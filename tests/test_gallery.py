"""The gallery is fresh: what docs/make_gallery.py makes now is what docs/gallery/ holds.

Pictures and pages of the viewer are laid out by Graphviz, whose versions differ; the Mermaid source holds the same boxes.
"""

from __future__ import annotations

import os
import warnings

import make_gallery
import pytest
from make_gallery import FOLDER, GALLERY, Picture

import fxviz
from fxviz import Facts

QUICK = {"resnet50", "gpt2"}


@pytest.mark.parametrize(
    "picture",
    [pytest.param(p, marks=[] if p.stem in QUICK else pytest.mark.zoo, id=p.stem) for p in GALLERY],
)
def test_a_picture_is_what_its_model_gives_now(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    if picture.stem == "unet":
        pytest.importorskip("segmentation_models_pytorch", reason="it comes with the extra docs")
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the zoos
        facts = Facts(picture.graph())
    old = f"run python docs/make_gallery.py {picture.stem}"
    assert fxviz.render(facts, "mermaid") == (FOLDER / f"{picture.stem}.mmd").read_text(encoding="utf-8"), old
    assert make_gallery.numbers(facts) == (FOLDER / f"{picture.stem}.txt").read_text(encoding="utf-8"), old


def test_the_page_shows_every_picture() -> None:
    assert (FOLDER.parent / "gallery.md").read_text(encoding="utf-8") == make_gallery.page()
    stems = {path.name.partition(".")[0] for path in FOLDER.iterdir()}
    assert stems == {picture.stem for picture in GALLERY}
