"""Games, labels, features and predictions on disk; no torch."""
