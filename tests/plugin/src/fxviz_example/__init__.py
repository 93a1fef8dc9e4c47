"""A plugin of fxviz: what a package outside of fxviz has to do to offer an analysis, a format, a rule, a zoo and a command."""
