"""Record how a model trains."""

from fxviz.training.recording.session import Recorder, watch

__all__ = ["Recorder", "watch"]
