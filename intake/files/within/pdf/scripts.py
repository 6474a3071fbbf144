"""Whether a script in a PDF only does what forms do: count, check and format what is filled in."""

from __future__ import annotations

import re
from itertools import pairwise

from intake.files.within.pdf.reading import words

MAX_SCRIPT_CHARS = 200_000

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n\r]*|/\*.*?\*/)
      |(?P<text>"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')
      |(?P<number>\d[\w.]*)
      |(?P<name>[^\W\d][\w$]*|\$[\w$]*)
      |(?P<mark>[^\w\s\\])""",
    re.VERBOSE | re.DOTALL,
)
# Names of Acrobat's that a script may not pass off as its own.
_REACHES = words(
    "eval unescape escape Function fetch XMLHttpRequest WebSocket Image getURL submitForm openDoc "
    "launchURL mailDoc mailForm mailMsg importDataObject exportDataObject openDataObject getDataObject "
    "createDataObject importAnFDF importAnXFDF importXFAData importTextData exportAsFDF exportAsXFDF "
    "exportAsText exportXFAData setTimeOut setInterval addScript setAction setPageAction "
    "spawnPageFromTemplate getAnnot addAnnot addField addLink newDoc saveAs insertPages replacePages "
    "importIcon hostContainer info SOAP ADBC Net RSS Collab trustedFunction trustPropagatorFunction "
    "constructor require media execMenuItem getTemplate createTemplate printWithDialog"
)
_FUNCTION = re.compile(r"\bfunction\s+([A-Za-z_$][\w$]*)")
# Adobe's form designer writes this into every form, to ask for a newer reader.
_ADOBE_NAME = re.compile(r"\bADBE\.(?=\w)")
_ADOBE_CHECK = re.compile(
    r"(?:this\.getURL|app\.launchURL)\(ADBE\.\w+_Version_URL \+ ADBE\.SYSINFO, (?:true|false)\)"
    r"|app\.response\(\{cQuestion: ADBE\.\w+, cDefault: ADBE\.\w+_Version_URL \+ ADBE\.SYSINFO"
    r"(?:, cTitle: ADBE\.\w+)?\}\)"
    r"|ADBE\.\w+_Value_New_Version_URL = \"http://cgi\.adobe\.com/special/acrobat/[\w/]+\""
    r"|app\.findComponent\(\{cType:\"Plugin\", cName:\"XFA\", cVer:\"[\d.]+\"\}\)"
    r"|if \(typeof\(this\.ADBE\) == \"undefined\"\)\s+this\.ADBE = new Object\(\);"
)
_QUOTE_IN_LINE = re.compile(r"[^\n\r]*?(?:['\"]|/\*)")
_PATTERN = re.compile(r"/(?![/*])(?:[^/\\\n\r\[]|\\.|\[(?:[^\]\\\n\r]|\\.)*\])+/[gim]*")
_WORDS = words(
    "var let const function return if else for while do break continue switch case default new typeof in "
    "of true false null undefined NaN Infinity void delete try catch finally throw instanceof"
)
# What forms use of Acrobat's and the language's own names. Nothing that reaches the network, other files
# or other documents, or that makes a script of text.
_KNOWN = words(
    "dataObjects external popUpMenu focusRect Object ADBE xfa_installed xfa_version syncAnnotScan "
    "getAnnots this app event util color console border display font style position highlight "
    "AFNumber_Format AFNumber_Keystroke AFPercent_Format AFPercent_Keystroke AFDate_Format "
    "AFDate_FormatEx AFDate_Keystroke AFDate_KeystrokeEx AFTime_Format AFTime_FormatEx AFTime_Keystroke "
    "AFTime_KeystrokeEx AFSpecial_Format AFSpecial_Keystroke AFSpecial_KeystrokeEx AFSimple "
    "AFSimple_Calculate AFSimpleInit AFRange_Validate AFMergeChange AFMakeNumber AFExtractNums "
    "AFParseDateEx AFMakeArrayFromList AFExactMatch Array Boolean Date Math Number RegExp String isNaN "
    "isFinite parseInt parseFloat getField value rc willCommit change changeEx selStart selEnd source "
    "target targetName name type commitKey keyDown modifier shift richValue valueAsString textColor "
    "fillColor strokeColor borderColor transparent black white red green blue cyan magenta yellow gray "
    "ltGray dkGray RGB visible hidden noPrint noView required readonly readOnly multiline charLimit "
    "comb alignment rect setFocus checkThisBox isBoxChecked isDefaultChecked setItems getItemAt "
    "insertItemAt deleteItemAt clearItems currentValueIndices numItems defaultValue exportValues "
    "userName page print getPrintParams resetForm calculateNow calculate dirty pageNum numPages zoom "
    "zoomType fullScreen numFields getNthFieldName buttonSetCaption buttonGetCaption lineWidth textFont "
    "textSize delay layout length charAt charCodeAt indexOf lastIndexOf match replace search slice "
    "split substr substring toLowerCase toUpperCase toString toFixed trim valueOf concat join push pop "
    "reverse sort splice unshift test getDate getDay getFullYear getHours getMinutes getMonth "
    "getSeconds getTime getYear getTimezoneOffset setDate setFullYear setHours setMinutes setMonth "
    "setSeconds setTime setYear parse abs ceil floor max min pow round sqrt random PI log exp sin cos "
    "tan MAX_VALUE MIN_VALUE printf printd printx scand viewerVersion viewerType viewerVariation "
    "formsVersion platform language runtimeHighlight println show hide clear"
)
# A message belongs to the check of a field; one that comes by itself is as often a trick.
_SPEAKS = words("alert beep cMsg cTitle nIcon nType oDoc")


def functions_of(script: str) -> frozenset[str]:
    """Return the names of the functions that a script declares for the whole document."""
    return frozenset(_FUNCTION.findall(script[:MAX_SCRIPT_CHARS])) - _REACHES


def is_ordinary(script: str, *, shared: frozenset[str] = frozenset(), may_speak: bool = True) -> bool:
    """Say whether a script uses nothing but what forms use; one that cannot be followed does not.

    A list of what is harmless holds where a list of dangers is got round by ``app["laun" + "chURL"]``:
    what stands in brackets may only be a number or a variable that counts.
    """
    if len(script) > MAX_SCRIPT_CHARS:
        return False
    shorter = _ADOBE_CHECK.sub("0", script)
    is_adobes = shorter != script
    tokens = _tokens(_ADOBE_NAME.sub("ADBE_", shorter) if is_adobes else script)
    if tokens is None or (is_adobes and "_Version_URL" in shorter):
        return False
    parameters = _parameters(tokens)
    own = shared | ((_own_names(tokens) | parameters) - _REACHES)
    if is_adobes:
        own |= {text for _, text in tokens if text.startswith("ADBE_")}
    asks_for_a_reader = is_adobes or "viewerVersion" in script
    allowed = _KNOWN | own | (_SPEAKS if may_speak or asks_for_a_reader else frozenset())
    counting = _counting(tokens) - parameters
    framed = [("", ""), *tokens, ("", ""), ("", "")]
    return all(
        _is_harmless(framed[index - 1 : index + 3], allowed, counting) for index in range(1, len(tokens) + 1)
    )


def _tokens(script: str) -> list[tuple[str, str]] | None:
    """Return kind and text of each token, without blanks and comments; None for what cannot be followed."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(script):
        match = _TOKEN.match(script, at)
        if match and match[0] == "/":
            before = found[-1] if found else ("mark", "(")
            if script.startswith("/*", at) or (before[1] in (")", "}") and _QUOTE_IN_LINE.match(script, at)):
                # It may divide or begin a pattern; a quote would then hide what follows.
                return None
            if (before[0] == "mark" and before[1] not in (")", "]", "}")) or before[1] == "return":
                match = _PATTERN.match(script, at)
        if match is None:
            return None
        if match.lastgroup != "skip":
            found.append((match.lastgroup or "text", match[0]))
        at = match.end()
    return found


def _own_names(tokens: list[tuple[str, str]]) -> set[str]:
    """Return the names that the script gives to variables and functions of its own."""
    names = set()
    for (_, before), (kind, text), (_, after) in zip(
        [("", ""), *tokens], tokens, [*tokens[1:], ("", "")], strict=False
    ):
        if kind == "name" and (before in ("var", "let", "const", "function", "catch") or after == "="):
            names.add(text)
    return names


def _parameters(tokens: list[tuple[str, str]]) -> set[str]:
    names = set()
    within = False
    for (_, before), (kind, text) in pairwise([("", ""), *tokens]):
        within = (within or (text == "(" and before == "function")) and text != ")"
        if kind == "name" and (within or before == "function"):
            names.add(text)
            within = True
    return names - _WORDS


def _counting(tokens: list[tuple[str, str]]) -> set[str]:
    """Return the variables that are never given anything but a number."""
    counts: set[str] = set()
    others: set[str] = set()
    for (kind, text), (_, sign), (given, _) in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if kind == "name" and sign in ("=", "in", "of"):
            (counts if sign == "=" and given == "number" else others).add(text)
    return counts - others


def _is_harmless(around: list[tuple[str, str]], allowed: frozenset[str], counting: set[str]) -> bool:
    """Say whether a token is, by the one before it and the two after."""
    (kind_before, before), (kind, text), (kind_after, after), (_, last) = around
    if text == "[" and kind == "mark":
        is_index = (kind_before == "name" and before not in _WORDS) or before in (")", "]")
        return not is_index or (last == "]" and (kind_after == "number" or after in counting))
    if kind != "name" or text in _WORDS or text in allowed:
        # A name of the script's own may also be one of Acrobat's, so it is no member of something else.
        return kind != "name" or before != "." or text in _KNOWN or text in _SPEAKS & allowed
    return after == ":" and before in ("{", ",")
