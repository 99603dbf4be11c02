"""What a task samples, minimises, predicts and cleans up."""
