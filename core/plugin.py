"""What a plugin says of itself: plain frozen dataclasses, read once at start."""

import datetime as dt
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from click import Group
    from flask import Blueprint
    from flask_wtf import FlaskForm

CONTRACT = 1

Text = Any  # str or a lazily translated string


class Declared:
    """Something a plugin contributes; `where` is the file and line that say so."""

    where: tuple[str, int]

    def __post_init__(self) -> None:
        caller = sys._getframe(2)  # the frame that called the dataclass's own __init__
        object.__setattr__(self, "where", (caller.f_code.co_filename, caller.f_lineno))


@dataclass(frozen=True)
class Permission(Declared):
    """A named right: held by these roles of the portal (within their area), or these roles in a space.

    Roles of the portal: `anyone`, `signed_in`, `resident`, `official`, `agent`, `administrator`, and mandates
    of officials; in a space, `team` is everybody on its team. A right over the `whole_town` needs a role
    without border. One that people have `by_mail` is also for those without an account, by a link.
    """

    name: str
    title: Text
    roles: frozenset[str] = frozenset()
    space_roles: frozenset[str] = frozenset()
    whole_town: bool = False
    by_mail: bool = False


@dataclass(frozen=True)
class SpaceRole:
    """A role that a member of a space can have; `team` roles read what is for the team."""

    name: str
    title: Text
    team: bool = False


@dataclass(frozen=True)
class SpaceKind(Declared):
    """A kind of space; `url(space_id)` is its page, where it has one of its own."""

    name: str
    label: Text
    roles: tuple[SpaceRole, ...] = ()
    listed: bool = True
    url: Callable[[int], str] | None = None


@dataclass(frozen=True, eq=False)
class EntryKind(Declared):
    """A kind of entry: `load(entry_ids)` gives `{entry_id: own row}`, `card.extra` in `template`.

    Of a `titled` one the title alone says enough; `comments` means that answering it is no mere reply.
    `texts` are columns of words of its own rows, from which a redaction takes a passage out too; `author` is
    the column of them that says who wrote one that shows nobody, and so is told and doesn't judge.
    """

    name: str
    label: Text
    template: str | None = None
    feed: bool = True
    replies: bool = True
    supports: bool = True
    initial_state: str = "published"
    publish: str = "core.post"
    titled: bool = False
    comments: bool = False
    load: Callable[[Sequence[int]], Mapping[int, Any]] | None = None
    texts: tuple[Any, ...] = ()
    author: Any = None

    def changeable(self, state: str) -> bool:
        """Whether authors may change one in this state: not what the team has let through as it stood."""
        return state == "pending" or (state == "published" and self.initial_state == "published")


@dataclass(frozen=True, eq=False)
class NavItem(Declared):
    """A link in the portal's main navigation, shown to those who have the permission."""

    label: Text
    url: str
    permission: str = "core.read"
    weight: int = 50


@dataclass(frozen=True)
class Tab(Declared):
    """A link on each space's page; `url(space)` may answer None where it does not apply."""

    label: Text
    url: Callable[[Any], str | None]
    permission: str = "core.read"
    weight: int = 50


@dataclass(frozen=True)
class Panel:
    """A block that a plugin adds to a page of the core, the lightest first; an `urgent` one on top."""

    title: Text
    html: str
    weight: int = 50
    urgent: bool = False


@dataclass(frozen=True)
class Action:
    """Something that can be done with an entry, drawn as a link (GET) or a button (POST)."""

    label: Text
    url: str
    method: str = "GET"


@dataclass(frozen=True)
class Decoration:
    """What a plugin adds to one entry's card; an `uncounted` one doesn't say how many support it."""

    badges: tuple[Text, ...] = ()
    actions: tuple[Action, ...] = ()
    footer: str = ""
    uncounted: bool = False


@dataclass(frozen=True)
class Job(Declared):
    """Work for the worker: `run(**payload)`, at each `every` or when enqueued; `seconds` ends it.

    With `waiting`, it runs whenever that says, within a second, that something waits for it.
    """

    name: str
    title: Text
    run: Callable[..., None]
    every: dt.timedelta | None = None
    seconds: int = 60
    waiting: Callable[[], bool] | None = None


@dataclass(frozen=True)
class Claim(Declared):
    """What somebody without an account started and confirms by mail: `run(payload)` as the confirmed person.

    `run` answers the address of the page to show next. `describe(payload)` says what is confirmed: pairs of
    a label and a text; without it `payload["body"]` is shown. The mail with the link has this `subject`, and
    `text` above the link, with `%(town)s`; without them it says the title.
    """

    name: str
    title: Text
    run: Callable[[dict[str, Any]], str]
    describe: Callable[[dict[str, Any]], Sequence[tuple[Text, str]]] | None = None
    subject: Text = ""
    text: Text = ""


