"""Export files: one writer for each format, over the same rows."""
