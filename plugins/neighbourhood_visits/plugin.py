"""The manifest and the hooks of neighbourhood visits: read this first."""

import datetime as dt
from typing import Any

from core import api
from core.api import lazy_gettext as _

from . import actions, board, cli, letters, personal, reads, searched, taken_out, teams, turns
from .approve import answers, delegates, places, templates
from .assigned import departments, links, overdue
from .assigned import views as assigned
from .collect import asker, callers, letterbox, near, record, voices
from .collect import views as collected
from .field import views as field
from .follow import calendar, promises, way
from .follow.models import Step
from .intake import pages as intake
from .models import Asker, Casework, Commitment, Question
from .pages import blueprint
from .plan import announce, paper_pages, papers
from .plan import pages as plan_pages
from .prepare import delicate, first, themes
from .report import open_data, printed
from .report import views as report
from .settings_form import SettingsForm
from .suggest import learn, similar
from .triage import actions as triage
from .triage import cases, desk, groups
from .views import confirm_question, describe_question, url_of

PAGES = (  # their routes are the blueprint's
    announce,
    asker,
    assigned,
    callers,
    collected,
    delegates,
    delicate,
    departments,
    desk,
    field,
    first,
    intake,
    near,
    open_data,
    paper_pages,
    plan_pages,
    printed,
    promises,
    record,
    report,
    templates,
    themes,
    turns,
    voices,
)
OFFICE = teams.EXECUTIVE | {"agent", "administrator"}
TEAM = frozenset({"coordinator", "official", "agent"})
KEPT = _("As long as the visit is kept")

