"""Pages of spaces and their members."""
