"""The errors that fxviz raises on purpose.

Each message says what failed, where, and what to try. ``add_note`` adds context; the cause is chained.
"""

__all__ = [
    "ExportError",
    "FormatError",
    "FxvizError",
    "GraphError",
    "InputError",
    "MissingDependency",
    "PluginError",
    "TraceError",
]


class FxvizError(Exception):
    """Base of every error that fxviz raises on purpose."""


class InputError(FxvizError):
    """An argument cannot be used: a wrong type, a missing file, an unknown name, inputs that cannot be guessed."""


class TraceError(FxvizError):
    """A model could not be traced; the message has the module path and the source line, and torch's error is chained."""


class GraphError(FxvizError):
    """A graph breaks a rule of the IR; the message names the node and the value."""


class FormatError(FxvizError):
    """A file cannot be read: it is truncated, of another format, or written by a newer version."""


class ExportError(FxvizError):
    """A view cannot be written in a format: it is too large, or the program that renders it failed."""


class PluginError(FxvizError):
    """A plugin cannot be loaded, or two distributions claim one name."""


class MissingDependency(FxvizError):  # noqa: N818 -- it names what is missing, not a kind of failure
    """An optional package or program is not installed; the message carries the command that installs it."""
