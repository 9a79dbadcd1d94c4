"""Characters that phones, editors and web pages put before a word, and that nobody sees."""

BLANKS = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Blanks other than the usual one, most of them without a line break."""

INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
"""Without any width: byte order marks, joiners, marks of direction."""

BEFORE_A_COMMAND = rf" {{0,3}}(?:[{BLANKS}{INVISIBLE}][ {BLANKS}{INVISIBLE}]{{0,7}})?"
"""A pattern of what may stand before a command on its line. Four plain blanks would make it code."""
