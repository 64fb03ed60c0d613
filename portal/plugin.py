"""The core said as a plugin says itself: its blueprints, permissions, kinds, jobs and personal data."""

import datetime as dt

from flask import Blueprint
from flask_babel import lazy_gettext as _

from core import mail
from core.notices import tell
from core.plugin import Claim, EntryKind, Job, MailHandler, NavItem, Permission, Plugin, SpaceKind, SpaceRole
from core.search import index
from core.spaces import actions as groups

from . import intake
from .accounts import opening
from .accounts.factor_views import blueprint as factor
from .accounts.language import blueprint as language
from .accounts.views import blueprint as accounts
from .admin.about import blueprint as about
from .admin.areas import blueprint as areas
from .admin.operations import blueprint as operations
from .admin.plugins import blueprint as plugins
from .admin.views import blueprint as admin
from .feed import claims as written
from .feed.posts import blueprint as posts
from .feed.views import blueprint as feed
from .files import blueprint as files
from .files import sweep as sweep_files
from .health import blueprint as health
from .live import blueprint as stream
from .live import prune as prune_events
from .moderation import deeds
from .moderation import views as moderation
from .moderation.actions import REPORT
from .notices import actions as notices
from .notices import mailing, replies
from .notices.kinds import NOTICE_TYPES
from .notices.views import blueprint as notice_pages
from .personal_data import PERSONAL_DATA
from .privacy import erase, export, retention
from .privacy.about import COOKIES
from .privacy.about import blueprint as about_privacy
from .privacy.views import blueprint as privacy
from .search.views import blueprint as search
from .spaces.views import blueprint as spaces

pages = Blueprint("portal", __name__, template_folder="templates")

ANYONE = frozenset({"anyone"})
SIGNED_IN = frozenset({"signed_in"})
STAFF = frozenset({"agent", "administrator"})
ADMINISTRATOR = frozenset({"administrator"})
MODERATORS = frozenset({"owner", "moderator"})
MEMBERS = MODERATORS | {"member"}
TEAM = frozenset({"team"})

PERMISSIONS = (
    Permission("core.read", _("Read what is public"), ANYONE),
    Permission("core.account", _("Have an account, follow, and see one’s own settings"), SIGNED_IN),
    Permission("core.reply", _("Reply, where one may read"), SIGNED_IN, by_mail=True),
    Permission("core.support", _("Support, where one may read"), SIGNED_IN),
    Permission("core.post_open", _("Write in a space that all may join"), SIGNED_IN, by_mail=True),
    Permission("core.post", _("Write in any other space"), space_roles=MEMBERS),
    Permission("core.moderate", _("Pin and hide posts of a space"), space_roles=TEAM),
    Permission("core.oversee", _("Moderate in public spaces of one’s area"), STAFF),
    Permission(
        "core.invite", _("Invite people to a space and answer requests to join"), space_roles=MODERATORS
    ),
    Permission(
        "core.manage_space",
        _("Change a space and the roles of its members"),
        space_roles=frozenset({"owner"}),
    ),
    Permission("core.create_space", _("Open a space"), STAFF | {"official"}),
    Permission("core.staff", _("See the agency’s pages"), STAFF),
    Permission("core.switch_plugins", _("Switch plugins on and off"), STAFF, whole_town=True),
    Permission("core.switch_protection", _("Switch the plugins that protect the portal"), ADMINISTRATOR),
    Permission("core.manage_people", _("Give roles and mandates"), ADMINISTRATOR),
    Permission("core.manage_town", _("Set the town’s name, colours and texts"), ADMINISTRATOR),
    Permission("core.read_audit", _("Consult the log of acts"), ADMINISTRATOR),
    Permission("core.operate", _("See how the portal runs, and try failed work again"), ADMINISTRATOR),
    Permission("core.read_outbox", _("See the state of outgoing mail"), ADMINISTRATOR),
)

