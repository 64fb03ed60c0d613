"""Departments of the town, and what each does with what is assigned to it, with accounts or without."""
