"""Accessibility: axe-core's rules, no horizontal scrolling, the order of Tab stops."""

from __future__ import annotations

from typing import Any, Literal

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it has no py.typed
from playwright.async_api import Page

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

MOST_STOPS = 200

GRAVE = ("serious", "critical")

_OPTIONS = {"resultTypes": ["violations"], "elementRef": False}

_OVERFLOW = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const scrolls = (element) => element && (getComputedStyle(element).overflowX !== "visible" || scrolls(element.parentElement));
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > room + 1 && !scrolls(element.parentElement))
    .map((element) => element.cloneNode(false).outerHTML.slice(0, 160))
    .concat("the page");
}"""

_FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element);
  const seen = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  const box = element.getBoundingClientRect();
  window.__stops ??= new Map();
  if (!window.__stops.has(element)) window.__stops.set(element, window.__stops.size);
  return {
    stop: window.__stops.get(element),
    words: (element.getAttribute("aria-label") || element.innerText || element.id || element.tagName).trim().slice(0, 60),
    seen: seen && box.width > 0 && box.height > 0,
  };
}"""

_IN_ORDER = """() => [...window.__stops.keys()]
  .map((element, stop) => ({ element, stop }))
  .filter(({ element }) => element.isConnected)
  .sort((one, other) => (one.element.compareDocumentPosition(other.element) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1))
  .map(({ stop }) => stop)"""

_REACHABLE = """() => [...(document.querySelector("dialog:modal") ?? document).querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
  .filter((element) => !element.disabled && element.tabIndex >= 0 && element.checkVisibility())
  .filter((element) => !(element.type === "radio" && !element.checked))
  .map((element) => {
    window.__stops ??= new Map();
    return window.__stops.has(element) ? null : element.cloneNode(true).outerHTML.slice(0, 160);
  })
  .filter((words) => words !== null)"""


async def assert_accessible(page: Page) -> None:
    """No grave violation of axe's rules, in light and in dark, and nothing that makes the page scroll sideways.

    The script comes in by the debugger's own way, which the page's policy does not stop: nothing is loosened for it.
    """
    found = []
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        results = await Axe().run(page, options=_OPTIONS)
        found += [f"{scheme}: {words}" for violation in results.response["violations"] for words in _told(violation)]
    await page.emulate_media(color_scheme=None, reduced_motion=None)
    assert not found, "\n".join(found)
    wide = await page.evaluate(_OVERFLOW)
    assert not wide, f"wider than the window: {wide}"


def _told(violation: dict[str, Any]) -> list[str]:
    if violation["impact"] not in GRAVE:
        return []
    return [
        f"{violation['id']} ({violation['impact']}): {node['html']}\n    {node['failureSummary']}"
        for node in violation["nodes"]
    ]


async def stops_by_tab(page: Page, *, most: int | None = None) -> list[str]:
    """Goes once round the page with Tab, from wherever the focus is, and gives the words of what it comes by, as they stand.

    Each stop has to be seen to have the focus, and nothing that can be used may be left out.

    What has left the page since, as rows of a long list do, has no place in it.

    :param most: stops after which it is enough, where there are more than anybody would go through
    """
    await page.evaluate("() => { delete window.__stops; }")
    words: list[str] = []
    hidden: list[str] = []
    for _ in range(most or MOST_STOPS):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(_FOCUSED)
        if focused is None:
            continue
        if focused["stop"] == len(words) - 1 > 0:
            # A date's day, month and year are stops within it; what is never left again leaves the others out below.
            continue
        if focused["stop"] < len(words):
            assert focused["stop"] == 0, f"there is no way on from {words[-1]!r}"
            break
        words.append(focused["words"])
        hidden += [] if focused["seen"] else [focused["words"]]
    assert not hidden, f"nobody sees that these have the focus: {hidden}"
    left_out = [] if most else await page.evaluate(_REACHABLE)
    assert not left_out, f"Tab does not come to: {left_out}"
    return [words[stop] for stop in await page.evaluate(_IN_ORDER)]
