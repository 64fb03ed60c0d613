"""The words `parvis visits …` of the command line."""

import datetime as dt
from pathlib import Path

import click
import sqlalchemy as sa

from core import api

from .collect import streets
from .intake import imports, tables


@click.group(help="Questions and visits of the neighbourhoods.")
def visits() -> None:
    """Hold the commands below together."""


@visits.command("import-questions")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--byline", default="", help="Who is shown as having asked; else that it came before the visit."
)
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Day of the visits that are made; in 60 days."
)
@click.option(
    "--coordinator",
    "handles",
    multiple=True,
    metavar="HANDLE",
    help="Who coordinates the visits; repeatable.",
)
@click.option(
    "--channel",
    "came",
    type=click.Choice(["paper", "email", "phone", "stall", "web"]),
    default="paper",
    show_default=True,
    help="How the questions came that tell it not.",
)
def import_questions(
    file: Path, byline: str, day: dt.datetime | None, handles: tuple[str, ...], came: str
) -> None:
    """Take in the questions of a table, all or none, each once: CSV, XLSX or ODS, names of columns first."""
    held_on = day.date() if day else api.town_today() + dt.timedelta(days=60)
    table, people = tables.read(file.read_bytes()), _coordinators(handles)
    byline = byline or str(imports.BYLINE)
    columns = imports.guess(table.header)
    result = imports.take_in(table, columns, byline, held_on, people, _tell, came=came)
    for line, text in result.errors:
        click.echo(f"line {line}: {text}", err=True)
    if result.errors:
        raise api.Refused(f"nothing is imported: {len(result.errors)} errors, said above")
    if result.imported and not people:
        click.echo(
            "Nobody coordinates these visits: run it again with --coordinator HANDLE, or let an administrator"
            " take charge of them at /visits/.",
            err=True,
        )
    click.echo(str(result))


@visits.command("import-streets")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_streets(file: Path) -> None:
    """Draw the streets of a GeoJSON file on the maps, in the place of those of the file before."""
    kept, unnamed = streets.keep(file.read_bytes())
    click.echo(f"{kept} streets kept, {unnamed} of them without a name")


def _tell(done: int, most: int) -> None:
    click.echo(f"{done} of {most}", err=True)


def _coordinators(handles: tuple[str, ...]) -> list[int]:
    rows = sa.select(api.User.handle, api.User.id).where(api.User.handle.in_(handles))
    found = {row.handle: row.id for row in api.db.session.execute(rows)}
    unknown = [handle for handle in handles if handle not in found]
    if unknown:
        raise api.Refused(f"nobody is called {unknown[0]}")
    return list(found.values())
