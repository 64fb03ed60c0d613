"""The visit itself, on a telephone and without a network: what scribes note at each stop."""
