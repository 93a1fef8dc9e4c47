"""Pages about a whole model: its graph, its parameters, its memory, and its training as far as it is."""
