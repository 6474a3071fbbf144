"""What the listener answers: temporary when we are at fault, permanent when the sender must change."""

from __future__ import annotations

# Permanent answers reach the writer in a bounce, so they begin with Swedish that needs no more than ASCII.
TOO_LARGE = "552 5.3.4 Brevet ryms inte; dela upp det i flera. Larger than SIZE"
FOREIGN = "550 5.1.2 Adressen finns inte hos oss. Not a domain of ours, and nothing is relayed"
STORED = "250 2.0.0 Stored"
FAILED = "451 4.3.0 Could not be stored just now, please send it again later"
NO_ROOM = "451 4.3.1 No room to store it just now, please send it again later"
TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients, please send to the rest in another letter"
TOO_MANY_CONNECTIONS = "421 4.3.2 Too many connections just now, please come again later"
TOO_MANY_FROM_ONE = "421 4.7.0 Too many connections from your network, please come again later"
TOO_MANY_ERRORS = "421 4.7.0 Too many errors, please mend them and come again"
TOO_MANY_IDLE = "421 4.7.0 Too many commands without a letter, please come again later"
TOO_LONG = "421 4.3.2 Connected for long enough, please come again"
TOO_SLOW = "421 4.4.2 Waited too long, please come again later"
STOPPING = "421 4.3.2 Stopping, please come again soon"
NOT_A_COMMAND = "421 4.7.0 This is mail, and what would follow is none"
TLS_TOO_EARLY = "421 4.7.0 Something was sent before the answer to STARTTLS, and none of it is read"

# LMTP must give enhanced codes (RFC 2033 section 4); these go where aiosmtpd gives none (RFC 3463).
ENHANCED_CODES = {
    "221": "2.0.0", "250": "2.0.0", "500": "5.5.2", "501": "5.5.4",
    "502": "5.5.1", "503": "5.5.1", "553": "5.1.3", "555": "5.5.4",
}  # fmt: skip
# The command was wrong, whatever the letter: what counts as an error of the sender's program.
BAD_COMMAND = ("500", "501", "502", "503", "553", "555")


def with_enhanced_code(reply: str) -> str:
    """Put the enhanced code into a reply that has none."""
    code, _, words = reply.partition(" ")
    enhanced = ENHANCED_CODES.get(code)
    if enhanced is None or words.startswith(f"{code[0]}."):
        return reply
    return f"{code} {enhanced} {words}"
