"""Takes in questions from a table: all or nothing, each row once; what is missing is flagged, not made up."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import gettext as _
from core.api import lazy_gettext

from .. import actions, teams
from ..collect.actions import RECORDED
from ..models import Casework, Department, Question, Visit
from .tables import Table

FIELDS = {
    "key": ("identifiant", "id", "reference", "ref"),
    "title": ("titre", "title", "question", "objet"),
    "body": ("texte", "description", "body", "detail"),
    "theme": ("thematique", "theme"),
    "place": ("adresse", "address", "lieu", "place"),
    "visit": ("visite", "visit", "arrondissement", "quartier", "district"),
    "department": ("direction", "service", "department"),
    "channel": ("canal", "channel"),
    "asked_on": ("date", "recue", "recu", "received"),
}
LABELS = {
    "title": lazy_gettext("Question"),
    "visit": lazy_gettext("Visit, district or neighbourhood"),
    "body": lazy_gettext("Say more"),
    "place": lazy_gettext("Address"),
    "theme": lazy_gettext("Theme"),
    "department": lazy_gettext("Department"),
    "channel": lazy_gettext("How it came"),
    "asked_on": lazy_gettext("Day on which it came"),
    "key": lazy_gettext("Identifier, by which a row is known again"),
}
CHANNELS = {
    **dict.fromkeys(("courriel", "mail", "email", "e-mail"), "email"),
    **dict.fromkeys(("telephone", "phone"), "phone"),
    **dict.fromkeys(("papier", "courrier", "paper"), "paper"),
    **dict.fromkeys(("stand", "stall"), "stall"),
    **dict.fromkeys(("site", "web", "internet", "en ligne", "online"), "web"),
}
BYLINE = lazy_gettext("Question received before the visit")  # as who asked, where a file says nobody
NEEDED = ("title", "visit")
TAKES = ("draft", "announced", *RECORDED)  # states of a visit into which questions are taken
MISSING = ("", "non registre", "non renseigne", "n/a")
MOST = {"title": 200, "body": 5000, "theme": 80, "place": 200, "visit": 120, "department": 120}
CODE = 40  # characters of the code of a visit that a file makes


@dataclass(frozen=True)
class Row:
    """One question of a table, by field, with its line and its key."""

    line: int
    key: str
    said: Mapping[str, str]

    @property
    def flags(self) -> str:
        """What it lacks of what a question should have, or says in no word that is known."""
        lacking = [name for name in ("title", "place") if not self.said.get(name)]
        return " ".join([*lacking, *(["channel"] if self.channel is None else [])])

    @property
    def channel(self) -> str | None:
        """How it came, "" where it does not tell, None where that is in no word that is known."""
        said = api.fold(self.said.get("channel", ""))
        return CHANNELS.get(said) if said else ""


@dataclass
class Result:
    """What an import did, or why it did nothing: errors with their lines."""

    imported: int = 0
    already: int = 0
    flagged: int = 0
    errors: list[tuple[int, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.imported} imported, {self.already} already there, {self.flagged} flagged"


def guess(header: Iterable[str]) -> dict[str, int]:
    """Which column holds which field, as far as the names of the columns tell."""
    names = [api.fold(name) for name in header]
    found: dict[str, int] = {}
    for name, words in FIELDS.items():
        fits = (
            at
            for word in words
            for at, column in enumerate(names)
            if word in column.replace("_", " ").split()
        )
        at = next((at for at in fits if at not in found.values()), None)
        if at is not None:
            found[name] = at
    return found


def rows_of(table: Table, columns: Mapping[str, int]) -> tuple[list[Row], list[tuple[int, str]]]:
    """The questions of a table, and what is wrong with which line."""
    lacking = [str(LABELS[name]) for name in NEEDED if name not in columns]
    if lacking:
        raise api.Refused(_("No column is chosen for: %(names)s", names=" · ".join(lacking)))
    rows: list[Row] = []
    errors: list[tuple[int, str]] = []
    lines: dict[str, int] = {}
    for line, cells in table.rows:
        if len(cells) != len(table.header):
            found = _("%(found)s cells instead of %(wanted)s", found=len(cells), wanted=len(table.header))
            errors.append((line, found))
            continue
        said = {name: _known(cells[at]) for name, at in columns.items()}
        errors += [
            (
                line,
                _("%(name)s has more than %(most)s characters", name=table.header[columns[name]], most=most),
            )
            for name, most in MOST.items()
            if len(said.get(name, "")) > most
        ]
        if said.get("asked_on") and _day(said["asked_on"]) is None:
            errors.append((line, _("%(text)s is no date that has been", text=said["asked_on"][:20])))
        if not said["visit"]:
            errors.append((line, _("it says of no visit")))
        key = _key(table, columns, cells)
        if key in lines:
            errors.append((line, _("it is the same as line %(line)s", line=lines[key])))
        lines[key] = line
        rows.append(Row(line, key, said))
    return rows, errors


def take_in(
    table: Table,
    columns: Mapping[str, int],
    byline: str,
    day: dt.date,
    coordinators: Iterable[int] = (),
    progress: Callable[[int, int], None] | None = None,
    came: str = "paper",
    giver: int | None = None,
) -> Result:
    """Take in the questions of a table, in one write; a row that was taken in before is left as it is.

    `came` is the channel of the rows that tell none. `coordinators` are put on visits that have no team yet.
    A `giver` adds to visits on whose team they are; None is the command line's, which adds to all.
    """
    with api.write():
        rows, errors = checked(table, columns, giver)
        result = Result(errors=errors)
        if errors:
            return result
        known = taken_in()
        visits = _visits(rows, day, list(coordinators), giver)
        departments = _departments(rows)
        for number, row in enumerate(rows, 1):
            result.flagged += bool(row.flags)
            if row.key in known:
                result.already += 1
            else:
                department_id = departments.get(row.said.get("department", ""))
                _ask(row, visits[row.said["visit"]], department_id, byline, came)
                result.imported += 1
            if progress is not None and (number % 100 == 0 or number == len(rows)):
                progress(number, len(rows))
    return result


def checked(
    table: Table, columns: Mapping[str, int], giver: int | None
) -> tuple[list[Row], list[tuple[int, str]]]:
    """The questions of a table that `giver` takes in, and what is wrong with which line."""
    rows, errors = rows_of(table, columns)
    return rows, errors or _not_taken(rows, giver)


def _not_taken(rows: list[Row], giver: int | None) -> list[tuple[int, str]]:
    """Which lines would be added to a visit that takes no questions now, or on whose team `giver` is not."""
    known, there = taken_in(), meant(rows, giver)
    errors = []
    for row in rows:
        said, found = row.said["visit"], there[row.said["visit"]]
        if row.key in known:
            continue
        if not found and len(said) > CODE:
            told = _("no visit is called %(visit)s, which is too long for a new one", visit=said)
        elif len(found) > 1:
            told = _("several visits are called %(visit)s: give one of them another name", visit=said)
        elif found and not found[0].given:
            told = _("you are not on the team of the visit %(visit)s: ask it to add you", visit=said)
        elif found and found[0].state not in TAKES:
            told = _("the visit %(visit)s takes no questions now", visit=said)
        else:
            continue
        errors.append((row.line, told))
    return errors


def meant(rows: Iterable[Row], giver: int | None) -> dict[str, list[Any]]:
    """The visits that each word for one means: that of this code, else those called so where `giver` is in.

    Of several of a name, those that take questions; none where one would be made. Each tells with `given`
    whether `giver` adds to it.
    """
    managed = sa.true() if giver is None else Visit.space_id.in_(teams.managed_by(giver))
    stands = sa.select(Visit.code, Visit.space_id, Visit.state, api.Space.name, managed.label("given"))
    stands = stands.join(api.Space, api.Space.id == Visit.space_id).order_by(Visit.space_id)
    coded: dict[str, list[Any]] = {}
    named: dict[str, list[Any]] = {}
    with api.as_system("the visits that a file names need not be announced"):
        for one in api.db.session.execute(stands):
            if one.code:
                coded[one.code] = [one]
            if one.given:
                named.setdefault(api.fold(one.name), []).append(one)
    named = {name: [one for one in some if one.state in TAKES] or some[-1:] for name, some in named.items()}
    words = {row.said["visit"] for row in rows}
    return {word: coded.get(word) or named.get(api.fold(word), []) for word in words}


def taken_in() -> set[str | None]:
    """The keys of the rows that are there already, by which they are known again."""
    keys = sa.select(Casework.import_key).where(Casework.import_key.is_not(None))
    with api.as_system("rows are known again in any visit"):
        return set(api.db.session.scalars(keys))


def _known(cell: str) -> str:
    """What a cell says; nothing where it says that it says nothing."""
    return "" if api.fold(cell) in MISSING else cell


def _day(text: str) -> dt.datetime | None:
    """The noon of a day that has been: 2026-03-12, or 12/03/2026."""
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            noon = dt.datetime.strptime(text[:10], form).replace(hour=12, tzinfo=api.town_zone())
        except ValueError:
            continue
        return min(noon, api.now()) if noon.date() <= api.town_today() and noon.year > 1900 else None
    return None


def _key(table: Table, columns: Mapping[str, int], cells: tuple[str, ...]) -> str:
    """By what a row is known again: its own key, or else all that it says."""
    own = cells[columns["key"]] if "key" in columns else ""
    said = (table.header[columns["key"]], own) if own else cells
    return hashlib.sha256("\0".join(said).encode()).hexdigest()


def to_make(rows: Iterable[Row], giver: int | None) -> tuple[list[str], list[str]]:
    """The codes of the visits, and the names of the departments, that these questions would have made."""
    codes, names = ({row.said.get(what, ""): None for row in rows} for what in ("visit", "department"))
    there = meant(rows, giver)
    folded = {api.fold(name)[:120]: name for name in names if name}
    known = set(
        api.db.session.scalars(sa.select(Department.folded).where(Department.folded.in_(list(folded))))
    )
    made = [name for key, name in folded.items() if key not in known]
    return [code for code in codes if not there[code]], made


def _visits(
    rows: list[Row], day: dt.date, coordinators: list[int], giver: int | None
) -> dict[str, api.Space]:
    """The space of the visit that each word means; where there is none yet, one that is not announced.

    A visit just made gets these `coordinators`; of the command line, another that nobody coordinates as well.
    """
    there = meant(rows, giver)
    found: dict[str, api.Space] = {}
    for code in dict.fromkeys(row.said["visit"] for row in rows):
        made = not there[code]
        if made:
            found[code] = actions.draft_visit(_("Visit %(code)s", code=code), code, day)
        else:
            found[code] = api.get_or_404(api.Space, there[code][0].space_id)
        alone = made or (giver is None and not teams.who_coordinates(found[code].id))
        for person in coordinators if alone else ():
            api.set_members(found[code], f"{actions.IMPORTED}{person}", {person: "coordinator"})
    return found


def _departments(rows: list[Row]) -> dict[str, int]:
    """The id of the department of each name, made where there is none yet."""
    names = dict.fromkeys(row.said["department"] for row in rows if row.said.get("department"))
    found = {}
    for name in names:
        folded = api.fold(name)[:120]
        api.insert_once(Department, name=name, folded=folded, mailbox="", days_to_answer=30)
        found[name] = api.db.session.scalars(
            sa.select(Department.id).where(Department.folded == folded)
        ).one()
    return found


def _ask(row: Row, space: api.Space, department_id: int | None, byline: str, came: str) -> None:
    said = row.said
    title = said["title"] or _("No title")
    body = said.get("body", "")
    entry, details = actions.take_as_it_is(
        space,
        body,
        title=title,
        kind="visits.question",
        channel=row.channel or came,
        byline=byline,
        author_id=None,
        at=_day(said.get("asked_on", "")) or api.now(),  # who takes a file in hears of it once, as a whole
    )
    theme, place = said.get("theme", ""), said.get("place", "")
    api.db.session.add(Question(entry_id=entry.id, theme=theme, place=place))
    api.db.session.add(
        Casework(
            entry_id=entry.id,
            space_id=space.id,
            department_id=department_id,
            flags=f"{row.flags} {details}".strip(),
            import_key=row.key,
        )
    )
