"""Triage: the team's queue, what it decides about each question, groups of similar ones, private cases."""
