"""The embedded dataset: simulated matches with features, and simulated videos."""
