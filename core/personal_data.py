"""The core's columns about people: what each is for, on what legal ground, and how long it is kept."""

from typing import Any

from flask_babel import lazy_gettext as _

from .plugin import PersonalData

CONTRACT, TASK, INTEREST = "GDPR 6(1)(b)", "GDPR 6(1)(e)", "GDPR 6(1)(f)"
ACCOUNT = _("As long as the account is open")
POST = _("As long as the post is kept")
SPACE = _("As long as the space is kept")
MONTH = _("30 days")


def _columns(table: str, columns: str, purpose: Any, basis: str, kept: Any) -> tuple[PersonalData, ...]:
    return tuple(PersonalData(f"core_{table}", column, purpose, basis, kept) for column in columns.split())


PERSONAL_DATA = (
    *_columns(
        "user",
        "id handle name folded about area_id created_at closed_at",
        _("Say who speaks"),
        CONTRACT,
        ACCOUNT,
    ),
    *_columns(
        "user", "role mandate list_name portfolio", _("Say in what office somebody speaks"), TASK, ACCOUNT
    ),
    *_columns("account", "user_id email password_hash", _("Sign in and receive mail"), CONTRACT, ACCOUNT),
    *_columns(
        "account",
        "language timezone demo",
        _("Speak to people in their language and time"),
        CONTRACT,
        ACCOUNT,
    ),
    *_columns(
        "sign_in",
        "user_id token_hash device created_at expires_at",
        _("Stay signed in, and see where one is"),
        CONTRACT,
        _("30 days at most, or until signing out"),
    ),
    *_columns(
        "claim",
        "email action payload token_hash created_at expires_at used_at",
        _("Carry out what is confirmed by mail"),
        CONTRACT,
        _("Erased when confirmed, else 30 days after the link’s end"),
    ),
    *_columns("throttle", "key count since", _("Slow down who guesses passwords"), INTEREST, _("One day")),
    *_columns(
        "membership",
        "user_id role team source expires_at created_at",
        _("Take part in a space"),
        CONTRACT,
        SPACE,
    ),
    *_columns("space", "created_by", _("Say who opened a space"), TASK, SPACE),
    *_columns(
        "invitation",
        "email invited_by created_at expires_at",
        _("Invite to a space"),
        CONTRACT,
        _("Until its end"),
    ),
    *_columns(
        "join_request",
        "user_id message created_at",
        _("Ask to join a space"),
        CONTRACT,
        _("Until it is answered"),
    ),
    *_columns(
        "entry", "author_id byline recorded_by reader_id", _("Say who wrote, and who may read"), TASK, POST
    ),
    *_columns("entry", "title body html", _("Talk in public and with the town"), TASK, POST),
    *_columns("revision", "editor_id title body html written_at", _("Show how a post changed"), TASK, POST),
    *_columns("support", "user_id created_at", _("Count a person once"), TASK, POST),
    *_columns("mention", "user_id", _("Name somebody in a post"), TASK, POST),
    *_columns(
        "follow",
        "user_id space_id entry_id",
        _("Hear of what one follows"),
        CONTRACT,
        _("Until one stops following"),
    ),
    *_columns("file", "profile_of uploader_id name alt", _("Show pictures"), CONTRACT, POST),
    *_columns("job", "payload", _("Do work later"), INTEREST, MONTH),
    *_columns("mail", "recipient subject", _("Deliver mail"), CONTRACT, MONTH),
    *_columns("mail", "text html", _("Deliver mail"), CONTRACT, _("Until it is delivered")),
)
