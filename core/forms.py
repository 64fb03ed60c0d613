"""The base of every form: cross-site protection, and times and choices read with care."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField


def whole(text: Any) -> int | None:
    """The whole number that a field of a request holds, if it is one of at most nine digits."""
    text = str(text)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


class Form(FlaskForm):  # type: ignore[misc]
    """A form whose fields a page draws with `m.field`; what was typed is kept when it is refused."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def render_field(self, field: Any, render_kw: dict[str, Any]) -> Any:
            if isinstance(field, HiddenField):  # nothing refers to it, and a page may show several forms
                render_kw = {"id": False, **render_kw}
            return super().render_field(field, render_kw)

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            filters = list(unbound_field.kwargs.get("filters", ()))
            if _trim not in filters and unbound_field.field_class.__name__ in _TRIMMED:
                unbound_field.kwargs["filters"] = [_trim, *filters]
            return unbound_field.bind(form=form, **options)


_TRIMMED = {"StringField", "TextAreaField", "EmailField", "SearchField", "TelField", "URLField"}


def _trim(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
