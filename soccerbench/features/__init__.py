"""Feature files: the dataset's folder, the store that reads them, packing, checks and downloads."""
