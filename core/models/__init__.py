"""The core's tables. Each model declares who reads it by one mixin of `access.py`."""

from .entries import CHANNELS, STATES, Entry, File, Follow, Mention, Revision, Support
from .live import Event
from .moderation import Audit, Case, Report
from .notices import Notice, NoticeChoice, NoticeLetter, NoticeRound, NoticeTimes, Received
from .people import MANDATES, ROLES, Account, Area, PendingClaim, SignIn, Throttle, User
from .privacy import Erasure, Export, Seen
from .search import Document, Stale
from .second_factor import RecoveryCode, SecondFactor
from .spaces import JOINING, VISIBILITIES, Invitation, JoinRequest, Membership, Space
from .system import JobRow, Mail, PluginFault, PluginState, Setting, Stamp

__all__ = [
    "CHANNELS",
    "JOINING",
    "MANDATES",
    "ROLES",
    "STATES",
    "VISIBILITIES",
    "Account",
    "Area",
    "Audit",
    "Case",
    "Document",
    "Entry",
    "Erasure",
    "Event",
    "Export",
    "File",
    "Follow",
    "Invitation",
    "JobRow",
    "JoinRequest",
    "Mail",
    "Membership",
    "Mention",
    "Notice",
    "NoticeChoice",
    "NoticeLetter",
    "NoticeRound",
    "NoticeTimes",
    "PendingClaim",
    "PluginFault",
    "PluginState",
    "Received",
    "RecoveryCode",
    "Report",
    "Revision",
    "SecondFactor",
    "Seen",
    "Setting",
    "SignIn",
    "Space",
    "Stale",
    "Stamp",
    "Support",
    "Throttle",
    "User",
]
