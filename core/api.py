"""All that a plugin may import. What is not here, or not documented in docs/reference, is not promised."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flask_babel import format_date, format_datetime, gettext, lazy_gettext, ngettext

from .access import (
    Forbidden,
    InSpace,
    OnEntry,
    Owned,
    Public,
    Refused,
    StaffOnly,
    TeamOnly,
    Viewer,
    as_system,
    can,
    judged,
    overseen,
    require,
    space_roles,
    viewer,
)
from .accounts.claims import confirm_later
from .accounts.sessions import as_viewer
from .accounts.throttle import hit as throttle
from .audit import audit
from .db import Base, UtcDateTime, Versioned, after_commit, db, insert_once, lock, now, write
from .feed.actions import (
    change_entry,
    hide,
    publish,
    release,
    remove,
    restore,
    set_audience,
    support,
)
from .feed.cards import cards
from .feed.drafts import AskAuthor, Draft
from .feed.drafts import check as check_draft
from .feed.moderation import ACTS, REASONS, decide, settle
from .feed.query import page
from .feed.unnamed import count_unnamed
from .files import FileError, attach
from .files import prepare as prepare_picture
from .forms import Form, a_name, an_address, one_line
from .hookspecs import hookimpl
from .i18n import day, town_zone
from .jobs import enqueue
from .live import emit
from .mail import compose, send
from .mailbox import Incoming
from .mailbox import address as mailbox
from .models import Area, Case, Entry, File, Membership, Report, Revision, Space, Support, User
from .notices.tell import notify, untell
from .pdf import pdf
from .plugin import (
    Action,
    Ask,
    Claim,
    Cookie,
    Decoration,
    EntryKind,
    Health,
    Hold,
    Job,
    MailHandler,
    NavItem,
    NoticeType,
    Panel,
    Permission,
    PersonalData,
    Plugin,
    Refuse,
    Retention,
    SearchDocument,
    SpaceKind,
    SpaceRole,
    Tab,
)
from .prepared import Prepared
from .search.find import search
from .search.index import reindex
from .settings import kept_for
from .settings import plugin_settings as settings
from .spaces.actions import change_space, create_space, oversees, set_members
from .spaces.standing import standing
from .text import fold, markdown, plain
from .web import back, get_or_404, needs, says

if TYPE_CHECKING:
    from .fetch import Fetched, FetchError, fetch

__all__ = [
    "ACTS",
    "REASONS",
    "Action",
    "Area",
    "Ask",
    "AskAuthor",
    "Base",
    "Case",
    "Claim",
    "Cookie",
    "Decoration",
    "Draft",
    "Entry",
    "EntryKind",
    "FetchError",
    "Fetched",
    "File",
    "FileError",
    "Forbidden",
    "Form",
    "Health",
    "Hold",
    "InSpace",
    "Incoming",
    "Job",
    "MailHandler",
    "Membership",
    "NavItem",
    "NoticeType",
    "OnEntry",
    "Owned",
    "Panel",
    "Permission",
    "PersonalData",
    "Plugin",
    "Prepared",
    "Public",
    "Refuse",
    "Refused",
    "Report",
    "Retention",
    "Revision",
    "SearchDocument",
    "Space",
    "SpaceKind",
    "SpaceRole",
    "StaffOnly",
    "Support",
    "Tab",
    "TeamOnly",
    "User",
    "UtcDateTime",
    "Versioned",
    "Viewer",
    "a_name",
    "after_commit",
    "an_address",
    "as_system",
    "as_viewer",
    "attach",
    "audit",
    "back",
    "can",
    "cards",
    "change_entry",
    "change_space",
    "check_draft",
    "compose",
    "confirm_later",
    "count_unnamed",
    "create_space",
    "day",
    "db",
    "decide",
    "emit",
    "enqueue",
    "fetch",
    "fold",
    "format_date",
    "format_datetime",
    "get_or_404",
    "gettext",
    "hide",
    "hookimpl",
    "insert_once",
    "judged",
    "kept_for",
    "lazy_gettext",
    "lock",
    "mailbox",
    "markdown",
    "needs",
    "ngettext",
    "notify",
    "now",
    "one_line",
    "overseen",
    "oversees",
    "page",
    "pdf",
    "plain",
    "prepare_picture",
    "publish",
    "reindex",
    "release",
    "remove",
    "require",
    "restore",
    "says",
    "search",
    "send",
    "set_audience",
    "set_members",
    "settings",
    "settle",
    "space_roles",
    "standing",
    "support",
    "throttle",
    "town_zone",
    "untell",
    "viewer",
    "write",
]


def __getattr__(name: str) -> Any:
    """What fetches from other servers, when a plugin first asks for it: few processes ever do."""
    if name in ("fetch", "Fetched", "FetchError"):
        return getattr(import_module("core.fetch"), name)
    raise AttributeError(name)