plugin = Plugin(
    name="core",
    title="Parvis",
    summary=_("People, spaces and the feed"),
    version="0.3.0",
    table_prefix="core",
    paths=(),
    blueprints=(
        *(pages, feed, posts, accounts, factor, language, spaces, search, files, stream, notice_pages),
        *(admin, areas, plugins, operations, about, health, privacy, about_privacy),
        *(moderation.blueprint, moderation.log),
    ),
    permissions=PERMISSIONS,
    nav=(NavItem(_("Home"), "/", weight=0), NavItem(_("Spaces"), "/spaces", weight=10)),
    space_kinds=(
        SpaceKind(
            "core.group",
            _("Group"),
            roles=(
                SpaceRole("member", _("Member")),
                SpaceRole("moderator", _("Moderator"), team=True),
                SpaceRole("owner", _("Owner"), team=True),
            ),
        ),
    ),
    entry_kinds=(
        EntryKind("core.post", _("Post")),
        EntryKind("core.reply", _("Reply to a post"), feed=False),
    ),
    jobs=(
        Job(
            mail.DELIVER, _("Deliver mail"), mail.deliver, every=dt.timedelta(minutes=5), seconds=mail.SECONDS
        ),
        Job("core.index", _("Index what changed"), index.run, seconds=120, waiting=index.waiting),
        Job(tell.TELL, _("See whom an entry concerns"), tell.tell, seconds=600),
        Job(tell.NOTIFY, _("Tell people"), tell.tell_people, seconds=600),
        Job(
            mailing.MAIL,
            _("Write notification mail"),
            mailing.mail_due,
            every=dt.timedelta(minutes=1),
            seconds=300,
        ),
        Job(intake.FETCH, _("Take mail in"), intake.fetch, every=dt.timedelta(minutes=1), seconds=120),
        Job(
            "core.sweep_mailbox",
            _("Empty the mailbox of old messages"),
            intake.sweep,
            every=dt.timedelta(days=1),
        ),
        Job("core.sweep_notices", _("Delete old notifications"), notices.sweep, every=dt.timedelta(days=1)),
        Job("core.tidy_search", _("Tidy the index"), index.tidy, every=dt.timedelta(days=1), seconds=600),
        Job(
            "core.sweep",
            _("Clear away what expired"),
            retention.purge,
            every=dt.timedelta(days=1),
            seconds=1800,
        ),
        Job("core.sweep_files", _("Delete unused files"), sweep_files, every=dt.timedelta(days=1)),
        Job(
            "core.prune_events",
            _("Forget what open pages were told"),
            prune_events,
            every=dt.timedelta(hours=1),
        ),
        Job(export.JOB, _("Gather somebody’s data"), export.make, seconds=1800),
        Job(erase.JOB, _("Erase closed accounts"), erase.run, every=dt.timedelta(hours=1), seconds=3600),
        Job(erase.OVERWRITE, _("Overwrite what was taken out"), erase.overwrite, seconds=600),
        Job(erase.REPLAY, _("Repeat erasures after a restore"), erase.replay, seconds=3600),
        Job(
            "core.end_memberships", _("End memberships"), groups.end_memberships, every=dt.timedelta(hours=1)
        ),
    ),
    claims=(
        Claim(
            written.PUBLISH,
            _("Publish what I wrote"),
            written.run,
            written.describe,
            _("Confirm your publication"),
            _("a post was written at %(town)s with your address. To publish it, open this page:"),
        ),
        Claim(
            REPORT,
            _("Report a post"),
            moderation.confirmed,
            moderation.describe,
            _("Confirm your report"),
            _("a post was reported at %(town)s with your address. To send the report, open this page:"),
        ),
        Claim("core.sign_up", _("Open my account"), opening.welcome),
        Claim("core.reset", _("Choose a new password"), opening.choose_password),
        Claim("core.email_change", _("Change my address"), opening.take_address),
    ),
    notice_types=NOTICE_TYPES,
    mail_handlers=(MailHandler(replies.NAME, _("Reply by e-mail"), replies.reply),),
    personal_data=PERSONAL_DATA,
    retention=retention.RETENTION,
    cookies=COOKIES,
    acts=deeds.ACTS,
    live_topics=("core.notice",),
)
