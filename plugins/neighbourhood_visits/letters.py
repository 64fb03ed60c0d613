"""What is written to people by mail: the author of a question hears what became of it."""

from flask import current_app

from core import api

from .models import Question


def later(question_id: int) -> None:
    """Have the author told where the question stands now, inside a write."""
    api.enqueue("visits.tell_author", question_id=question_id)


def tell_author(question_id: int) -> None:
    """Write to the author of a question that it is public, why it is not, or that it has its answer."""
    with api.as_system("find the author of a question"):
        entry = api.db.session.get(api.Entry, question_id)
        question = api.db.session.get(Question, question_id)
    if entry is None or question is None or entry.author_id is None:
        return
    letter = "answered" if question.answered_at is not None else question.triage
    if letter in ("answered", "accepted", "rejected"):
        api.notify(
            entry.author_id,
            f"visits.{letter}",
            f"visits/mail/{letter}",
            title=entry.title,
            reason=question.reason,
            link=f"{current_app.config['PARVIS'].base_url}/posts/{question_id}",
        )
