"""Numbers and names as people read them, in every format."""
