"""The pages of notices: reading them, choosing how they come, ending their mail, and replies by mail."""
