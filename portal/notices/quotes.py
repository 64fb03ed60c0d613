"""What somebody wrote in a reply by mail, without what their mail program put around it."""

import re

LONGEST = 20_000
_SAYS = re.compile(r"(?:On|Le) .{0,80}\d{1,2}[:h]\d\d.{0,80}$", re.IGNORECASE)
_FRAME = re.compile(
    r"[-_=*\s]+$|-+ ?(?:Original Message|Message d.origine)"
    r"|(?:Sent from|Get Outlook|Envoyé d|Télécharge[rz]? Outlook|Obtenir Outlook).{0,60}$",
    re.IGNORECASE,
)


def unquoted(text: str, ours: set[str]) -> str:
    """The text down to where a mail program signs or quotes ours, without the lines that introduce either.

    Whoever answers quotes us: a program names one of our addresses above its quotation, or marks it.
    """
    kept: list[str] = []
    quotes = False
    for line in text.splitlines():
        if line.strip() == "--":
            break
        quotes = any(one in line.lower() for one in ours)
        if quotes:
            break
        if not line.startswith(">"):
            kept.append(line.rstrip())
        elif kept and _SAYS.match(kept[-1]):
            kept.pop()
    while kept and (not kept[-1] or _FRAME.match(kept[-1]) or (quotes and _SAYS.match(kept[-1]))):
        kept.pop()
    return "\n".join(kept).strip()[:LONGEST]
