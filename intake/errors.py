"""Every error the service raises on purpose, as one tree.

    IntakeError
    ├── NotFound               nothing there that this person may see
    ├── Conflict               somebody else changed it first
    ├── NotAllowed             the person may see it but not do this
    ├── DraftIncomplete        a form with neither text nor file
    ├── FileRefused            a file is refused where the person can be told
    │   ├── FileTooLarge
    │   ├── FileEmpty
    │   ├── FileTypeRefused
    │   └── TooManyFiles
    ├── StorageError           bytes could not be stored or read
    │   ├── StorageFull        under the low-disk mark
    │   └── BytesMissing       a key that a row names holds nothing
    ├── ScannerAway            the scanner gave no answer; never "clean"
    ├── AnalysisFailed         a child that read a hostile file died or took too long
    ├── SandboxAway            hostile bytes cannot be read apart from the network now
    ├── LetterUnreadable       a letter beyond the caps of the parser
    ├── ForeignDomain          a letter for a domain that is not ours
    ├── PostRefused            an outgoing letter was refused for good
    ├── PostAway               an outgoing letter could not be delivered now
    ├── PaperFailed            a receipt could not be made as a PDF
    ├── ProviderAway           the organisation's sign-in gave no usable answer
    └── CannotUnseal           none of SECRET_KEY_HANDLER's keys opens what was sealed

A message is Swedish when a person outside the team may read it. A wrong setting is
``config.settings.SettingsError``, since settings are read before anything else.
"""

from __future__ import annotations

NO_DEMONSTRATION = "authority.toml says confirmed = true: no made-up {} come into a service that is in use."


def to_translate(words: str) -> str:
    """Return Swedish words as they are; the mark lets the catalogs find what is translated where shown."""
    return words


class IntakeError(Exception):
    """Base of all errors raised on purpose."""


class NotFound(IntakeError):
    """Nothing there, or nothing that this person may know of."""


class Conflict(IntakeError):
    """Somebody else changed the same thing first."""


class NotAllowed(IntakeError):
    """The person may see the thing but not do this with it."""


class DraftIncomplete(IntakeError):
    """A form holds neither text nor file, so there is nothing to send."""


class FileRefused(IntakeError):
    """A file is refused; the message is for the person who chose it.

    ``sentences`` are Swedish and keys of the catalogs, ``values`` what stands in them: str() is the
    Swedish message, and ``intake.languages.said`` tells it in the language of the page.
    """

    def __init__(self, *sentences: str, **values: str | int) -> None:
        super().__init__(" ".join(words % values if values else words for words in sentences))
        self.sentences = sentences
        self.values = values


class FileTooLarge(FileRefused):
    """The file is larger than is taken in this way."""


class FileEmpty(FileRefused):
    """The file holds nothing."""


class FileTypeRefused(FileRefused):
    """The file's extension is not on the list."""


class TooManyFiles(FileRefused):
    """The draft already holds as many files, or as many bytes, as is taken."""


class StorageError(IntakeError):
    """Bytes could not be stored or read."""


class StorageFull(StorageError):
    """The disk is under the low-disk mark; text is still taken."""


class BytesMissing(StorageError):
    """A key holds nothing."""


class ScannerAway(IntakeError):
    """The scanner gave no usable answer; the file waits, it is never called clean."""


class AnalysisFailed(IntakeError):
    """A child that read a hostile file died, gave up or took too long; the message says why, in Swedish."""


class SandboxAway(IntakeError):
    """Nothing can be read where it cannot reach a network; the work waits, it is never done without."""


class LetterUnreadable(IntakeError):
    """A letter is beyond the caps of the parser or broke it."""


class ForeignDomain(IntakeError):
    """A recipient is not in any of our domains."""


class PostRefused(IntakeError):
    """An outgoing letter was refused for good.

    ``code`` is the server's answer in codes alone, such as "550 5.1.1"; None when we refused it.
    """

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class PostAway(IntakeError):
    """An outgoing letter could not be delivered now.

    ``may_have_gone`` tells that the connection broke after the letter was sent and before the
    answer came: nobody can know whether it arrived.
    """

    def __init__(self, message: str, *, may_have_gone: bool = False) -> None:
        super().__init__(message)
        self.may_have_gone = may_have_gone


class PaperFailed(IntakeError):
    """A receipt could not be made as a PDF; the page itself can still be printed."""


class ProviderAway(IntakeError):
    """The organisation's OpenID provider gave no usable answer; the message is for the log alone."""


class CannotUnseal(IntakeError):
    """None of the keys opens what was sealed at rest: the key is gone, or it was tampered with."""

    def __init__(self, purpose: str) -> None:
        cure = "put its key back"
        super().__init__(f"none of the keys in SECRET_KEY_HANDLER opens the sealed {purpose}; {cure}")
