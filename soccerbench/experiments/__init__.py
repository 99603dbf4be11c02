"""One experiment, trained, predicted, scored and kept; and tables of them."""
