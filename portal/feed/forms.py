"""The forms of posts and replies: words, and pictures with what they show."""

import secrets
from collections.abc import Iterable
from typing import Any

from flask import request
from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, EmailField, FileField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from core.accounts import throttle
from core.files import FileError, Prepared, prepare
from core.forms import Form, a_name, an_address, whole
from core.text import one_line

from ..spaces.reads import Mine

BODY, TITLE, ALT, PICTURES = 20_000, 200, 300, 4


def new_key() -> str:
    """What makes a form that is sent twice a single post."""
    return secrets.token_hex(16)


def _described(_form: Form, field: "PicturesField") -> None:
    """Validator: four pictures at most, each described or said to be decorative."""
    wrong = [] if len(field.chosen) <= PICTURES else [gettext("At most four pictures.")]
    for number, _upload, alt, decorates in field.chosen:
        if not alt and not decorates:
            wrong.append(
                gettext("Picture %(number)s: say what it shows, or that it only decorates.", number=number)
            )
        if len(alt) > ALT:
            wrong.append(gettext("Picture %(number)s: use at most 300 characters.", number=number))
    if wrong:
        raise ValidationError(" ".join(wrong))


class PicturesField(FileField):
    """Pictures and what they show; `data` is pairs of a prepared picture and its text, once prepared.

    `kept` is what was said of each, and whether it only decorates: words are kept where files can't be.
    """

    data: list[tuple[Prepared, str]]

    def __init__(self, **kw: Any) -> None:
        super().__init__(_("Pictures"), [_described], **kw)

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        super().process(None, data, extra_filters)
        self.data, self.chosen, self.kept = [], [], []
        if not formdata:
            return
        texts, plain = formdata.getlist("alts"), formdata.getlist("decorative")
        if any(map(str.strip, texts)) or plain:
            self.kept = [(text, str(number) in plain) for number, text in enumerate(texts, start=1)]
        for number, upload in enumerate(formdata.getlist(self.name), start=1):
            if getattr(upload, "filename", ""):
                alt = one_line(texts[number - 1]) if number <= len(texts) else ""
                self.chosen.append((number, upload, alt, str(number) in plain))

    def prepare(self) -> bool:
        """Check and store the chosen pictures; says whether all can be shown."""
        from core import pictures  # the library behind it is dear to load

        streams = [upload.stream for _number, upload, *_said in self.chosen]
        if sum(map(pictures.weight, streams)) > pictures.MOST_PIXELS:
            self.errors = [gettext("Together these pictures are too large: send them one after the other.")]
            return False
        for number, upload, alt, decorates in self.chosen:
            try:
                throttle.hit("picture", throttle.person())
                self.data.append((prepare(upload), "" if decorates else alt))
            except FileError as error:
                about = gettext("Picture %(number)s: %(problem)s", number=number, problem=str(error))
                self.errors = [*self.errors, about]
        return not self.errors


class WordsForm(Form):
    """A title where one is wanted, and the words themselves; `asks` is what a plugin asks the author."""

    title = StringField(
        _("Title"),
        [Optional(), Length(max=TITLE, message=_("Use at most 200 characters."))],
    )
    body = TextAreaField(
        _("Your text"),
        [InputRequired(_("Write something.")), Length(max=BODY, message=_("Use at most 20,000 characters."))],
    )
    confirmed = BooleanField(_("I have read this, post anyway"))
    asks = ""

    def refuse(self, message: str) -> None:
        """Show why this can't be published, beside the words."""
        self.body.errors = [*self.body.errors, message]

    def ask(self, question: str) -> None:
        """Show a plugin's question above the form and beside its box to post anyway."""
        self.asks = question
        self.confirmed.errors = [question]


class PostForm(WordsForm):
    """A post or a reply; `client_key` makes a repeated one a single one."""

    client_key = HiddenField(default=new_key)
    pictures = PicturesField()

    def validate(self, extra_validators: Any = None) -> bool:
        sound = super().validate(extra_validators) and ("preview" in request.form or self.pictures.prepare())
        if not sound and self.pictures.chosen:
            again = gettext("Please choose your pictures again: a browser does not keep them.")
            self.pictures.errors = [*self.pictures.errors, again]
        return sound


class HomePostForm(PostForm):
    """A post that says in which space."""

    space = SelectField(_("Space"), [InputRequired(_("Choose a space."))], coerce=whole)

    def __init__(self, places: Iterable[tuple[str, Iterable[Mine]]], **kw: Any) -> None:
        super().__init__(**kw)
        titles = {
            "here": gettext("In my part of the town"),
            "mine": gettext("My spaces"),
            "open": gettext("Open to everybody"),
        }
        choices = [
            SelectChoice(one.id, one.name, optgroup=titles[group]) for group, some in places for one in some
        ]
        self.space.choices = [SelectChoice("", gettext("Choose a space")), *choices]


def grouped(
    mine: Iterable[Mine], others: Iterable[Mine], area_id: int | None
) -> tuple[tuple[str, tuple[Mine, ...]], ...]:
    """Where an author writes: in their area, in their spaces, in those open to all; only groups with some."""
    own = [space for space in mine if space.writes]
    known = {space.id for space in own}
    free = [space for space in others if space.id not in known]
    here = [space for space in (*own, *free) if area_id is not None and space.area_id == area_id]
    groups = (
        ("here", here),
        ("mine", [space for space in own if space not in here]),
        ("open", [space for space in free if space not in here]),
    )
    return tuple((group, tuple(some)) for group, some in groups if some)


class GuestForm(WordsForm):
    """A post or a reply of somebody without an account, to be confirmed by e-mail."""

    client_key = HiddenField(default=new_key)
    name = StringField(_("Your name"), [InputRequired(_("Write your name.")), a_name])
    email = EmailField(_("E-mail"), [InputRequired(_("Write your e-mail address.")), an_address])


class EditForm(WordsForm):
    """A change of what one said; `version` is what its author saw."""

    version = HiddenField()

    def __init__(self, *args: Any, titled: bool = False, **kw: Any) -> None:
        super().__init__(*args, **kw)
        if titled:  # of such a kind the title alone says enough
            self.title.validators = [InputRequired(_("Write something.")), *self.title.validators[1:]]
            self.body.validators = [Optional(), *self.body.validators[1:]]
            self.title.flags.required, self.body.flags.required = True, False
