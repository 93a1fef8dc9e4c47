"""The analyses of fxviz, one a file: what is known of a graph beyond what was recorded."""

if __name__ != "fxviz.passes":
    raise ImportError("this folder is the package fxviz.passes; import it by that name")
