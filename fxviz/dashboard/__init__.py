"""Pages about a whole model: its graph, its parameters, its memory and its training."""
