"""The base of every form: cross-site protection, and times and choices read with care."""

from typing import Any

from flask_wtf import FlaskForm


class Form(FlaskForm):  # type: ignore[misc]
    """A form whose fields a page draws with `m.field`; what was typed is kept when it is refused."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            filters = list(unbound_field.kwargs.get("filters", ()))
            if _trim not in filters and unbound_field.field_class.__name__ in _TRIMMED:
                unbound_field.kwargs["filters"] = [_trim, *filters]
            return unbound_field.bind(form=form, **options)


_TRIMMED = {"StringField", "TextAreaField", "EmailField", "SearchField", "TelField", "URLField"}


def _trim(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
