"""Finds what a mail program added to a reply: the quoted message, a signature, an advertisement for a phone.

GitHub does not say that a comment came by mail, so only what nobody types counts. A quotation whose lines begin with
``>`` is for Markdown to recognize; here it only ends a text together with the line that announces it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

LONGEST_LINE = 400
"""Characters up to which a line may be one of a mail program's own."""

_LINES_OF_A_SIGNATURE = 8
_LINES_OF_A_HEADER = 8
_LINES_OF_AN_ANNOUNCEMENT = 3


def end_of_reply(lines: Sequence[str], plain: Sequence[bool]) -> int:
    """How many of a comment's lines its author wrote in this reply; the others were added by a mail program.

    :param plain: which lines are plain text (`bot.text.markdown.plain_lines`)
    """
    end = next((number for number in range(len(lines)) if plain[number] and _begins_a_message(lines, number)), None)
    end = _last_line(lines, len(lines) if end is None else end)
    if end and _is_rule(lines[end - 1]):
        end = _last_line(lines, end - 1)
    end = _without_quotation(lines, end)
    end = _without_advertisement(lines, end)
    return _without_advertisement(lines, _without_signature(lines, plain, end))


def _begins_a_message(lines: Sequence[str], number: int) -> bool:
    """Whether the quoted message, to which no line's own sign belongs, begins at a line."""
    line = _short(lines[number])
    if _ORIGINAL_MESSAGE.fullmatch(line):
        return True
    if _is_header(lines, number) and ("@" in line or _is_rule(_above(lines, number))):
        return True
    below = number + _is_announcement(lines, number)
    if below == number:
        return False
    quoted = next((lines[after] for after in range(below, min(below + 3, len(lines))) if lines[after].strip()), "")
    return bool(quoted) and not _is_quoted(quoted)


def _short(line: str) -> str:
    return line.strip() if len(line) <= LONGEST_LINE else ""


def _above(lines: Sequence[str], number: int) -> str:
    """The nearest line above that is not blank, or an empty one."""
    return next((line for line in reversed(lines[max(0, number - 2) : number]) if line.strip()), "")


def _is_rule(line: str) -> bool:
    """Outlook's, which is longer than any that people type."""
    return len(_short(line)) >= 20 and not _short(line).strip("_")


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


_ORIGINAL_MESSAGE = re.compile(
    r"-{3,} ?(?:Original Message|Original Appointment|Ursprüngliche Nachricht|Originalnachricht|Message d['’]origine|"  # noqa: RUF001
    r"Mensaje original|Messaggio originale|Mensagem original|Oorspronkelijk bericht|Ursprungligt meddelande|"
    r"Oprindelig meddelelse|Opprinnelig melding|Alkuperäinen viesti|Wiadomość oryginalna|Původní zpráva|"
    r"Исходное сообщение|Orijinal Mesaj|原始邮件|原始郵件|元のメッセージ|원본 메시지) ?-{3,}",
    re.IGNORECASE,
)


def _is_header(lines: Sequence[str], number: int) -> bool:
    """Whether a message's sender, date and subject begin at a line, as Outlook writes them."""
    if not _SENDER.fullmatch(_label(lines[number])):
        return False
    labels = [_label(line) for line in takewhile(str.strip, lines[number + 1 : number + _LINES_OF_A_HEADER])]
    return any(map(_SENT.fullmatch, labels)) and any(map(_SUBJECT.fullmatch, labels))


def _label(line: str) -> str:
    label, colon, _ = line[:40].replace("：", ":").partition(":")  # noqa: RUF001 - the Chinese colon
    return label.strip(" \t\xa0*").lower() if colon else ""


