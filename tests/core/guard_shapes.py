"""Ways to read or change rows around the read guard, as a plugin's author might write in haste or in error.

Each shape takes a session and the scene of `test_guard.py`. A reading answers what it saw; with the guard
taken out, each of them sees the canary, or changes the row that the viewer may not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import (
    Bundle,
    Mapped,
    aliased,
    joinedload,
    make_transient_to_detached,
    mapped_column,
    relationship,
    selectinload,
    subqueryload,
)
from sqlalchemy.sql.elements import quoted_name

from core.access import Public
from core.db import Base
from core.models import Area, Entry, User
from core.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

CANARY = "zibelinette"
TABLE = Entry.__table__


class Shelf(Public, Base):
    """A public row that quotes an entry: a model with relationships, which the core has not."""

    __tablename__ = "shape_shelf"
    id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int | None] = mapped_column(sa.ForeignKey("core_entry.id", ondelete="SET NULL"))
    entry: Mapped[Entry | None] = relationship(viewonly=True)
    entries: Mapped[list[Entry]] = relationship(
        viewonly=True, primaryjoin="foreign(Entry.support_count) == Shelf.id"
    )


@dataclass(frozen=True)
class Scene:
    """A public and a hidden entry, and who may read which."""

    space: int
    public: int
    hidden: int
    stranger: int
    member: int


class Prepares:
    """Answers the ways to read as a session does, by prepared statements."""

    def execute(self, statement: Any) -> Rows:
        """Every row."""
        return Rows(Prepared(statement)())

    def scalars(self, statement: Any) -> Rows:
        """The first column of each row; a row that stands for an entity is left whole."""
        whole = any(isinstance(one["type"], type) for one in getattr(statement, "column_descriptions", ()))
        return Rows(row if whole else row[0] for row in self.execute(statement))

    def scalar(self, statement: Any) -> Any:
        """The first column of the first row."""
        return next(iter(self.scalars(statement)), None)


class Rows(list[Any]):
    """Rows as a session gives them."""

    def all(self) -> list[Any]:
        """Every row."""
        return list(self)


Shape = "Callable[[Session, Scene], Any]"
READS: dict[str, Any] = {}
WRITES: dict[str, Any] = {}


def reads(name: str) -> Callable[[Any], Any]:
    """Register a way to read."""
    return lambda shape: READS.setdefault(name, shape)


def writes(name: str) -> Callable[[Any], Any]:
    """Register a way to change rows."""
    return lambda shape: WRITES.setdefault(name, shape)


def said(yes: Any) -> str:
    """What a question with yes or no tells: the canary when the answer depends on the hidden row."""
    return CANARY if yes else ""


SECRET = "(SELECT max(body) FROM core_entry)"


def bare(name: str) -> quoted_name:
    """Return a name that SQLAlchemy is told to write as it is."""
    return quoted_name(name, quote=False)


class Nasty(sa.types.UserDefinedType[str]):
    """A type whose name holds a query."""

    cache_ok = True

    def get_col_spec(self, **_kw: Any) -> str:
        """Return what is written into a CAST."""
        return f"TEXT) || {SECRET} || CAST('' AS TEXT"


secret = Entry.body == CANARY
one = sa.literal_column("1")

READS |= {
    "entity": lambda s, _: [entry.body for entry in s.scalars(sa.select(Entry))],
    "column": lambda s, _: s.scalars(sa.select(Entry.body)).all(),
    "expression": lambda s, _: s.scalars(sa.select(sa.func.upper(Entry.body).label("b"))).all(),
    "bundle": lambda s, _: s.execute(sa.select(Bundle("entry", Entry.id, Entry.body))).all(),
    "aggregate": lambda s, _: s.scalar(sa.select(sa.func.aggregate_strings(Entry.body, " "))),
    "count": lambda s, _: said(s.scalar(sa.select(sa.func.count()).select_from(Entry)) > 1),
    "count of a subquery": lambda s, _: said(
        s.scalar(sa.select(sa.func.count()).select_from(sa.select(Entry).subquery())) > 1
    ),
    "get": lambda s, scene: getattr(s.get(Entry, scene.hidden), "body", None),
    "query": lambda s, _: [entry.body for entry in s.query(Entry)],
    "query count": lambda s, _: said(s.query(Entry).count() > 1),
    "query exists": lambda s, _: said(s.query(s.query(Entry).filter(secret).exists()).scalar()),
    "alias": lambda s, _: s.scalars(sa.select(aliased(Entry).body)).all(),
    "alias of a subquery": lambda s, _: [
        entry.body for entry in s.scalars(sa.select(aliased(Entry, sa.select(Entry).subquery())))
    ],
    "alias of a Core subquery": lambda s, _: [
        entry.body for entry in s.scalars(sa.select(aliased(Entry, sa.select(TABLE).subquery())))
    ],
    "join": lambda s, _: s.execute(
        sa.select(User.name, Entry.body).join(Entry, Entry.author_id == User.id)
    ).all(),
    "outer join": lambda s, _: s.execute(
        sa.select(User.name, Entry.body).outerjoin(Entry, Entry.author_id == User.id)
    ).all(),
    "comma join": lambda s, _: s.execute(
        sa.select(User.name, Entry.body).where(Entry.author_id == User.id)
    ).all(),
    "subquery": lambda s, _: s.execute(sa.select(sa.select(Entry.body).subquery())).all(),
    "common table expression": lambda s, _: s.execute(sa.select(sa.select(Entry.body).cte())).all(),
    "recursive expression": lambda s, _: s.execute(
        sa.select(sa.select(Entry.body).cte(recursive=True))
    ).all(),
    "exists of a select": lambda s, _: said(s.scalar(sa.select(sa.select(Entry.id).where(secret).exists()))),
    "bare exists": lambda s, _: said(s.scalar(sa.select(sa.exists().where(secret)))),
    "exists beside a model": lambda s, _: said(
        s.scalars(sa.select(User.name).where(sa.exists().where(secret))).all()
    ),
    "exists with or": lambda s, _: said(
        s.scalars(
            sa.select(User.name).where(sa.select(one).where(sa.or_(secret, Entry.id < 0)).exists())
        ).all()
    ),
    "literal where": lambda s, _: said(s.scalar(sa.select(sa.literal(1)).where(secret))),
    "in a subquery": lambda s, _: said(
        s.scalars(sa.select(User.id).where(User.id.in_(sa.select(Entry.author_id).where(secret)))).all()
    ),
    "scalar subquery": lambda s, scene: s.scalar(
        sa.select(sa.select(Entry.body).where(Entry.id == scene.hidden).scalar_subquery())
    ),
    "correlated subquery": lambda s, _: s.scalars(
        sa.select(
            sa.select(sa.func.max(Entry.body)).where(Entry.author_id == User.id, secret).scalar_subquery()
        ).select_from(User)
    ).all(),
    "order by": lambda s, _: said(
        s.scalars(
            sa.select(Area.id).order_by(
                sa.select(sa.func.count(Entry.id)).where(Entry.author_id == Area.id, secret).scalar_subquery()
            )
        ).all()[-1]
        == 1
    ),
    "union": lambda s, _: s.execute(
        sa.union_all(sa.select(Entry.body), sa.select(Entry.body).where(Entry.id < 0))
    ).all(),
    "from_statement of a union": lambda s, _: [
        entry.body
        for entry in s.scalars(
            sa.select(Entry).from_statement(
                sa.union_all(sa.select(Entry), sa.select(Entry).where(Entry.id < 0))
            )
        )
    ],
    "from_statement of Core": lambda s, _: [
        entry.body for entry in s.scalars(sa.select(Entry).from_statement(sa.select(TABLE)))
    ],
    "from_statement of text": lambda s, _: [
        entry.body
        for entry in s.scalars(sa.select(Entry).from_statement(sa.text("SELECT * FROM core_entry")))
    ],
    "from_statement of text, as a public model": lambda s, _: [
        user.name
        for user in s.scalars(
            sa.select(User).from_statement(sa.text("SELECT id, body AS name FROM core_entry"))
        )
    ],
    "lazy to one": lambda s, _: [getattr(row.entry, "body", "") for row in s.scalars(sa.select(Shelf))],
    "lazy to many": lambda s, _: [[e.body for e in row.entries] for row in s.scalars(sa.select(Shelf))],
    "any": lambda s, _: said(s.scalars(sa.select(Shelf.id).where(Shelf.entries.any(secret))).all()),
    "has": lambda s, _: said(s.scalars(sa.select(Shelf.id).where(Shelf.entry.has(secret))).all()),
    "join by relationship": lambda s, _: s.scalars(
        sa.select(Entry.body).select_from(Shelf).join(Shelf.entry)
    ).all(),
    "text": lambda s, _: s.execute(sa.text("SELECT body FROM core_entry")).all(),
    "text in a where": lambda s, _: said(
        s.scalars(
            sa.select(User.id).where(sa.text(f"EXISTS (SELECT 1 FROM core_entry WHERE body = '{CANARY}')"))
        ).all()
    ),
    "text in a column": lambda s, _: s.execute(
        sa.select(User.id, sa.literal_column("(SELECT max(body) FROM core_entry)"))
    ).all(),
    "text in an order": lambda s, _: said(
        s.scalars(
            sa.select(Area.id).order_by(
                sa.text(
                    f"(SELECT count(*) FROM core_entry WHERE body = '{CANARY}' AND author_id = core_area.id)"
                )
            )
        ).all()[-1]
        == 1
    ),
    "Core table": lambda s, _: s.execute(sa.select(TABLE.c.body)).all(),
    "Core table beside a model": lambda s, _: s.execute(
        sa.select(User.name, TABLE.c.body).join(TABLE, TABLE.c.author_id == User.id)
    ).all(),
    "Core alias beside its model": lambda s, _: s.execute(
        (lambda other: sa.select(Entry.id, other.c.body).join(other, other.c.id != Entry.id))(TABLE.alias())
    ).all(),
    "Core subquery beside a model": lambda s, _: s.execute(
        sa.select(User.id, sa.select(sa.func.max(TABLE.c.body)).scalar_subquery())
    ).all(),
    "light table beside a model": lambda s, _: s.execute(
        sa.select(
            User.id,
            sa.select(sa.func.max(sa.table("core_entry", sa.column("body")).c.body)).scalar_subquery(),
        )
    ).all(),
    "operator": lambda s, _: said(
        s.scalars(
            sa.select(User.id).where(sa.literal(CANARY).op("IN (SELECT body FROM core_entry) AND 1 =")(1))
        ).all()
    ),
    "operator beside its model": lambda s, _: said(
        s.scalars(
            sa.select(Entry.id).where(
                sa.literal(CANARY).bool_op("IN (SELECT body FROM core_entry) AND 0 <")(Entry.id)
            )
        ).all()
    ),
    "unquoted name": lambda s, _: s.execute(sa.select(User.id, sa.column(bare(SECRET)))).all(),
    "type": lambda s, _: s.execute(sa.select(sa.cast(User.id, Nasty()))).all(),
    "suffix": lambda s, _: s.execute(
        sa.select(User.name).suffix_with("UNION ALL SELECT body FROM core_entry")
    ).all(),
    "hint": lambda s, _: s.execute(
        sa.select(User.name).with_statement_hint("UNION ALL SELECT body FROM core_entry")
    ).all(),
    "one by key": lambda s, scene: s.get_one(Entry, scene.hidden).body,
    "held for a change": lambda s, _: s.scalars(sa.select(Entry.body).with_for_update(of=Entry)).all(),
    "connection": lambda s, _: s.connection().execute(sa.select(Entry.body)).all(),
    "driver": lambda s, _: s.connection().exec_driver_sql("SELECT body FROM core_entry").all(),
}


for _load in (joinedload, selectinload, subqueryload):
    READS[f"{_load.__name__} to one"] = lambda s, _, load=_load: [
        getattr(row.entry, "body", "")
        for row in s.scalars(sa.select(Shelf).options(load(Shelf.entry))).unique()
    ]
    READS[f"{_load.__name__} to many"] = lambda s, _, load=_load: [
        [entry.body for entry in row.entries]
        for row in s.scalars(sa.select(Shelf).options(load(Shelf.entries))).unique()
    ]


@reads("merge")
def _merge(s: Session, scene: Scene) -> Any:
    with s.no_autoflush:
        return s.merge(Entry(id=scene.hidden)).body


@reads("said to be in the database")
def _said_to_be_there(s: Session, scene: Scene) -> Any:
    entry = Entry(id=scene.hidden)
    make_transient_to_detached(entry)
    s.add(entry)
    return entry.body


@reads("merged without a look")
def _merge_unseen(s: Session, scene: Scene) -> Any:
    entry = Entry(id=scene.hidden)
    make_transient_to_detached(entry)
    return s.merge(entry, load=False).body


@writes("update")
def _update(s: Session, _: Scene) -> Any:
    s.execute(sa.update(Entry).values(body="overwritten"))


@writes("update without synchronisation")
def _update_unsynchronised(s: Session, _: Scene) -> Any:
    s.execute(sa.update(Entry).values(body="overwritten").execution_options(synchronize_session=False))


@writes("update returning")
def _update_returning(s: Session, _: Scene) -> Any:
    return s.execute(sa.update(Entry).values(lang="xx").returning(Entry.body)).all()


@writes("update rowcount")
def _update_rowcount(s: Session, _: Scene) -> Any:
    return said(s.execute(sa.update(Entry).where(secret).values(lang="xx")).rowcount)


@writes("update by a list of keys")
def _update_by_keys(s: Session, scene: Scene) -> Any:
    s.execute(sa.update(Entry), [{"id": scene.hidden, "body": "overwritten", "version": 1}])


@writes("update from another table")
def _update_from(s: Session, scene: Scene) -> Any:
    changed = sa.update(User).values(about=Entry.body).where(User.id == Entry.author_id, secret)
    s.execute(changed.execution_options(synchronize_session=False))
    return s.scalars(sa.select(User.about)).all()


@writes("update with a subquery")
def _update_subquery(s: Session, _: Scene) -> Any:
    found = sa.select(sa.func.max(Entry.body)).where(secret).scalar_subquery()
    s.execute(sa.update(User).values(about=sa.func.coalesce(found, "")))
    return s.scalars(sa.select(User.about)).all()


@writes("update with an operator")
def _update_operator(s: Session, _: Scene) -> Any:
    named = sa.literal("").op(f"|| coalesce({SECRET}, '') ||")("")
    s.execute(sa.update(User).values(about=named).execution_options(synchronize_session=False))
    return s.scalars(sa.select(User.about)).all()


@writes("query update")
def _query_update(s: Session, _: Scene) -> Any:
    s.query(Entry).update({"body": "overwritten"})


@writes("bulk update")
def _bulk_update(s: Session, scene: Scene) -> Any:
    s.bulk_update_mappings(Entry, [{"id": scene.hidden, "body": "overwritten", "version": 1}])


@writes("Core update")
def _core_update(s: Session, _: Scene) -> Any:
    s.execute(sa.update(TABLE).values(body="overwritten"))


@writes("text update")
def _text_update(s: Session, _: Scene) -> Any:
    s.execute(sa.text("UPDATE core_entry SET body = 'overwritten'"))


@writes("delete")
def _delete(s: Session, _: Scene) -> Any:
    s.execute(sa.delete(Entry))


@writes("delete returning")
def _delete_returning(s: Session, _: Scene) -> Any:
    return s.execute(sa.delete(Entry).returning(Entry.body)).all()


@writes("delete where another table")
def _delete_using(s: Session, _: Scene) -> Any:
    found = sa.delete(Shelf).where(sa.select(Entry.id).where(secret).exists())
    return said(s.execute(found.execution_options(synchronize_session=False)).rowcount)


@writes("Core delete")
def _core_delete(s: Session, _: Scene) -> Any:
    s.execute(sa.delete(TABLE))


@writes("insert from select")
def _insert_from_select(s: Session, _: Scene) -> Any:
    source = sa.select(Entry.body, sa.literal("land")).where(secret)
    s.execute(sa.insert(Area).from_select(["name", "level"], source))
    return s.scalars(sa.select(Area.name)).all()


@writes("insert a subquery")
def _insert_subquery(s: Session, _: Scene) -> Any:
    found = sa.select(Entry.body).where(secret).scalar_subquery()
    s.execute(sa.insert(Area).values(level="land", name=sa.func.coalesce(found, "")))
    return s.scalars(sa.select(Area.name)).all()


@writes("attribute of a subquery")
def _attribute_subquery(s: Session, _: Scene) -> Any:
    found = sa.select(Entry.body).where(secret).scalar_subquery()
    s.add(Area(level="land", name=sa.func.coalesce(found, "")))
    s.flush()
    return s.scalars(sa.select(Area.name)).all()


@writes("insert or update")
def _upsert(s: Session, scene: Scene) -> Any:
    insert = postgresql.insert if s.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"id": scene.hidden, "space_id": scene.space, "body": "", "html": ""}
    statement = insert(Entry).values(values)
    changed = statement.on_conflict_do_update(index_elements=["id"], set_={"html": "overwritten"})
    return s.execute(changed.returning(Entry.body)).all()
