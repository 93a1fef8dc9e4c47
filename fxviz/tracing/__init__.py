"""Tracing: from a PyTorch model to a `fxviz.ir.Graph`. An older torch than the oldest tested one is refused on import."""

import torch

from fxviz.tracing.versions import check_torch

check_torch(torch.__version__)  # before the imports below, which may not succeed on an older one

from fxviz.tracing.api import Mode, trace  # noqa: E402
from fxviz.tracing.autograd import trace_autograd  # noqa: E402
from fxviz.tracing.training import trace_training  # noqa: E402

__all__ = ["Mode", "trace", "trace_autograd", "trace_training"]
