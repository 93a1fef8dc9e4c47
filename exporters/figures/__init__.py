"""Plots of numbers: memory over time, sweeps."""
