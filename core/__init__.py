"""Parvis: a citizen-participation portal for towns, and the plugin framework under it."""

import gc

gc.disable()  # what is imported stays: looking for garbage among it would only delay the start

from .app import create_app  # noqa: E402

gc.freeze()
gc.enable()

__all__ = ["create_app"]
__version__ = "0.3.0"
