"""Answers: drafted, corrected, approved, published; their templates, and delegates of absent officials."""
