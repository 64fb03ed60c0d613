"""The base of every form: cross-site protection, texts without what can't be seen, choices read with care."""

from functools import lru_cache
from typing import Any

from babel import support
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.datastructures import CombinedMultiDict, MultiDict
from wtforms import DateTimeField, FileField, HiddenField, PasswordField, StringField, TextAreaField
from wtforms.i18n import messages_path
from wtforms.validators import DataRequired, InputRequired, ValidationError

from . import text
from .access import Refused
from .accounts import actions, addresses


def whole(value: Any) -> int | None:
    """The whole number that a field of a request holds, if it is one of at most nine digits."""
    digits = str(value)
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None


class Form(FlaskForm):  # type: ignore[misc]
    """A form whose fields a page draws with `m.field`; what was typed is kept when it is refused.

    A text is kept as it can be seen, and one that must be there is refused when nothing of it can.
    """

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def get_translations(self, _form: Any) -> Any:
            return _texts(str(get_locale()))

        def render_field(self, field: Any, render_kw: dict[str, Any]) -> Any:
            if isinstance(field, HiddenField):  # nothing refers to it, and a page may show several forms
                render_kw = {"id": False, **render_kw}
            return super().render_field(field, render_kw)

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            given = super().wrap_formdata(form, formdata)
            if not isinstance(given, CombinedMultiDict):
                return given
            takes = {field.name for field in form if isinstance(field, FileField)}  # else it is not there
            return MultiDict(
                one for one in given.items(multi=True) if isinstance(one[1], str) or one[0] in takes
            )

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            field = unbound_field.bind(form=form, **options)
            if isinstance(field, StringField) and not isinstance(field, HiddenField | PasswordField):
                field.filters = [_lines if isinstance(field, TextAreaField) else one_line, *field.filters]
                field.validators = [
                    DataRequired(check.message) if isinstance(check, InputRequired) else check
                    for check in field.validators
                ]
            if isinstance(field, DateTimeField):
                field.validators = [*field.validators, _near]
            return field


def _near(_form: Any, field: Any) -> None:
    """Validator of every date: one that any time zone and a few days more leave within the calendar."""
    if not 1900 <= getattr(field.data, "year", 2000) <= 2999:
        raise ValidationError(_("This date is too far away."))


@lru_cache
def _texts(language: str) -> support.NullTranslations:
    """WTForms' own messages, read once a process."""
    return support.Translations.load(messages_path(), [language], domain="wtforms")


def one_line(value: Any) -> Any:
    """Filter: the text in one line, without what can't be seen."""
    return text.one_line(value) if isinstance(value, str) else value


def an_address(_form: Form, field: Any) -> None:
    """Validator: a complete e-mail address; the field then holds it as it is kept."""
    try:
        field.data = addresses.normal(field.data or "")
    except ValueError:
        raise ValidationError(_("Write a complete address, such as name@example.org.")) from None
    if len(field.data) > 254:
        raise ValidationError(_("This address is too long."))


def a_name(_form: Form, field: Any) -> None:
    """Validator: a name of at most 80 characters, by which nobody takes a resident for an official."""
    if len(field.data or "") > 80:
        raise ValidationError(_("Use at most 80 characters."))
    try:
        actions.check_name(field.data or "")
    except Refused as refusal:
        raise ValidationError(str(refusal)) from None


def _lines(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value.strip() if text.visible(value) else ""