_SENDER = re.compile(
    "from|von|de|da|van|från|fra|od|от|kimden|lähettäjä|odesílatel|feladó|发件人|寄件者|差出人|보낸 사람"
)
_SENT = re.compile(
    "sent|date|gesendet|datum|envoyé|enviado|enviado el|enviada em|enviado em|fecha|data|inviato|verzonden|skickat|"
    "sendt|dato|wysłano|odesláno|küldve|отправлено|дата|gönderildi|tarih|lähetetty|发送时间|日期|寄件日期|送信日時|"
    "日時|보낸 날짜|날짜"
)
_SUBJECT = re.compile(
    "subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne|temat|předmět|tárgy|тема|konu|aihe|主题|主旨|件名|"
    "제목"
)


def _is_announcement(lines: Sequence[str], number: int) -> int:
    """How many lines from this one on are "On Mon, Nov 2, 2026 at 9:10 PM bob <bob@host> wrote:"; 0 if none."""
    if not _ANNOUNCES.match(lines[number]):
        return 0
    said = ""
    for count, line in enumerate(lines[number : number + _LINES_OF_AN_ANNOUNCEMENT], 1):
        said += f" {_short(line)}"
        if not line.strip():
            return 0
        if said.endswith((":", "：")):  # noqa: RUF001 - the Chinese colon
            is_dated = "@" in said or (_TIME.search(said) and _YEAR.search(said))
            return count if is_dated and _WROTE.search(said) else 0
    return 0


_ANNOUNCES = re.compile(r"(?:On|Am|Le|El|Il|Em|Op|Den|W dniu|Dnia|Dne|På|在|于) ?\S")
_WROTE = re.compile(
    r"\b(?:wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev|napisał|napsal)\b|写道|寫道", re.IGNORECASE
)
_TIME = re.compile(r"\d[:.h]\d\d")
_YEAR = re.compile(r"20\d\d")


def _last_line(lines: Sequence[str], end: int) -> int:
    while end and not lines[end - 1].strip():
        end -= 1
    return end


def _without_quotation(lines: Sequence[str], end: int) -> int:
    """A quotation at the end, but only together with the line that announces it."""
    start = end
    while start and (_is_quoted(lines[start - 1]) or not lines[start - 1].strip()):
        start -= 1
    for count in range(1, _LINES_OF_AN_ANNOUNCEMENT + 1):
        if start < end and start >= count and _is_announcement(lines, start - count) == count:
            return _last_line(lines, start - count)
    return end


def _without_advertisement(lines: Sequence[str], end: int) -> int:
    """A last line such as "Sent from my iPhone", below a blank one."""
    line = _short(lines[end - 1]) if end > 1 and not lines[end - 2].strip() else ""
    return _last_line(lines, end - 1) if _ADVERTISEMENT.fullmatch(line) and _PRODUCT.search(line) else end


_ADVERTISEMENT = re.compile(
    r"(?:Sent from (?:my |Outlook|Mail for|Yahoo|Proton|Gmail)|Get Outlook for |Von meinem .{2,30} gesendet|"
    r"Gesendet (?:von|mit) |Envoyé (?:de mon|depuis mon|à partir de) |Enviado (?:desde mi|do meu|a partir do) |"
    r"Inviato da(?:l mio)? |Verstuurd vanaf mijn |Verzonden vanaf mijn |Skickat från min |Sendt fra min |"
    r"Lähetetty |Wysłane z |Odesláno z |Отправлено (?:с|из) |发自我的|從我的|iPhoneから送信).{0,60}",  # noqa: RUF001
    re.IGNORECASE,
)
_PRODUCT = re.compile(
    r"iPhone|iPad|Android|Galaxy|Samsung|Pixel|Xiaomi|Huawei|BlackBerry|mobile|phone|Handy|Outlook|Mail\b|Gmail|Proton",
    re.IGNORECASE,
)


def _without_signature(lines: Sequence[str], plain: Sequence[bool], end: int) -> int:
    r"""The lines behind ``"-- "``, the mark of a signature, which ends in a blank as no Markdown does."""
    for number in range(end - 1, max(-1, end - 2 - _LINES_OF_A_SIGNATURE), -1):
        if lines[number] == "-- " and plain[number]:
            is_short = not any(line.lstrip().startswith("/") for line in lines[number:end])
            return _last_line(lines, number) if is_short else end
    return end
