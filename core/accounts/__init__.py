"""People's accounts: verbs, passwords, sign-ins, confirmation links and throttling."""
