"""The plugins that ship with Parvis, each a package of its own that uses `core.api` alone."""
