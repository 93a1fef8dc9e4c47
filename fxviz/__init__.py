"""Know a PyTorch model before you run it."""
