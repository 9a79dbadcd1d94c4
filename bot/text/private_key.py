"""Reads a GitHub App's private key in the forms in which settings pages and editors leave it.

The labels are those of RFC 7468 and of OpenSSL: https://www.rfc-editor.org/rfc/rfc7468
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from pathlib import Path

_BEGIN = "-----BEGIN"
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_USABLE = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY"})
_OTHERS = {
    "PUBLIC KEY": "it is a public key",
    "RSA PUBLIC KEY": "it is a public key",
    "SSH2 PUBLIC KEY": "it is a public key",
    "CERTIFICATE": "it is a certificate, not a private key",
    "CERTIFICATE REQUEST": "it is a certificate request, not a private key",
    "ENCRYPTED PRIVATE KEY": "it is encrypted with a passphrase, and must not be",
    "OPENSSH PRIVATE KEY": "it is an SSH key, not the key of a GitHub App",
    "EC PRIVATE KEY": "it is a key for elliptic curves, and a GitHub App's is an RSA key",
    "DSA PRIVATE KEY": "it is a DSA key, and a GitHub App's is an RSA key",
}
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LARGEST_FILE = 1_000_000


def decoded(data: bytes) -> str:
    """Text in UTF-8, or in what its byte order mark says; without the mark.

    :raises UnicodeDecodeError: if it is neither
    """
    return data.decode(next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8"))


def read_private_key(value: str) -> str:
    r"""The PEM text of a private key.

    :param value: the PEM text, also with its line breaks written as ``\n`` or ``\r\n`` or turned into spaces; its
        base64; or the path of a file with any of these
    :raises ValueError: saying what it is instead, without any part of it
    """
    if (pem := _pem(value)) is not None:
        return pem
    try:
        with Path(value).expanduser().open("rb") as file:
            data = file.read(_LARGEST_FILE)
    except (OSError, ValueError, RuntimeError):  # the last one for a "~" whose home is unknown
        raise ValueError("it is neither PEM text nor the path of a readable file") from None
    try:
        pem = _pem(decoded(data))
    except UnicodeDecodeError:
        if data.startswith(b"\x30\x82"):  # how a DER sequence of this length begins
            raise ValueError("the file is in DER form; convert it to PEM with openssl rsa -inform DER") from None
    if pem is None:
        raise ValueError("the file contains no PEM text")
    return pem


def _pem(text: str) -> str | None:
    """None if it contains none."""
    if _BEGIN not in text:
        if text.lstrip("\ufeff").startswith("ssh-"):
            raise ValueError(_OTHERS["PUBLIC KEY"])
        text = _from_base64(text)
        if _BEGIN not in text:
            return None
    for written, meant in (("\\r\\n", "\n"), ("\\n", "\n"), ("\\r", "\n"), ("\r\n", "\n"), ("\r", "\n")):
        text = text.replace(written, meant)
    blocks = list(_BLOCK.finditer(text))
    for block in blocks:
        if block[1] in _USABLE:
            return _lines(block[1], block[2])
    if blocks:
        raise ValueError(_OTHERS.get(blocks[0][1], "it is PEM text, but not a private key"))
    raise ValueError("it begins like PEM text, and its END line is missing or different")


def _lines(label: str, body: str) -> str:
    if "ENCRYPTED" in body:
        raise ValueError(_OTHERS["ENCRYPTED PRIVATE KEY"])
    data = "".join(body.split())
    lines = [data[start : start + 64] for start in range(0, len(data), 64)]
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def _from_base64(text: str) -> str:
    """Empty if it is no base64 of text."""
    try:
        return decoded(base64.b64decode("".join(text.lstrip("\ufeff").split()), validate=True))
    except (binascii.Error, ValueError):
        return ""
