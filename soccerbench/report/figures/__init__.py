"""Figures of the paper and of a run."""
