"""Every operator that fxviz knows, one family a file, each with its records in ``operators`` (see `fxviz.analysis.ops`)."""
