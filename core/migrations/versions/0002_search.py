"""Documents of the search, their full-text index, and all that is there to be indexed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "core_0002"
down_revision = "core_0001"
branch_labels = None
depends_on = None

SQLITE = (
    "CREATE VIRTUAL TABLE core_search_fts USING fts5("
    "words, content='core_search', content_rowid='place', columnsize=0, tokenize=\"ascii tokenchars '_'\")",
    "CREATE TRIGGER core_search_added AFTER INSERT ON core_search BEGIN "
    "INSERT INTO core_search_fts (rowid, words) VALUES (new.place, new.words); END",
    "CREATE TRIGGER core_search_gone AFTER DELETE ON core_search BEGIN "
    "INSERT INTO core_search_fts (core_search_fts, rowid, words) "
    "VALUES ('delete', old.place, old.words); END",
)
POSTGRESQL = ("CREATE INDEX core_search_fts ON core_search USING gin (words)",)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "core_search",
        sa.Column("place", sa.Integer() if sqlite else sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("plugin", sa.String(40), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("space_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("title", sa.String(300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("url", sa.String(300), nullable=False),
        sa.Column("words", sa.Text() if sqlite else TSVECTOR(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{thing}_id"], [f"core_{thing}.id"], name=f"fk_core_search_{thing}_id", ondelete="CASCADE"
            )
            for thing in ("entry", "space", "user")
        ),
        sa.PrimaryKeyConstraint("place", name="pk_core_search"),
    )
    for thing in ("entry", "space", "user"):
        op.create_index(f"ix_core_search_{thing}_id", "core_search", [f"{thing}_id"])
    op.create_table(
        "core_search_stale",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sort", sa.String(10), nullable=False),
        sa.Column("ident", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_core_search_stale"),
        sqlite_autoincrement=True,
    )
    for statement in SQLITE if sqlite else POSTGRESQL:
        op.execute(statement)
    stale = sa.table("core_search_stale", sa.column("sort"), sa.column("ident"))
    for thing in ("user", "space", "entry"):
        there = sa.table(f"core_{thing}", sa.column("id"))
        every = sa.select(sa.literal(thing), there.c.id).order_by(there.c.id)
        op.execute(stale.insert().from_select(["sort", "ident"], every))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE core_search_fts")
    op.drop_table("core_search_stale")
    op.drop_table("core_search")
