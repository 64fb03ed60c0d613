"""Notices: who is told of what, how each person wants to hear it, and the letters that leave."""