plugin = api.Plugin(
    name="neighbourhood_visits",
    title=_("Neighbourhood visits"),
    summary=_("Residents ask before elected officials walk through a neighbourhood, and read the answers."),
    version="0.3.0",
    table_prefix="visits",
    paths=("/visits",),
    blueprints=(blueprint,),
    permissions=(
        api.Permission("visits.announce", _("Plan and announce a visit"), OFFICE),
        api.Permission("visits.ask", _("Ask a question before a visit"), frozenset({"anyone"})),
        api.Permission("visits.manage", _("Change a visit and its team"), space_roles=TEAM),
        api.Permission("visits.review", _("Accept or reject questions"), space_roles=TEAM),
        api.Permission("visits.answer", _("Draft answers"), space_roles=TEAM),
        api.Permission(
            "visits.delegate", _("Name who approves answers in one’s place"), frozenset({"official"})
        ),
        api.Permission(
            "visits.answer_by_link",
            _("Draft the answer to the one request that a signed link opens"),
            frozenset({"anyone"}),
        ),
        api.Permission(
            "visits.publish", _("Approve and publish answers"), space_roles=frozenset({"official"})
        ),
        api.Permission(
            "visits.record",
            _("Write down questions that come by phone, on paper or at a stall"),
            space_roles=TEAM | {"scribe"},
        ),
        api.Permission("visits.conclude", _("Say what became of questions"), space_roles=TEAM | {"scribe"}),
        api.Permission("visits.commit", _("Make promises and follow them"), space_roles=TEAM),
        api.Permission(
            "visits.import",
            _("Take in files of questions"),
            frozenset({"agent", "administrator"}),
            whole_town=True,
        ),
        api.Permission(
            "visits.take_charge",
            _("Take charge of a visit on whose team nobody is"),
            frozenset({"administrator"}),
            whole_town=True,
        ),
        api.Permission(
            "visits.organise",
            _("Keep the departments and the templates of answers"),
            frozenset({"agent", "administrator"}),
            whole_town=True,
        ),
    ),
    space_kinds=(
        api.SpaceKind(
            "visits.visit",
            _("Neighbourhood visit"),
            roles=(
                api.SpaceRole("coordinator", _("Coordinator"), team=True),
                api.SpaceRole("official", _("Elected official"), team=True),
                api.SpaceRole("agent", _("Agent"), team=True),
                api.SpaceRole("scribe", _("Scribe")),
                api.SpaceRole("member", _("Member")),
            ),
            listed=False,
            url=url_of,
        ),
    ),
    entry_kinds=(
        api.EntryKind(
            "visits.question",
            _("Question"),
            template="visits/question_card.html",
            initial_state="pending",
            publish="visits.ask",
            titled=True,
            comments=True,
            load=reads.load_questions,
            texts=(
                *(Question.place, Question.reason, Question.objection),
                *(Question.forwarded_to, Question.outcome_reason),
                *(Casework.contact, Casework.note, Commitment.text, Commitment.reason, Step.reason),
            ),
            author=Asker.user_id,
        ),
        api.EntryKind(
            "visits.unnamed",
            _("Reply under an alias"),
            feed=False,
            replies=False,
            supports=False,
            publish="core.reply",
            author=Asker.user_id,
        ),
        api.EntryKind(
            "visits.scan",
            _("Sheets of a petition"),
            feed=False,
            replies=False,
            supports=False,
            publish="visits.record",
        ),
        api.EntryKind(
            "visits.answer",
            _("Answer of the elected officials"),
            template="visits/answer_card.html",
            feed=False,
            replies=False,
            initial_state="pending",
            publish="visits.answer",
            load=reads.load_answers,
        ),
        api.EntryKind(
            "visits.photo",
            _("Photo taken during a visit"),
            feed=False,
            replies=False,
            supports=False,
            publish="visits.conclude",
        ),
        *(
            api.EntryKind(name, label, feed=False, replies=False, supports=False, publish=by)
            for name, label, by in (  # of which there are no entries: the search names what it finds by them
                ("visits.promise", _("Promise"), "visits.commit"),
                ("visits.stop", _("Stop of a visit"), "visits.manage"),
                ("visits.report", _("Report of the visit"), "visits.publish"),
            )
        ),
    ),
    nav=(api.NavItem(_("Visits"), "/visits/", weight=30),),
    settings_form=SettingsForm,
    defaults={
        "days_to_answer": 30,
        "acknowledgement": "",
        "themes": "",
        "reasons": "",
        "bodies": "",
        "geocoder": "none",
        "geocoder_url": "",
        "one_person_approves": False,
        "quiet_from": None,
        "quiet_until": None,
    },
    jobs=(
        api.Job(
            "visits.close_due",
            _("Stop taking questions on the closing date"),
            actions.close_due,
            every=dt.timedelta(minutes=10),
        ),
        api.Job(
            "visits.publish_held",
            _("Publish answers on the day of the visit"),
            answers.publish_held,
            every=dt.timedelta(minutes=10),
        ),
        api.Job(
            "visits.remind",
            _("Remind owners of promises, and ask whether they are kept"),
            calendar.run,
            every=dt.timedelta(hours=1),
        ),
        api.Job("visits.take_in", _("Take in a file of questions"), intake.run, seconds=600),
        api.Job(
            "visits.learn",
            _("Learn themes and departments from what was decided"),
            learn.run,
            every=learn.EVERY,
            seconds=300,
        ),
        api.Job(
            "visits.compare",
            _("Compare new questions with the others"),
            similar.run,
            seconds=600,
            waiting=similar.waiting,
        ),
        api.Job("visits.print", _("Make a paper for the team of a visit"), papers.make, seconds=300),
        api.Job(
            "visits.freeze_due",
            _("Freeze dossiers on their day"),
            papers.freeze_due,
            every=dt.timedelta(minutes=10),
        ),
        api.Job("visits.tell_department", _("Tell a department of its request"), links.tell_department),
        api.Job(
            "visits.delegates",
            _("Let delegates of officials take their places"),
            places.apply_all,
            every=dt.timedelta(hours=1),
        ),
        api.Job(
            "visits.remind_answers",
            _("Remind of answers that are overdue"),
            overdue.remind,
            every=dt.timedelta(days=1),
            seconds=300,
        ),
        api.Job("visits.tell", _("Tell people what became of their question"), letters.tell_people),
    ),
    claims=(
        api.Claim(
            "visits.mine",
            _("Follow the question that you sent by mail"),
            letterbox.confirm,
            letterbox.describe,
            _("Follow your question"),
            _("your question has arrived at %(town)s. To follow what becomes of it, open this page:"),
        ),
        api.Claim(
            "visits.voice",
            _("Support a question"),
            voices.add_voice,
            voices.describe_voice,
            _("Confirm your support"),
            _("a question was supported at %(town)s with your address. To count it, open this page:"),
        ),
        api.Claim(
            "visits.ask",
            _("Ask a question before a visit"),
            confirm_question,
            describe_question,
            _("Confirm your question"),
            _("a question was asked at %(town)s with your address. To send it, open this page:"),
        ),
    ),
    mail_handlers=(
        api.MailHandler(
            letterbox.NAME, _("Questions before a visit"), letterbox.take, letterbox.open_attachments
        ),
    ),
    cli=cli.visits,
    live_topics=("visits.visit", "visits.import", "visits.paper"),
    notice_types=letters.NOTICE_TYPES,
    retention=(
        api.Retention(
            personal.CONTACTS,
            _("How to call back who asked, and what the team noted, after a visit"),
            365,
            least=30,
            most=1095,
        ),
        api.Retention(
            cases.KEPT,
            _("Private cases with all that was said in them, after they are dealt with"),
            180,
            least=30,
            most=1825,
        ),
    ),
    egress=("*",),  # the one service that staff chose, if any
    acts={
        "visits.take_charge": _("%(actor)s has taken charge of %(about)s, on whose team nobody was"),
        "visits.redact": _("%(actor)s has taken a passage out of the minutes of %(about)s"),
        "visits.delegate": _("%(actor)s has changed who approves answers in their place"),
        "visits.department_answered": _("%(actor)s has answered %(about)s for a department"),
        "visits.department_returned": _("%(actor)s has given %(about)s back for a department"),
    },
    cookies=(
        api.Cookie(
            near.COOKIE, _("Remembers in which part of the town you want to see visits"), _("Six months")
        ),
        api.Cookie(
            "visits-*",
            _("Keeps the question or the answer you are writing, should the page be lost"),
            _("Until it is sent or the tab is closed"),
        ),
        api.Cookie(
            "visits-field*",
            _("Keeps the page of a visit and the notes of its scribes while there is no network"),
            _("Until the notes are sent and the scribe signs out or leaves the team"),
        ),
    ),
    personal_data=tuple(
        api.PersonalData(
            f"visits_{table}", column, purpose, _("GDPR 6(1)(e)"), _("As long as the visit is kept")
        )
        for table, column, purpose in (
            ("question", "place", _("Find what a question is about")),
            ("question", "reason", _("Tell an author why a question is not accepted")),
            ("question", "objection", _("Look at a question again whose author says why")),
            ("question", "forwarded_to", _("Tell an author who answers instead of the town")),
            ("question", "outcome_reason", _("Say what became of a question")),
            ("casework", "contact", _("Call back somebody who asked a question")),
            ("casework", "note", _("Prepare the answer to a question")),
            ("casework", "code", _("Open the thread of a question for who asked it without an account")),
            ("voice", "code", _("Count a voice without an address once, and let it be taken back")),
            ("asker", "user_id", _("Answer who asked a question that is not shown under their name")),
            ("casework", "triaged_by", _("Know who accepted or rejected a question")),
            ("casework", "official_id", _("Know who prepares the answer to a question")),
            ("casework", "former_official_id", _("Give a question back to whom it was assigned before")),
            ("casework", "drafted_by", _("Have another approve what somebody has drafted")),
            ("casework", "corrected_by", _("Know who has changed what somebody else drafted")),
            ("casework", "approved_by", _("Know who approved an answer")),
            ("casework", "approved_for", _("Know for which absent official an answer was approved")),
            ("delegate", "user_id", _("Know who is absent and has named a delegate")),
            ("delegate", "delegate_id", _("Let a delegate approve answers in an official’s place")),
            ("private_case", "recipient_id", _("Know who deals with a private case")),
            ("private_case", "appointment_at", _("Meet the author of a private case")),
            ("step", "reason", _("Say in public why a promise is not kept")),
            ("note", "author_id", _("Know who noted what on a visit")),
            ("note", "text", _("Remember what was said on a visit")),
            ("note", "stop", _("Remember where it was said")),
            ("minutes", "body", _("Write down what was said on a visit")),
            ("minutes", "drafted_by", _("Have another approve the minutes that somebody has drafted")),
            ("minutes", "changed_by", _("Know how much one person has changed of them")),
            ("report", "facts", _("Keep the published report as it was")),
            ("report", "approved_by", _("Know who approved the report of a visit")),
            ("import", "content", _("Take in the questions of a file; emptied when that is done")),
            ("import", "byline", _("Say who asked the questions of a file")),
            ("import", "user_id", _("Know who gave a file of questions")),
            ("sensitivity", "text", _("Prepare what is delicate about the subject of a question")),
            ("paper", "data", _("Prepare the officials of a visit")),
            ("paper", "content", _("Prepare the officials of a visit")),
            ("sensitivity", "noted_by", _("Know who noted what is delicate")),
            ("department", "official_id", _("Say who is in charge of a department")),
            ("department_member", "user_id", _("Know who works in a department")),
        )
    ),
)


