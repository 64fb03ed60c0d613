"""Preparing a visit: the first screen of its officials, questions by theme, what is delicate about them."""
