"""Invitations are found by the address that they are for."""

from alembic import op

revision = "core_0010"
down_revision = "core_0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_core_invitation_email"), "core_invitation", ["email"])


def downgrade() -> None:
    op.drop_index(op.f("ix_core_invitation_email"), "core_invitation")
