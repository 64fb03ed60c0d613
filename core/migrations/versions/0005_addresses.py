"""Addresses as they are compared: of accounts whose addresses differ in spelling alone, the first has it."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "core_0005"
down_revision = "core_0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    account = sa.table("core_account", sa.column("user_id"), sa.column("email"))
    rows = op.get_bind().execute(sa.select(account).order_by(account.c.user_id)).all()
    taken = {row.email for row in rows}
    for row in rows:
        folded = unicodedata.normalize("NFC", row.email).lower()
        if folded not in taken:
            taken.add(folded)
            op.execute(sa.update(account).where(account.c.user_id == row.user_id).values(email=folded))


def downgrade() -> None:
    pass
