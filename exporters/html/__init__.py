"""One offline page with a viewer."""
