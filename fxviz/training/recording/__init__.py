"""Watching a model train: the only part of `fxviz.training` that needs torch."""

from fxviz.training.recording.session import Recorder, watch

__all__ = ["Recorder", "watch"]
