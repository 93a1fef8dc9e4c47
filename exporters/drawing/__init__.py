"""Drawings: the layout that DOT, SVG, PNG and Mermaid share."""