@api.hookimpl
def decorate_entries(entries: list[Any], viewer: api.Viewer) -> dict[int, api.Decoration]:
    """On each question, for its team, the way to review it."""
    return board.decorations(entries, viewer)


@api.hookimpl
def check_entry(draft: api.Draft) -> api.Refuse | None:
    """A question that its author has withdrawn changes no more."""
    return board.kept_as_withdrawn(draft)


@api.hookimpl
def entry_changed(entry: api.Entry, change: str) -> None:
    """A question waits again for a hidden answer; what is taken out leaves all papers; changes count anew."""
    place = None
    if entry.kind == "visits.answer":
        answers.follow_moderation(entry, change)
    elif entry.kind == "visits.question":
        similar.compare_again(entry.id)
        actions.look_again(entry)
        triage.follow_moderation(entry, change)
        if change == "hidden":
            groups.hide(entry.id)
        elif change == "removed":
            place = groups.remove(entry.id)
    taken_out.follow_moderation(entry, change)
    taken_out.put_back(place, of=entry.id)


@api.hookimpl
def user_changed(user: api.User, change: str) -> None:
    """Whose mandate ends leaves the places of those who are absent and is in charge of nothing any more, at
    once; a resident leaves all departments.
    """
    if change == "role":
        places.follow_mandate(user.id)
        if user.role != "official":
            departments.resign(user.id)
        if user.role == "resident":
            departments.leave(user.id)


