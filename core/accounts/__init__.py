"""People's accounts: passwords, sign-ins, confirmation links, throttling and one's own settings."""
