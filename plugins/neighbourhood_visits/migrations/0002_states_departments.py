"""Departments, commitments, private cases, groups, and the states of the whole way of a visit."""

import sqlalchemy as sa
from alembic import op

from core.api import UtcDateTime

revision = "visits_0002"
down_revision = "visits_0001"
branch_labels = None
depends_on = None

WORD = sa.String(length=20)


def upgrade() -> None:
    _departments()
    with op.batch_alter_table("visits_visit") as table:
        table.add_column(sa.Column("code", sa.String(length=40), nullable=False, server_default=""))
        table.add_column(sa.Column("reason", sa.String(length=1000), nullable=False, server_default=""))
        table.create_index(table.f("ix_visits_visit_code"), ["code"])
    with op.batch_alter_table("visits_question") as table:
        table.add_column(sa.Column("forwarded_to", sa.String(length=200), nullable=False, server_default=""))
        table.add_column(sa.Column("discussion", WORD, nullable=False, server_default="not_planned"))
        table.add_column(sa.Column("outcome", WORD, nullable=False, server_default="none"))
        table.add_column(
            sa.Column("outcome_reason", sa.String(length=1000), nullable=False, server_default="")
        )
        table.add_column(sa.Column("group_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("moves", sa.Integer(), nullable=False, server_default="0"))
        table.create_foreign_key(
            table.f("fk_visits_question_group_id"), "core_entry", ["group_id"], ["id"], ondelete="SET NULL"
        )
        table.create_index(table.f("ix_visits_question_group_id"), ["group_id"])
    with op.batch_alter_table("visits_casework") as table:
        for name, target in (
            ("department_id", "visits_department"),
            ("official_id", "core_user"),
            ("drafted_by", "core_user"),
            ("approved_by", "core_user"),
        ):
            table.add_column(sa.Column(name, sa.Integer(), nullable=True))
            table.create_foreign_key(
                table.f(f"fk_visits_casework_{name}"), target, [name], ["id"], ondelete="SET NULL"
            )
        table.add_column(sa.Column("answer", WORD, nullable=False, server_default="none"))
        table.add_column(sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("flags", sa.String(length=40), nullable=False, server_default=""))
        table.add_column(sa.Column("import_key", sa.String(length=64), nullable=True))
        table.create_unique_constraint(table.f("uq_visits_casework_import_key"), ["import_key"])
    _keep_answers()
    _let_what_is_not_accepted_wait()
    with op.batch_alter_table("visits_answer") as table:
        table.drop_column("state")


def _departments() -> None:
    op.create_table(
        "visits_department",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("folded", sa.String(length=120), nullable=False),
        sa.Column("mailbox", sa.String(length=254), nullable=False),
        sa.Column("official_id", sa.Integer(), nullable=True),
        sa.Column("days_to_answer", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["official_id"],
            ["core_user.id"],
            name=op.f("fk_visits_department_official_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits_department")),
        sa.UniqueConstraint("folded", name=op.f("uq_visits_department_folded")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "visits_department_member",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["visits_department.id"],
            name=op.f("fk_visits_department_member_department_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["core_user.id"],
            name=op.f("fk_visits_department_member_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("department_id", "user_id", name=op.f("pk_visits_department_member")),
    )
    op.create_index(op.f("ix_visits_department_member_user_id"), "visits_department_member", ["user_id"])
    op.create_table(
        "visits_private_case",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("recipient_id", sa.Integer(), nullable=True),
        sa.Column("appointment_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["core_entry.id"], name=op.f("fk_visits_private_case_entry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["recipient_id"],
            ["core_user.id"],
            name=op.f("fk_visits_private_case_recipient_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_visits_private_case_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_visits_private_case")),
    )
    op.create_index(op.f("ix_visits_private_case_space_id"), "visits_private_case", ["space_id"])
    op.create_table(
        "visits_commitment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", WORD, nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["department_id"],
            ["visits_department.id"],
            name=op.f("fk_visits_commitment_department_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["question_id"],
            ["core_entry.id"],
            name=op.f("fk_visits_commitment_question_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["core_space.id"], name=op.f("fk_visits_commitment_space_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visits_commitment")),
        sqlite_autoincrement=True,
    )
    for name in ("due_on", "question_id", "space_id"):
        op.create_index(op.f(f"ix_visits_commitment_{name}"), "visits_commitment", [name])


def _keep_answers() -> None:
    """What an answer's row said of its state, and who wrote a draft, is the question's casework now."""
    op.execute(
        "UPDATE visits_casework SET answer = COALESCE((SELECT state FROM visits_answer"
        " WHERE visits_answer.question_id = visits_casework.entry_id), 'none'),"
        " drafted_by = (SELECT author_id FROM core_entry JOIN visits_answer"
        " ON visits_answer.entry_id = core_entry.id"
        " WHERE visits_answer.question_id = visits_casework.entry_id AND visits_answer.state = 'drafted')"
    )
    op.execute(
        "UPDATE visits_casework SET answer = 'approved' WHERE answer = 'published' AND NOT EXISTS"
        " (SELECT 1 FROM visits_question WHERE visits_question.entry_id = visits_casework.entry_id"
        " AND visits_question.answered_at IS NOT NULL)"
    )


def _let_what_is_not_accepted_wait() -> None:
    op.execute(
        "UPDATE core_entry SET state = 'pending', private = FALSE, reader_id = author_id, in_feed = FALSE"
        " WHERE state = 'published' AND id IN"
        " (SELECT entry_id FROM visits_question WHERE triage = 'rejected')"
    )


def downgrade() -> None:
    with op.batch_alter_table("visits_answer") as table:
        table.add_column(sa.Column("state", WORD, nullable=False, server_default="drafted"))
    op.execute(
        "UPDATE visits_answer SET state = 'published' WHERE question_id IN"
        " (SELECT entry_id FROM visits_casework WHERE answer = 'published')"
    )
    with op.batch_alter_table("visits_casework") as table:
        table.drop_constraint("uq_visits_casework_import_key", type_="unique")
        for name in ("department_id", "official_id", "drafted_by", "approved_by"):
            table.drop_constraint(f"fk_visits_casework_{name}", type_="foreignkey")
        for name in (
            *("department_id", "official_id", "drafted_by", "approved_by"),
            *("answer", "held", "flags", "import_key"),
        ):
            table.drop_column(name)
    with op.batch_alter_table("visits_question") as table:
        table.drop_index("ix_visits_question_group_id")
        table.drop_constraint("fk_visits_question_group_id", type_="foreignkey")
        for name in ("forwarded_to", "discussion", "outcome", "outcome_reason", "group_id", "moves"):
            table.drop_column(name)
    with op.batch_alter_table("visits_visit") as table:
        table.drop_index("ix_visits_visit_code")
        table.drop_column("code")
        table.drop_column("reason")
    for name in ("commitment", "private_case", "department_member", "department"):
        op.drop_table(f"visits_{name}")
