"""`parvis plugins …`: list, show, enable, disable, make and purge plugins from the command line."""

import click


@click.group()
def plugins() -> None:
    """List, show, switch, make and purge plugins."""