@api.hookimpl
def panels(place: str, subject: Any) -> list[api.Panel]:
    """On the home page what comes and what waits; beside a question its whole way; for staff first steps."""
    if place == "entry":
        return way.panel(subject)
    if place == "dashboard":
        return board.first_steps()
    return board.home() if place == "home" else []


@api.hookimpl
def search_documents(refs: list[tuple[str, int]]) -> list[api.SearchDocument]:
    """Promises, places and stops, where people meet, and what reports say, for whoever reads them."""
    return searched.documents(refs)


@api.hookimpl
def export_user(user_id: int) -> dict[str, list[dict[str, Any]]]:
    """How to call back whoever asked, what they asked under no name, what is delicate; a scribe's notes."""
    return {
        "contacts": personal.contacts(user_id),
        "unnamed_questions": personal.unnamed(user_id),
        "sensitivities": personal.sensitivities(user_id),
        "visit_notes": personal.notes(user_id),
    }


@api.hookimpl
def erase_user(user_id: int, words: bool, addresses: list[str]) -> list[int]:
    """What the team noted of a person's questions goes; what they wrote too, if they want, but for its place
    where the town promised something.
    """
    departments.leave(user_id)
    return personal.erase(user_id, words, addresses)


@api.hookimpl
def purge_expired(now: dt.datetime) -> None:
    """How to call somebody back ends some time after the visit, a private case some time after its end."""
    personal.end_contacts(now)
    cases.end_time(now)


@api.hookimpl
def health() -> list[api.Health]:
    """Whether what is due by the clock is done: questions closed, answers published, dossiers frozen."""
    return [board.regular_work()]
