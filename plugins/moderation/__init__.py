"""Moderation: one queue for who decides, and what is looked at before it is published."""
