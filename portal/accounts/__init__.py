"""Pages of people's accounts: signing up and in, confirmation links, one's own settings."""
