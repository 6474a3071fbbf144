"""Which host names a surface answers to: its own, as PUBLIC_URL and HANDLER_URL name it."""

from __future__ import annotations

from urllib.parse import urlsplit

from config.settings import Settings

THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


def home_of(settings: Settings) -> str:
    """Return where the surface is found, without a slash at its end."""
    return settings.handler_url if settings.surface == "handler" else settings.public_url


def names_of(settings: Settings) -> frozenset[str]:
    """Return the surface's host names; where one means this machine, so do the others that do."""
    names = {name_in(home_of(settings))}
    if settings.surface == "all":
        names.add(name_in(settings.handler_url))
    return frozenset(names | THIS_MACHINE if names & THIS_MACHINE else names)


def name_in(address: str) -> str:
    """Return the host name in a URL or a Host header as it is sent (RFC 3490), "" when there is none."""
    try:
        name = urlsplit(address if "://" in address else f"//{address}").hostname or ""
        return name.removesuffix(".").encode("idna").decode()
    except ValueError:
        return ""
