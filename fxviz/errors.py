"""The errors that fxviz raises on purpose.

Each message says what failed, where, and what to try. Context is added with ``add_note``; the cause is chained.
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
    """What the caller gave cannot be used: a wrong type, a missing file, an unknown name, inputs that nobody can guess."""


class TraceError(FxvizError):
    """A model could not be traced: says the module path and source line at which it stopped; torch's own words are chained."""


class GraphError(FxvizError):
    """A graph breaks a rule of the IR; the message names the node and the value."""


class FormatError(FxvizError):
    """A file is not what it claims to be: truncated, of another format, or written by a newer version."""


class ExportError(FxvizError):
    """A view cannot be written in the format asked for: it is too large for it, or the program that renders it failed."""


class PluginError(FxvizError):
    """A plugin cannot be loaded, or two distributions claim one name."""


class MissingDependency(FxvizError):  # noqa: N818 -- it names what is missing, not a kind of failure
    """An optional package or program is not installed; the message carries the command that installs it."""
