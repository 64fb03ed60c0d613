"""Spaces and their members: verbs (`actions`) and what pages show of them (`reads`)."""
