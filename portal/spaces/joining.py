"""Requests to join a space: made by who wants to be let in, answered once by its team."""

import secrets

import sqlalchemy as sa
from flask_babel import gettext as _

from core.access import Forbidden, Refused, require, viewer
from core.audit import audit
from core.db import insert_once, table_of, unfiltered, write
from core.models import JoinRequest, Space
from core.notices.tell import notify, untell
from core.spaces import actions

_request = table_of(JoinRequest)


def ask_to_join(space: Space, message: str) -> None:
    """Ask the team of a space to let the viewer in."""
    require("core.account")
    space_id = space.id
    with write():
        actions.hold_open(space_id)
        if space.joining != "request":
            raise Forbidden("core.join")
        actions.hold_person(viewer().id)
        if actions.belongs(space_id, viewer().id):
            raise Refused(_("You are a member already."))
        if insert_once(JoinRequest, space_id=space_id, user_id=viewer().id, message=message):
            notify("core.join_request", actions.team_of(space_id), space=space)


def answer_request(space: Space, user_id: int, accept: bool) -> None:
    """Let somebody who asked become a member, or not; a request is answered once."""
    require("core.invite", space)
    theirs = (_request.c.space_id == space.id, _request.c.user_id == user_id)
    with write():
        (actions.hold_open if accept else actions.hold)(space.id)
        answered = unfiltered(sa.delete(_request).where(*theirs))
        untell("core.join_request", space_id=space.id, actor_id=user_id)
        if answered.rowcount:
            if accept:
                actions.enter(space.id, user_id)
            else:
                audit("space.refused", f"space/{space.id}", person=user_id)
            result = f"{'accepted' if accept else 'declined'}:{secrets.token_hex(8)}"
            notify("core.membership", [user_id], space=space, once=result)
