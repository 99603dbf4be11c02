"""Scores from arrays: average-mAP, average-AP, confidence intervals, and the signature that describes a score."""
