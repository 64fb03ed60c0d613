"""Entries: drafts and verbs (`actions`), reading (`query`), drawing (`cards`)."""
