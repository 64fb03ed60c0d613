"""The core's columns about people: what each is for, on what legal ground, and how long it is kept."""

from flask_babel import lazy_gettext as _

from core.plugin import PersonalData

CONTRACT, TASK, INTEREST = _("GDPR 6(1)(b)"), _("GDPR 6(1)(e)"), _("GDPR 6(1)(f)")
LAW = _("GDPR 6(1)(c)")
ACCOUNT, POST = _("As long as the account is open"), _("As long as the post is kept")
SPACE, MONTH = _("As long as the space is kept"), _("30 days")
BROWSER, FOLLOWED = _("30 days at most, or until signing out"), _("Until one stops following")
SECOND, FACTOR = _("Ask for more than a password"), _("Until the second factor is removed")
LINK = _("Erased when confirmed, else 30 days after the link’s end")
INVITED, ASKED, SENT = _("Until its end"), _("Until it is answered"), _("Until it is delivered")

WHO, MEMBER = _("Say who speaks"), _("Take part in a space")
STAY, CONFIRM = _("Stay signed in, and see where one is"), _("Carry out what is confirmed by mail")
OFFICE, SPEAK = _("Say in what office somebody speaks"), _("Speak to people in their language and time")
DECIDED = _("A while after the decision, see the periods; the person is forgotten with the account")
REPORTED, LOGGED = (
    _("Look at what is reported, and say why it was decided so"),
    _("Know who used which right"),
)
TELL, WISH = _("Tell people what concerns them"), _("Tell people as they wish")
ERASE, EXPORTED = _("Carry an erasure through, again after a restore"), _("7 days")
FOR_GOOD = _("For good: a number, a date and an alias, no name")
ONCE, NEWS = _("Mail each thing once"), _("90 days after it was read, a year at most")

_COLUMNS = (
    ("user", "id handle name folded about area_id created_at closed_at", WHO, CONTRACT, ACCOUNT),
    ("user", "role mandate list_name portfolio", OFFICE, TASK, ACCOUNT),
    ("account", "user_id email password_hash", _("Sign in and receive mail"), CONTRACT, ACCOUNT),
    ("account", "former", _("Erase what is kept under an address that one had"), LAW, ACCOUNT),
    ("account", "language timezone demo", SPEAK, CONTRACT, ACCOUNT),
    ("sign_in", "user_id token_hash device created_at expires_at", STAY, CONTRACT, BROWSER),
    (
        "second_factor",
        "user_id seed last_step created_at",
        _("Ask for more than a password"),
        INTEREST,
        FACTOR,
    ),
    ("recovery_code", "user_id code_hash", _("Sign in without one’s telephone"), TASK, FACTOR),
    ("claim", "email action payload token_hash created_at expires_at used_at", CONFIRM, CONTRACT, LINK),
    ("throttle", "key count since", _("Slow down who guesses passwords"), INTEREST, _("One day")),
    ("membership", "user_id role team source expires_at created_at", MEMBER, CONTRACT, SPACE),
    ("space", "created_by", _("Say who opened a space"), TASK, SPACE),
    ("invitation", "email invited_by created_at expires_at", _("Invite to a space"), CONTRACT, INVITED),
    ("join_request", "user_id message created_at", _("Ask to join a space"), CONTRACT, ASKED),
    (
        "entry",
        "author_id byline recorded_by meant_for reader_id",
        _("Say who wrote, and who may read"),
        TASK,
        POST,
    ),
    ("entry", "title body html", _("Talk in public and with the town"), TASK, POST),
    ("revision", "editor_id title body html written_at", _("Show how a post changed"), TASK, POST),
    ("support", "user_id created_at", _("Count a person once"), TASK, POST),
    ("mention", "user_id", _("Name somebody in a post"), TASK, POST),
    ("follow", "user_id space_id entry_id", _("Hear of what one follows"), CONTRACT, FOLLOWED),
    ("search", "user_id title text words", _("Find what was said"), TASK, POST),
    ("file", "profile_of uploader_id name alt", _("Show pictures"), CONTRACT, POST),
    ("event", "topic kind ref at", _("Keep open pages up to date"), CONTRACT, _("One day")),
    ("notice", "user_id type entry_id space_id actor_id once way created_at read_at", TELL, CONTRACT, NEWS),
    ("notice_choice", "user_id type space_id way", WISH, CONTRACT, ACCOUNT),
    ("notice_times", "user_id hour days paused_at", WISH, CONTRACT, ACCOUNT),
    ("notice_round", "user_id way mailed_id due_at", ONCE, CONTRACT, ACCOUNT),
    ("notice_letter", "user_id mail_id way after_id upto_id thread_id", ONCE, CONTRACT, MONTH),
    ("export", "user_id name progress rights asked_at ready_at", _("Give people their data"), LAW, EXPORTED),
    ("erasure", "user_id mark alias words asked_at done_at owed", ERASE, LAW, FOR_GOOD),
    ("seen", "user_id at warned_at", _("End accounts that nobody uses"), LAW, ACCOUNT),
    ("case", "entry_id author_id appellant_id decided_by words text opened_at", REPORTED, LAW, DECIDED),
    ("report", "reporter_id name reason text address legal at", REPORTED, LAW, DECIDED),
    ("audit", "actor_id at act ref origin details", LOGGED, INTEREST, _("One year")),
    ("job", "payload", _("Do work later"), INTEREST, MONTH),
    ("mail", "recipient subject", _("Deliver mail"), CONTRACT, MONTH),
    ("mail", "text html", _("Deliver mail"), CONTRACT, SENT),
)

PERSONAL_DATA = tuple(
    PersonalData(f"core_{table}", column, *why)
    for table, columns, *why in _COLUMNS
    for column in columns.split()
)
