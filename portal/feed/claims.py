"""What somebody without an account wrote, kept until they confirm their address, then published as theirs."""

from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from core import access, registry
from core.access import Forbidden, Refused, by_mail
from core.accounts.claims import confirm_later
from core.db import db
from core.feed import actions, drafts
from core.feed.drafts import AskAuthor, Draft
from core.models import Entry, Space
from core.spaces.actions import belongs
from core.text import excerpt, markdown
from core.web import says

PUBLISH = "core.publish"


def takes(visibility: str, space: Space | None = None) -> bool:
    """Whether people without an account may reply here, or write in the space where one is given."""
    if visibility != "public" or (space is not None and not actions.open_to_all(space)):
        return False
    return by_mail("core.post_open" if space is not None else "core.reply")


def keep(space: Space, parent: Entry | None, form: Any) -> None:
    """Check the words as if they were published, then mail their author the link that publishes them.

    Raises Refused, AskAuthor, Forbidden, and throttle.TooMany.
    """
    if not takes(space.visibility, None if parent else space):
        raise Forbidden("core.post")
    if parent is not None and not actions.takes_replies(parent):
        raise Forbidden("core.reply")
    if space.archived_at is not None or (parent is not None and parent.locked_at is not None):
        raise Refused(_("This conversation is closed."))
    kind = "core.reply" if parent else "core.post"
    html, _mentioned = drafts.render(form.body.data, space)
    draft = Draft(space, access.viewer(), kind, form.title.data or "", form.body.data, html, parent)
    drafts.check(draft, form.confirmed.data)
    confirm_later(
        form.email.data,
        PUBLISH,
        {
            "name": form.name.data,
            "space": space.id,
            "parent": parent.id if parent else None,
            "title": form.title.data or "",
            "body": form.body.data,
            "key": form.client_key.data,
            "lang": str(get_locale()),
        },
    )


def describe(payload: dict[str, Any]) -> list[tuple[Any, str]]:
    """What is about to be published, and where."""
    space = db.session.get(Space, payload["space"])
    parent = db.session.get(Entry, payload["parent"]) if payload["parent"] else None
    words = Markup('<div class="prose">%s</div>') % Markup(markdown(payload["body"]))  # noqa: S704  cleaned
    return [
        (_("Space"), space.name if space else ""),
        (_("In reply to"), (parent.title or excerpt(parent.html, 80)) if parent else ""),
        (_("Title"), payload["title"]),
        (_("Your text"), words),
    ]


def thanks(entry: Entry, parent: Entry | None, belonged: bool) -> str:
    """What is said of what was just written, and to who was no member before that they are one by it."""
    if entry.state == "pending":
        words = _("Thank you. The team of the space looks at it before it is shown.")
    elif parent is None:
        words = _("Your post is published.")
    elif registry.current().entry_kind(parent.kind).comments:
        words = _("Your comment is published.")
    else:
        words = _("Your reply is published.")
    if not belonged and belongs(entry.space_id, entry.author_id):
        joined = _("You are a member of this space now.")
        return f"{words} {joined}"
    return str(words)


def run(payload: dict[str, Any]) -> str:
    """Publish what was kept, as the person who confirmed it."""
    space = db.session.get(Space, payload["space"])
    parent = db.session.get(Entry, payload["parent"]) if payload["parent"] else None
    if space is None or (payload["parent"] and parent is None):
        says(_("What you wrote to is no longer there."), "error")
        return "/"
    belonged = belongs(space.id, access.viewer().id)
    try:
        entry = actions.publish(
            space,
            payload["body"],
            payload["title"],
            "core.reply" if parent else "core.post",
            parent=parent,
            lang=payload["lang"],
            client_key=payload["key"],
            confirmed=True,
        )
    except (Refused, Forbidden, AskAuthor):
        says(_("This conversation is closed."), "error")
        return f"/spaces/{space.id}"
    says(thanks(entry, parent, belonged))
    return f"/posts/{parent.id}#post-{entry.id}" if parent else f"/posts/{entry.id}"
