"""The tables of the suggestions: what the town's decisions taught, and the terms of questions."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from core import api


class Learned(api.StaffOnly, api.Base):
    """How many accepted questions with a word have a label; counted anew by a job.

    `sort` is `theme` or `department`; the word `""` counts the questions of a label, `*` their words, and
    the label `""` the different words. Of the sort `term`, the word is a term: how many questions have it;
    of the sort `space`, the label is the id of a visit: how many questions it has.
    """

    __tablename__ = "visits_learned"
    sort: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    word: Mapped[str] = mapped_column(sa.String(90), primary_key=True)
    label: Mapped[str] = mapped_column(sa.String(80), primary_key=True)
    count: Mapped[int]


class Term(api.OnEntry, api.Base):
    """A term of a question, and how much it says of it; `space_id` is the question's visit."""

    __tablename__ = "visits_term"
    term: Mapped[str] = mapped_column(sa.String(90), primary_key=True)
    space_id: Mapped[int] = mapped_column(sa.ForeignKey("core_space.id", ondelete="CASCADE"))
    weight: Mapped[float]
    __table_args__ = (sa.Index("ix_visits_term_term", "term", "space_id", "entry_id", "weight"),)


class Similar(api.OnEntry, api.Base):
    """A question that may say the same as another of its visit, the nearest with the highest score."""

    __tablename__ = "visits_similar"
    other_id: Mapped[int] = mapped_column(
        sa.ForeignKey("core_entry.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    score: Mapped[float]
