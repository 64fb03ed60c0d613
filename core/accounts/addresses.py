"""E-mail addresses as they are kept and compared: however one is spelt, it is one mailbox and one account."""


def normal(email: str) -> str:
    """An address as it is kept and compared; raises ValueError where it can't be one."""
    from email_validator import validate_email  # takes long to import, and most processes see no address

    return validate_email(email, check_deliverability=False).normalized.lower()


def typed(email: str) -> str:
    """An address that somebody is looked for by, as it is kept if it is one at all."""
    try:
        return normal(email)
    except ValueError:
        return email.lower()
