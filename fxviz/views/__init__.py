"""What is shown of a graph, decided once for every format."""
