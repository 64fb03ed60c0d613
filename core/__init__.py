"""Parvis: a citizen-participation portal for towns, and the plugin framework under it."""

from .app import create_app

__all__ = ["create_app"]
__version__ = "0.1.0"
