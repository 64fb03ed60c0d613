"""The manifest and the hooks of the dummy plugin."""

import datetime as dt
from typing import Any

import sqlalchemy as sa

from core import api
from core.api import lazy_gettext as _

from . import actions
from .forms import SettingsForm
from .models import Line
from .trouble import unless_trouble
from .views import blueprint, confirm_idea

MEMBERS = frozenset({"member", "lead"})
STAFF = frozenset({"agent", "administrator"})

plugin = api.Plugin(
    name="dummy",
    title=_("Workshops"),
    summary=_("A plugin that says everything a plugin may say."),
    version="1.0",
    table_prefix="dummy",
    paths=("/dummy",),
    blueprints=(blueprint,),
    permissions=(
        api.Permission("dummy.open", _("Open a workshop"), STAFF),
        api.Permission("dummy.write", _("Write an idea"), frozenset({"signed_in"})),
        api.Permission("dummy.lead", _("Lead a workshop"), space_roles=frozenset({"lead"})),
        api.Permission("dummy.ledger", _("Read the ledger"), STAFF),
    ),
    space_kinds=(
        api.SpaceKind(
            "dummy.workshop",
            _("Workshop"),
            roles=(api.SpaceRole("member", _("Member")), api.SpaceRole("lead", _("Lead"), team=True)),
            url=lambda space_id: unless_trouble("space url", lambda: f"/dummy/{space_id}/"),
        ),
    ),
    entry_kinds=(
        api.EntryKind(
            "dummy.idea",
            _("Idea"),
            template="dummy/idea.html",
            publish="dummy.write",
            load=lambda ids: unless_trouble("load dummy.idea", lambda: actions.load_ideas(ids)),
        ),
        api.EntryKind(
            "dummy.note", _("Note"), feed=False, replies=False, supports=False, publish="dummy.lead"
        ),
    ),
    live_topics=("dummy.plan",),
    nav=(api.NavItem(_("Workshops"), "/dummy/", weight=60),),
    tabs=(
        api.Tab(
            _("Plan"),
            lambda space: unless_trouble(
                "tab", lambda: f"/dummy/{space.id}/" if space.kind == "dummy.workshop" else None
            ),
        ),
    ),
    settings_form=SettingsForm,
    defaults={"greeting": "Welcome to the workshops", "most": 20},
    jobs=(
        api.Job("dummy.count", _("Count the ideas"), actions.count_ideas, every=dt.timedelta(hours=1)),
        api.Job("dummy.fail", _("Fail"), lambda: unless_trouble("job", lambda: None)),
    ),
    claims=(api.Claim("dummy.idea", _("Write an idea without an account"), confirm_idea),),
    notice_types=(
        api.NoticeType(
            "dummy.assessed",
            _("For teams: an idea is assessed"),
            _("%(actor)s assessed “%(title)s”"),
            "at_once",
            permission="dummy.lead",
            team=True,
        ),
    ),
    retention=(api.Retention("dummy.ledger", _("Lines of the ledger"), 30, least=2, most=90),),
    cookies=(api.Cookie("dummy-note", _("Keep an unfinished idea"), _("Until it is sent")),),
    obstacles=(_("The plan of a workshop is a picture."),),
    egress=("feed.example",),
    personal_data=(
        api.PersonalData(
            "dummy_bookmark", "user_id", _("Finding ideas again"), "consent", _("until it is taken back")
        ),
        api.PersonalData("dummy_bookmark", "note", _("Finding ideas again"), "consent", _("the same")),
    ),
)


@api.hookimpl
def check_entry(draft: Any) -> api.Hold | api.Ask | api.Refuse | None:
    """Hold, ask about or refuse what says so itself."""
    answers = {
        "hold me": api.Hold(_("It asked to be held.")),
        "ask me": api.Ask(_("Are you sure?")),
        "refuse me": api.Refuse(_("It asked to be refused.")),
    }
    found = next((answer for words, answer in answers.items() if words in draft.body), None)
    return unless_trouble("check_entry", lambda: found)


@api.hookimpl
def entry_published(entry: api.Entry, actor: api.Viewer) -> None:
    """A line in the ledger."""
    actions.note(f"published {entry.kind} {entry.id} by {actor.id}")
    unless_trouble("entry_published", lambda: None)


@api.hookimpl
def entry_changed(entry: api.Entry, change: str) -> None:
    """A line in the ledger."""
    actions.note(f"{change} {entry.kind} {entry.id}")
    unless_trouble("entry_changed", lambda: None)


@api.hookimpl
def user_changed(user: api.User, change: str) -> None:
    """A line in the ledger."""
    actions.note(f"{change} person {user.id}")
    unless_trouble("user_changed", lambda: None)


@api.hookimpl
def plugin_switched(name: str, on: bool) -> None:
    """A line in the ledger."""
    actions.note(f"{name} {'on' if on else 'off'}")
    unless_trouble("plugin_switched", lambda: None)


@api.hookimpl
def decorate_entries(entries: list[Any]) -> dict[int, api.Decoration]:
    """A mark on each idea."""

    def decorate() -> dict[int, api.Decoration]:
        keep = _("Keep for later")
        return {
            entry.id: api.Decoration(
                badges=(_("Bright"),),
                actions=(api.Action(keep, f"/dummy/ideas/{entry.id}/keep", "POST"),),
                footer="<p>Dummy footer</p>",
            )
            for entry in entries
            if entry.kind == "dummy.idea"
        }

    found: dict[int, api.Decoration] = unless_trouble("decorate_entries", decorate)
    return found


@api.hookimpl
def panels(place: str) -> list[api.Panel]:
    """A block on every page that has blocks."""
    text = f"<p>Dummy panel on {place}</p>"
    found: list[api.Panel] = unless_trouble("panels", lambda: [api.Panel(_("Workshops"), text, 70)])
    return found


@api.hookimpl
def search_documents(refs: list[tuple[str, int]]) -> list[api.SearchDocument]:
    """The steps of the plan, for whoever reads the workshop."""

    def steps() -> list[api.SearchDocument]:
        return [
            api.SearchDocument("dummy.workshop", "", step.text, api.now(), space_id=step.space_id)
            for step in actions.load_steps([ident for sort, ident in refs if sort == "space"])
        ]

    found: list[api.SearchDocument] = unless_trouble("search_documents", steps)
    return found


@api.hookimpl
def export_user(user_id: int) -> dict[str, list[dict[str, Any]]]:
    """The lines of the ledger that name the person."""
    found: dict[str, list[dict[str, Any]]] = unless_trouble(
        "export_user", lambda: {"ledger": actions.lines_of(user_id)}
    )
    return found


@api.hookimpl
def erase_user(user_id: int) -> None:
    """The lines of the ledger name the person no longer."""
    unless_trouble("erase_user", lambda: actions.forget_lines(user_id))


@api.hookimpl
def purge_expired(now: dt.datetime) -> None:
    """Lines of the ledger end after their days."""
    unless_trouble("purge_expired", lambda: actions.end_lines(now))


@api.hookimpl
def health() -> list[api.Health]:
    """How long the ledger is."""

    def check() -> list[api.Health]:
        with api.as_system("health"):
            lines = api.db.session.scalar(sa.select(sa.func.count()).select_from(Line))
        return [api.Health("ledger", True, f"{lines}")]

    found: list[api.Health] = unless_trouble("health", check)
    return found