@dataclass(frozen=True)
class NoticeType(Declared):
    """A kind of notice; `text` says what happened with `%(actor)s`, `%(title)s` and `%(space)s`.

    `default` is how it leaves: `at_once`, `daily`, `weekly`, `page` or `none`. `detail(entry_id)` adds words
    to the message; of what is about no entry, `detail(once)`. `url` is the page that it leads to instead,
    with `%(space_id)s` where it is in a space. `texts` go before `text`, by what `once` says before a colon.
    With a `subject` it is a service message about one's own case: a mail of its own, at once, to everybody.
    Only who has the `permission`, in the portal or in a space of theirs, is asked how they want it.
    One for the `team` of its space, or of its entry's, is there for whoever is on that team now.
    """

    name: str
    title: Text
    text: Text
    default: str = "page"
    detail: Callable[[Any], str] | None = None
    url: str = ""
    subject: Text = ""
    permission: str = "core.account"
    texts: Mapping[str, Text] = field(default_factory=dict)
    team: bool = False


@dataclass(frozen=True)
class MailHandler(Declared):
    """Takes in what is mailed to the addresses `mailbox(name, …)`: `run(letter)`, within a write.

    What takes long is done before it: `prepare(letter)` answers what `run` finds in place of `attachments`.
    Refused, raised, is answered by mail.
    """

    name: str
    title: Text
    run: Callable[[Any], None]
    prepare: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class PersonalData(Declared):
    """A column that holds personal data, and why."""

    table: str
    column: str
    purpose: Text
    legal_basis: Text
    retention: Text


@dataclass(frozen=True)
class Retention(Declared):
    """How many days something is kept, which administrators change within bounds; without `most`, for ever.

    `purge_expired` does it, and asks `kept_for(name)` for how long.
    """

    name: str
    what: Text
    days: int
    least: int = 1
    most: int | None = None


@dataclass(frozen=True)
class Cookie(Declared):
    """Something that is kept in the browsers of people: a cookie, or a key of the browser's own storage."""

    name: str
    purpose: Text
    duration: Text


@dataclass(frozen=True)
class Hold:
    """Answer of `check_entry`: publish only after a look by the team."""

    reason: Text


@dataclass(frozen=True)
class Ask:
    """Answer of `check_entry`: ask the author this before publishing."""

    message: Text


@dataclass(frozen=True)
class Refuse:
    """Answer of `check_entry`: don't publish, and say why."""

    message: Text


@dataclass(frozen=True)
class Health:
    """One named check: whether it is well, and a sentence for staff."""

    name: str
    ok: bool
    detail: Text = ""


@dataclass(frozen=True)
class SearchDocument:
    """A further text to be found, by whoever reads the entry, or else the content of the space.

    `kind` is one of the plugin's kinds, `url` the page that shows it, unless it is the entry's or space's.
    """

    kind: str
    title: str
    text: str
    date: dt.datetime
    entry_id: int | None = None
    space_id: int | None = None
    url: str = ""


@dataclass(frozen=True)
class Plugin(Declared):
    """The manifest: everything about a plugin that is known when it is imported."""

    name: str
    title: Text
    summary: Text
    version: str
    table_prefix: str
    paths: tuple[str, ...]
    contract: int = CONTRACT
    blueprints: tuple["Blueprint", ...] = ()
    permissions: tuple[Permission, ...] = ()
    space_kinds: tuple[SpaceKind, ...] = ()
    entry_kinds: tuple[EntryKind, ...] = ()
    nav: tuple[NavItem, ...] = ()
    tabs: tuple[Tab, ...] = ()
    settings_form: type["FlaskForm"] | None = None
    jobs: tuple[Job, ...] = ()
    claims: tuple[Claim, ...] = ()
    notice_types: tuple[NoticeType, ...] = ()
    mail_handlers: tuple[MailHandler, ...] = ()
    cli: "Group | None" = None
    personal_data: tuple[PersonalData, ...] = ()
    retention: tuple[Retention, ...] = ()
    cookies: tuple[Cookie, ...] = ()
    obstacles: tuple[Text, ...] = ()
    egress: tuple[str, ...] = ()
    live_topics: tuple[str, ...] = ()
    protects: bool = False
    acts: Mapping[str, Text] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
