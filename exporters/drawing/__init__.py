"""Drawings: what DOT, SVG, PNG and Mermaid share, and each of them."""
