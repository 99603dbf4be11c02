"""One HTML page a run or a submission."""
