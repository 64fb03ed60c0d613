"""The page of the search, and the suggestions while one types."""
