"""The kinds of notices that the core itself gives."""

from flask_babel import lazy_gettext as _

from core.plugin import NoticeType

from ..moderation import words

NOTICE_TYPES = (
    NoticeType(
        "core.reply",
        _("Replies to what I wrote or follow"),
        _("%(actor)s replied to “%(title)s”"),
        "at_once",
    ),
    NoticeType(
        "core.mention",
        _("I am mentioned"),
        _("%(actor)s mentioned you in “%(title)s”"),
        "at_once",
    ),
    NoticeType(
        "core.post",
        _("New posts in spaces I belong to or follow"),
        _("%(actor)s published “%(title)s”"),
        "daily",
    ),
    NoticeType(
        "core.membership",
        _("My place in a space changes"),
        _("Your place in %(space)s has changed"),
        "at_once",
        texts={
            "accepted": _("Your request is accepted: you are a member of %(space)s"),
            "declined": _("Your request to join %(space)s was not accepted"),
            "until": _("Your membership of %(space)s ends on %(until)s"),
        },
    ),
    NoticeType(
        "core.invited",
        _("I am invited to a space"),
        _("%(actor)s invites you to join %(space)s"),
        url="/spaces/%(space_id)s/invitation",
    ),
    NoticeType(
        "core.join_request",
        _("For teams: somebody asks to join"),
        _("%(actor)s asks to join %(space)s"),
        "at_once",
        url="/spaces/%(space_id)s/members",
        permission="core.invite",
        team=True,
    ),
    NoticeType(
        "core.newcomer",
        _("For teams: somebody answers an invitation"),
        _("%(actor)s has accepted the invitation to %(space)s"),
        permission="core.invite",
        team=True,
        texts={"declined": _("%(actor)s has declined the invitation to %(space)s")},
    ),
    NoticeType(
        "core.report_received",
        _("My report is received"),
        _("Your report about something in %(space)s is received. You hear what is decided."),
        "at_once",
        detail=words.received,
        url="/me/moderation",
        subject=_("Your report is received"),
    ),
    NoticeType(
        "core.decision",
        _("A decision about what I wrote or reported"),
        _("There is a decision about something that you wrote or reported in %(space)s"),
        "at_once",
        detail=words.decision,
        url="/me/moderation",
        subject=_("A decision about what you wrote or reported"),
    ),
    NoticeType(
        "core.waits",
        _("For teams: something waits to be checked"),
        _("“%(title)s” by %(actor)s waits to be checked"),
        "daily",
        permission="core.moderate",
        team=True,
    ),
)
