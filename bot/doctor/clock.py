"""Compares this machine's clock with those of both services."""

from __future__ import annotations

from bot.doctor.finding import Finding, ok, warning, wrong
from bot.doctor.session import DoctorSession

CLOCK = "Clock"

REFUSED_FROM = 60.0
"""Seconds ahead from which GitHub rejects an App's JWT
(https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app).
"""

NOTABLE = 10.0
"""Seconds; clocks synchronized over the network differ by less than one."""


def look(visit: DoctorSession) -> list[Finding]:
    """Runs last: it uses the response headers of the other checks' requests."""
    if not visit.heard.ahead:
        return [warning(CLOCK, "Nobody answered who could have told the time.", "See above.")]
    service, ahead = max(visit.heard.ahead.items(), key=lambda each: abs(each[1]))
    if abs(ahead) <= NOTABLE:
        return [ok(CLOCK, f"It goes as {' and '.join(each.value for each in visit.heard.ahead)} say.")]
    way = "behind" if ahead > 0 else "ahead of"
    sentence = f"It is {abs(ahead):.0f} s {way} {service.value}'s."
    fix = "Let the network set it: timedatectl set-ntp true, or the host's of a container."
    if abs(ahead) < REFUSED_FROM:
        return [warning(CLOCK, sentence, fix)]
    return [wrong(CLOCK, f"{sentence} GitHub refuses an App's key then, and times in replies are wrong.", fix)]
