"""Watching a model train: the only part of `fxviz.runs` that needs torch."""

from fxviz.runs.recording.session import Recorder, watch

__all__ = ["Recorder", "watch"]
