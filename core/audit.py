"""The log of privileged acts, which only grows: triggers in the database refuse anything else."""

from typing import Any

import sqlalchemy as sa
from flask import has_request_context, request

from .access import viewer
from .accounts.throttle import network
from .db import now, table_of, unfiltered
from .models import Audit


def audit(act: str, ref: str = "", **details: Any) -> None:
    """Note who did what on what (`entry/7`) from where, inside the write that does it; no words of people."""
    origin = network(request.remote_addr or "::1") if has_request_context() else "command"
    values = {"at": now(), "actor_id": viewer().id, "act": act, "ref": ref, "origin": origin}
    unfiltered(sa.insert(table_of(Audit)).values(**values, details=details))
