"""Video models slid over matches: one row of features a second."""
