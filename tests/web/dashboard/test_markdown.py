"""Agents' Markdown in the browser: what is rendered, what stays text, and texts that are meant to do harm."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.harness import TIMEOUT
from tests.harness.browser import Visit, needs_browser

pytestmark = needs_browser

RENDER = """async (text) => {
  const { markdown } = await import("/dashboard/markdown.js");
  const made = document.createElement("div");
  made.append(...markdown(text));
  window.made = made;
  for (const each of made.querySelectorAll(".code-head")) each.remove();
  return made.cloneNode(true).innerHTML;
}"""

LOOK = """() => {
  let deepest = 0;
  for (const each of made.querySelectorAll("*")) {
    let depth = 0;
    for (let at = each; at !== made; at = at.parentElement) depth += 1;
    deepest = Math.max(deepest, depth);
    if (deepest > 1000) break;
  }
  const names = new Set([...made.querySelectorAll("*")].map((each) => each.tagName.toLowerCase()));
  const attributes = new Set([...made.querySelectorAll("*")].flatMap((each) => each.getAttributeNames()));
  const addresses = [...made.querySelectorAll("[href]")].map((each) => new URL(each.href).protocol);
  return { deepest, names: [...names].sort(), attributes: [...attributes].sort(), protocols: [...new Set(addresses)], text: made.textContent };
}"""

LINK = ' target="_blank" rel="noopener noreferrer"'

ALLOWED = {
    *("a", "blockquote", "br", "button", "code", "del", "div", "em", "hr", "input", "li", "ol", "p", "pre", "span"),
    *("strong", "table", "tbody", "td", "th", "thead", "tr", "ul", "h1", "h2", "h3", "h4", "h5", "h6"),
}
ALLOWED_ATTRIBUTES = {
    *("aria-hidden", "aria-label", "checked", "class", "disabled", "href", "rel", "role", "scope", "start", "tabindex"),
    *("target", "title", "type"),
}


async def rendered(visit: Visit, text: str) -> str:
    await visit.open()
    async with asyncio.timeout(TIMEOUT):
        found: str = await visit.page.evaluate(RENDER, text)
    return found


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Plain.", "<p>Plain.</p>"),
        ("One\ntwo.\n\nThree.", "<p>One<br>two.</p><p>Three.</p>"),
        ("# A\n\n### B ###", "<h3>A</h3><h5>B</h5>"),
        ("## Only\ntext", "<h3>Only</h3><p>text</p>"),
        ("Title\n---\n***\ntext", "<h1>Title</h1><hr><p>text</p>"),
        ("- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("7. a\n8. b", '<ol start="7"><li>a</li><li>b</li></ol>'),
        ("- a\n\n  more\n- b", "<ul><li><p>a</p><p>more</p></li><li><p>b</p></li></ul>"),
        ("Two things:\n- a\n- b\nend", "<p>Two things:</p><ul><li>a</li><li>b<br>end</li></ul>"),
        (
            "**b** *i* __b__ _i_ ~~d~~",
            "<p><strong>b</strong> <em>i</em> <strong>b</strong> <em>i</em> <del>d</del></p>",
        ),
        ("***both***", "<p><em><strong>both</strong></em></p>"),
        ("2 * 3 * 4, snake_case_name, *args", "<p>2 * 3 * 4, snake_case_name, *args</p>"),
        ("`a *b*` and ``c ` d``", "<p><code>a *b*</code> and <code>c ` d</code></p>"),
        ("\\*a\\* \\`b", "<p>*a* `b</p>"),
        ("> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"),
        (
            "```python\nx = '<b>'\n```\nend",
            "<div class=\"code\"><pre><code>x = '&lt;b&gt;'</code></pre></div><p>end</p>",
        ),
        ("~~~\nno end", '<div class="code"><pre><code>no end</code></pre></div>'),
        ("    indented\n\nend", '<div class="code"><pre><code>indented</code></pre></div><p>end</p>'),
        (
            "[x](https://e.com/a(b) 'T') https://e.com/y. <https://e.com/z>",
            (
                f'<p><a href="https://e.com/a(b)"{LINK} title="https://e.com/a(b)">x</a> '
                f'<a href="https://e.com/y"{LINK}>https://e.com/y</a>. '
                f'<a href="https://e.com/z"{LINK}>https://e.com/z</a></p>'
            ),
        ),
        ("[x](docs/a.md) [y] [z](", '<p><span title="docs/a.md">x</span> [y] [z](</p>'),
        (
            "![alt](https://e.com/a.png)",
            f'<p><a href="https://e.com/a.png"{LINK} title="https://e.com/a.png">alt</a></p>',
        ),
        (
            "- [x] done\n- [ ] open",
            (
                '<ul><li class="task"><input type="checkbox" disabled="" checked="" aria-label="Done"> done</li>'
                '<li class="task"><input type="checkbox" disabled="" aria-label="To do"> open</li></ul>'
            ),
        ),
        (
            "| a | b |\n|---|--:|\n| `c` | d \\| e |\n| f |",
            (
                '<div class="wide" tabindex="0" role="group" aria-label="Table"><table><thead><tr><th scope="col">a</th>'
                '<th scope="col" class="to-right">b</th></tr></thead><tbody><tr><td><code>c</code></td>'
                '<td class="to-right">d | e</td></tr><tr><td>f</td></tr></tbody></table></div>'
            ),
        ),
        ("<b>bold</b> &amp; <!-- x -->", "<p>&lt;b&gt;bold&lt;/b&gt; &amp;amp; &lt;!-- x --&gt;</p>"),
    ],
)
async def test_markdown_is_rendered(visit: Visit, text: str, html: str) -> None:
    assert await rendered(visit, text) == html


HOSTILE = [
    "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>",
    "[x](javascript:window.hacked=1) <javascript:window.hacked=1> [y](JaVaScRiPt:alert(1)) [z](data:text/html,x)",
    "[x](java\nscript:alert(1)) [x](&#106;avascript:alert(1)) [x](\\javascript:alert(1)) [x](vbscript:x)",
    "![x](javascript:alert(1)) [![x](https://e.com)](javascript:alert(1))",
    '[x](https://e.com "\\" onmouseover=alert(1) a=\\"")',
    '```"><script>window.hacked=1</script>\ncode\n```',
    "| <img src=x onerror=alert(1)> | b |\n|---|---|\n| [x](javascript:alert(1)) | <svg onload=alert(1)> |",
    "- [x](javascript:alert(1))\n- <iframe srcdoc='<script>window.hacked=1</script>'>",
    "# <style>*{display:none}</style> [__proto__](https://e.com) constructor",
    "\u202egnp.exe\u2066 [\u202ehttps://good.com](https://evil.com)",
    "[a](https://e.com/" + "(" * 5_000 + ")",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_markdown_is_harmless(visit: Visit, text: str) -> None:
    await rendered(visit, text)
    found = await visit.page.evaluate(LOOK)

    assert {*found["names"]} <= ALLOWED
    assert {*found["attributes"]} <= ALLOWED_ATTRIBUTES
    assert {*found["protocols"]} <= {"http:", "https:"}
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", found["text"])
    assert await visit.page.evaluate("window.hacked ?? null") is None
    await expect(visit.page.locator("body")).to_be_visible()


MANY = 60_000


@pytest.mark.parametrize(
    "text",
    [
        *(
            sign * MANY
            for sign in ("*", "_", "~", "`", "[", "]", "(", "![", "](", "<", ">", "|", "#", "\\", "- ", "> ", "1. ")
        ),
        *(f"{sign}a " * (MANY // 3) for sign in ("*", "**", "_", "~~", "[", "`", "``")),
        "*a **b " * (MANY // 7) + "b** a*" * (MANY // 7),
        "[a](" * (MANY // 4),
        "[a](https://e.com/" * (MANY // 18) + ")" * 1_000,
        "".join("`" * length + " " for length in range(1, 340)),
        "https://" + "." * MANY + ")" * MANY,
        "https://e.com/a) " * (MANY // 17),
        "|" * MANY + "\n" + "|-" * MANY,
        "| a | b |\n|---|---|\n" + "|" * 20 * 3_000,
        "|a|\n" * (MANY // 4),
        "".join(" " * (2 * depth) + "- a\n" for depth in range(300)),
        "\n".join(">" * depth for depth in range(300)),
        "- a\n\n" * (MANY // 5),
        "```\n" * (MANY // 4),
        "~" * MANY + "`",
        " " * MANY + "x\n" + "#" * MANY,
        "a\n" * (MANY // 2),
        "a\n===\n" * (MANY // 6),
    ],
    ids=lambda text: repr(text[:8]),
)
async def test_markdown_is_linear_and_shallow(visit: Visit, text: str) -> None:
    """A pattern that backtracks, or a list in a list in a list, would freeze the tab."""
    await rendered(visit, text)
    assert (await visit.page.evaluate(LOOK))["deepest"] < 100
