"""All that a plugin may import. What is not here, or not documented in docs/reference, is not promised."""

import importlib
import typing

from flask_babel import format_date as format_date
from flask_babel import format_datetime as format_datetime
from flask_babel import gettext as gettext
from flask_babel import lazy_gettext as lazy_gettext
from flask_babel import ngettext as ngettext

from .access import Forbidden as Forbidden
from .access import InSpace as InSpace
from .access import OnEntry as OnEntry
from .access import Owned as Owned
from .access import Public as Public
from .access import Refused as Refused
from .access import StaffOnly as StaffOnly
from .access import TeamOnly as TeamOnly
from .access import Viewer as Viewer
from .access import as_system as as_system
from .access import can as can
from .access import judged as judged
from .access import overseen as overseen
from .access import require as require
from .access import space_roles as space_roles
from .access import viewer as viewer
from .accounts.claims import confirm_later as confirm_later
from .accounts.claims import take_back as take_back
from .accounts.sessions import as_viewer as as_viewer
from .accounts.throttle import hit as _hit
from .audit import audit as audit
from .db import Base as Base
from .db import UtcDateTime as UtcDateTime
from .db import Versioned as Versioned
from .db import after_commit as after_commit
from .db import db as db
from .db import insert_once as insert_once
from .db import lock as lock
from .db import now as now
from .db import write as write
from .feed.actions import change_entry as change_entry
from .feed.actions import hide as hide
from .feed.actions import publish as publish
from .feed.actions import release as release
from .feed.actions import remove as remove
from .feed.actions import restore as restore
from .feed.actions import set_audience as set_audience
from .feed.actions import support as support
from .feed.cards import cards as cards
from .feed.cases import shows_again as shows_again
from .feed.drafts import AskAuthor as AskAuthor
from .feed.drafts import Draft as Draft
from .feed.drafts import check as _check
from .feed.moderation import ACTS as ACTS
from .feed.moderation import REASONS as REASONS
from .feed.moderation import decide as decide
from .feed.moderation import settle as settle
from .feed.query import page as page
from .feed.unnamed import count_unnamed as count_unnamed
from .files import FileError as FileError
from .files import attach as attach
from .files import prepare as _prepare
from .forms import Form as Form
from .forms import a_name as a_name
from .forms import an_address as an_address
from .forms import one_line as one_line
from .hookspecs import hookimpl as hookimpl
from .i18n import day as day
from .i18n import town_today as town_today
from .i18n import town_zone as town_zone
from .jobs import enqueue as enqueue
from .live import emit as emit
from .mail import compose as compose
from .mail import send as send
from .mailbox import Incoming as Incoming
from .mailbox import address as _address
from .models import Area as Area
from .models import Case as Case
from .models import Entry as Entry
from .models import File as File
from .models import Membership as Membership
from .models import Report as Report
from .models import Revision as Revision
from .models import Space as Space
from .models import Support as Support
from .models import User as User
from .notices.tell import notify as notify
from .notices.tell import untell as untell
from .pdf import pdf as pdf
from .plugin import Action as Action
from .plugin import Ask as Ask
from .plugin import Claim as Claim
from .plugin import Cookie as Cookie
from .plugin import Decoration as Decoration
from .plugin import EntryKind as EntryKind
from .plugin import Health as Health
from .plugin import Hold as Hold
from .plugin import Job as Job
from .plugin import MailHandler as MailHandler
from .plugin import NavItem as NavItem
from .plugin import NoticeType as NoticeType
from .plugin import Panel as Panel
from .plugin import Permission as Permission
from .plugin import PersonalData as PersonalData
from .plugin import Plugin as Plugin
from .plugin import Refuse as Refuse
from .plugin import Retention as Retention
from .plugin import SearchDocument as SearchDocument
from .plugin import SpaceKind as SpaceKind
from .plugin import SpaceRole as SpaceRole
from .plugin import Tab as Tab
from .prepared import Prepared as Prepared
from .search.find import search as search
from .search.index import reindex as reindex
from .settings import kept_for as kept_for
from .settings import plugin_settings as _plugin_settings
from .spaces.actions import change_space as change_space
from .spaces.actions import create_space as create_space
from .spaces.actions import oversees as oversees
from .spaces.actions import set_members as set_members
from .spaces.standing import standing as standing
from .text import fold as fold
from .text import markdown as markdown
from .text import plain as plain
from .web import back as back
from .web import back_to_entry as back_to_entry
from .web import get_or_404 as get_or_404
from .web import needs as needs
from .web import says as says

if typing.TYPE_CHECKING:
    from .fetch import Fetched as Fetched
    from .fetch import FetchError as FetchError
    from .fetch import fetch as fetch

check_draft, mailbox, prepare_picture = _check, _address, _prepare
settings, throttle = _plugin_settings, _hit
LATER = ("fetch", "Fetched", "FetchError")


def __getattr__(name: str) -> typing.Any:
    """What fetches from other servers, when a plugin first asks for it: few processes ever do."""
    if name in LATER:
        return getattr(importlib.import_module("core.fetch"), name)
    raise AttributeError(name)
