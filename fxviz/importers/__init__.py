"""Read models that other programs wrote."""
