"""What a person is told of a file that cannot be taken, before anything is sent."""

from __future__ import annotations

from config.files import FileLimits
from intake.errors import FileEmpty, FileTooLarge, FileTypeRefused, to_translate
from intake.files.names import clean_name, extension

TEXT_IS_SAVED = to_translate("Din text är sparad.")


def refuse_before_sending(name: str, size_bytes: int, limits: FileLimits) -> None:
    """Refuse a file that a person is just choosing, in words that say what to do instead.

    Raises FileTypeRefused, FileEmpty or FileTooLarge. What has been received is never refused:
    it is judged.
    """
    shown = clean_name(name).shown
    if extension(name) not in limits.types:
        raise FileTypeRefused(
            to_translate(
                "Filen ”%(name)s” är av en typ som inte kan tas emot här. Vi tar emot bilder, filmer, ljud, "
                "dokument och zip-filer."
            ),
            TEXT_IS_SAVED,
            _way_out(size_bytes, limits),
            name=shown,
        )
    if size_bytes == 0:
        raise FileEmpty(
            to_translate("Filen ”%(name)s” är tom."),
            TEXT_IS_SAVED,
            to_translate("Välj filen igen eller fortsätt utan den."),
            name=shown,
        )
    if size_bytes > limits.max_file_bytes:
        raise FileTooLarge(
            to_translate("Filen ”%(name)s” är större än %(most)s, som är det största som kan tas emot här."),
            TEXT_IS_SAVED,
            _way_out(size_bytes, limits),
            name=shown,
            most=megabytes(limits.max_file_bytes),
        )


def _way_out(size_bytes: int, limits: FileLimits) -> str:
    if size_bytes <= limits.mail_way_out_bytes:
        return to_translate(
            "Skicka texten utan filen och mejla sedan filen till adressen på kvittot, "
            "så hamnar den i samma ärende."
        )
    return to_translate(
        "Skicka texten utan filen och skriv att du har den, så kan en handläggare säga hur du lämnar den."
    )


def megabytes(size_bytes: int) -> str:
    """Return a size in Swedish, such as "1,5 MB"."""
    return f"{size_bytes / (1 << 20):.1f}".removesuffix(".0").replace(".", ",") + " MB"
