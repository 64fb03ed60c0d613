"""Spaces and their members: verbs (`actions`), forms, pages (`views`)."""
