"""Taking in questions from a file that somebody hands over: read, matched, looked at, taken in whole."""
