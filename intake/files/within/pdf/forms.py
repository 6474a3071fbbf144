"""Whether a form in XML (XFA) does more than be filled in: sends or fetches by itself, or makes scripts."""

from __future__ import annotations

import re

_STYLE = re.compile(r"<\?xml-stylesheet\b", re.IGNORECASE)
# An event that no person starts, up to its end; what a click sends is sent by a person who knows.
_EVENT = re.compile(r"<(?:\w+:)?event\b([^>]*)>(.*?)</(?:\w+:)?event\s*>", re.DOTALL | re.IGNORECASE)
_BY_PERSON = re.compile(r"activity\s*=\s*[\"'](?:click|mouseUp|mouseDown)[\"']", re.IGNORECASE)
_SUBMIT = re.compile(r"<(?:\w+:)?(?:submit|execute)\b", re.IGNORECASE)
_SHARE = re.compile(
    r"(?:href|target|action|connection|ref|uri)\s*=\s*[\"']\s*(?:\\\\|//|file:|javascript:)", re.IGNORECASE
)
_LINE_BREAK = re.compile(r"textEncoding\s*=\s*[\"'][^\"']*[\r\n]", re.IGNORECASE)
_SOAP = re.compile(r"<(?:\w+:)?submit\b[^>]*(?:method\s*=\s*[\"']soap|soapAction)", re.IGNORECASE)
_SCRIPT = re.compile(r"<(?:\w+:)?script\b([^>]*)>(.*?)</(?:\w+:)?script\s*>", re.DOTALL | re.IGNORECASE)
# FormCalc is the language where none is named; these are its only functions that reach the network.
_FETCHES = re.compile(r"(?<![\w.])(?:get|post|put)\s*\(", re.IGNORECASE)
_REACHES_OUT = re.compile(
    r"\b(?:launchURL|getURL|getURLData|submitForm|openDoc|importDataObject|importTextData|mailDoc|newDoc|"
    r"readFileIntoStream|trustedFunction|unescape|fromCharCode|XMLHttpRequest|WebSocket)\b|"
    r"\b(?:SOAP|ADBC|RSS|Net|Collab)\s*\.|\beval\s*\(|\[\s*[\"'][^\"'\]]*[\"']\s*\+|XMLData\s*\.\s*parse"
)


def xfa_acts(form: str) -> bool:
    """Say whether a form does something that filling in does not need."""
    if any(sign.search(form) for sign in (_STYLE, _SHARE, _LINE_BREAK, _SOAP)):
        return True
    for event in _EVENT.finditer(form):
        if not _BY_PERSON.search(event[1]) and _SUBMIT.search(event[2]):
            return True
    return any(_script_acts(each[1], each[2]) for each in _SCRIPT.finditer(form))


def _script_acts(attributes: str, script: str) -> bool:
    is_formcalc = "javascript" not in attributes.lower()
    return (is_formcalc and _FETCHES.search(script) is not None) or _REACHES_OUT.search(script) is not None
