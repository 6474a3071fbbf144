"""The pages of openness: what we must tell, and want to, with facts from two tables of the authority."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, current_app, render_template

from config.categories import Choice
from intake.citizen.surface import bp
from intake.errors import NotFound
from intake.extensions import STOCKHOLM, now, settings
from intake.languages import _
from intake.matters import placing

# Told anew at each request; a reader should ask again within that time.
CONTACT_HOLDS = timedelta(days=180)


@bp.app_template_filter("ord")
def in_language(words: str) -> str:
    """Return the words of a table in the language of the page, in which a per cent sign is no format."""
    return str(_(words))


@bp.get("/.well-known/security.txt")
def security_txt() -> Response:
    """Tell to whom a fault in the service can be reported (RFC 9116)."""
    contact = settings().tables.authority.security_contact
    if not contact:
        raise NotFound("nobody is named to whom a fault can be reported")
    expires = (now() + CONTACT_HOLDS).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [f"Contact: {contact}", f"Expires: {expires:%FT%TZ}", "Preferred-Languages: sv, en"]
    if settings().public_url.startswith("https://"):
        lines.append(f"Canonical: {settings().public_url.rstrip('/')}/.well-known/security.txt")
    return Response("\n".join(lines) + "\n", mimetype="text/plain")


@bp.get("/tillganglighet")
def accessibility() -> str:
    """Show the statement of accessibility (lag 2018:1937 13 §)."""
    statement = settings().tables.openness.accessibility
    today = now().astimezone(STOCKHOLM).date()
    return _page("tillganglighet", statement=statement, is_old=statement.is_old(today))


@bp.get("/personuppgifter")
def privacy() -> str:
    """Tell what becomes of personal data, by the law that each matter is under."""
    return _page(
        "personuppgifter",
        privacy=settings().tables.openness.privacy,
        of_crime=_choices("brottsdata"),
        of_administration=_choices("forvaltning_gdpr"),
    )


@bp.get("/kakor")
def cookies() -> str:
    """Tell of the one cookie, as this instance sets it (lag 2022:482 9 kap. 28 §)."""
    config = current_app.config
    return _page("kakor", name=config["SESSION_COOKIE_NAME"], is_https=config["SESSION_COOKIE_SECURE"])


@bp.get("/kontaktvagar")
def channels() -> str:
    """Tell what each way to us is for, and what it cannot do."""
    tables = settings().tables
    inboxes = [unit for unit in tables.authority.units if unit.kind == "inkorg" and unit.mail_local]
    inboxes.sort(key=lambda unit: unit.region is not None)
    names = {region.code: region.name for region in tables.authority.regions}
    return _page(
        "kontaktvagar",
        openness=tables.openness,
        inboxes=[(names.get(unit.region or ""), unit.mail_local) for unit in inboxes],
        most_bytes=tables.files.mail_way_out_bytes,
    )


@bp.get("/sa-sorterar-vi")
def sorting() -> str:
    """Tell how matters are sorted, from the rules themselves."""
    return _page("sa-sorterar-vi", rules=placing.rules().public)


@bp.get("/lattlast")
def easy_read() -> str:
    """Tell what this is in easy Swedish."""
    return _page("lattlast")


@bp.get("/sprak")
def language_pages() -> str:
    """List the languages of the form, and those that have a page of their own."""
    return _page("sprak", openness=settings().tables.openness)


@bp.get("/sprak/<code>")
def language_page(code: str) -> str:
    """Tell in one language how to reach us, or in Swedish the least we must while it is not translated."""
    openness = settings().tables.openness
    slot = openness.find_language(code)
    if slot is None:
        raise NotFound("no page in that language")
    review = slot.review if slot.paragraphs else openness.reviews["sprak"]
    return render_template("citizen/about/sprak-sida.html", slot=slot, review=review)


def _page(name: str, /, **facts: object) -> str:
    review = settings().tables.openness.reviews[name]
    return render_template(f"citizen/about/{name}.html", review=review, **facts)


def _choices(regime: str) -> list[Choice]:
    """Return what the form offers under a law; "something else" is left out, since it tells nothing."""
    categories = settings().tables.categories
    choices = [choice for group in categories.groups for choice in group.choices]
    return [
        choice
        for choice in {choice.words: choice for choice in choices if not _is_other(choice)}.values()
        if categories.get(choice.category).regime == regime
    ]


def _is_other(choice: Choice) -> bool:
    return choice.code.endswith("annat") or choice.code == "vet-inte"
