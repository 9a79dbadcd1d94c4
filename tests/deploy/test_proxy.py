"""The proxies' configurations: they allow what the bot accepts, and do not expose the metrics."""

from __future__ import annotations

import re

from bot.web.api.endpoint import LARGEST_BODY_WITH_IMAGES
from bot.web.bodies import MEGABYTE
from bot.web.webhooks import LARGEST_BODY
from tests.deploy.dockerfile import ROOT

FOLDER = ROOT / "deploy" / "proxy"
NGINX = (FOLDER / "nginx.conf").read_text(encoding="utf-8")
CADDY = (FOLDER / "Caddyfile").read_text(encoding="utf-8")
SIZES = [LARGEST_BODY_WITH_IMAGES // MEGABYTE, LARGEST_BODY // MEGABYTE]


def location(path: str) -> str:
    found = re.search(rf"^    location {re.escape(path)} {{\n(.*?)^    }}", NGINX, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_bodies_may_be_as_large_as_the_bot_takes_them() -> None:
    assert [int(size) for size in re.findall(r"client_max_body_size (\d+)m;", NGINX)] == SIZES
    assert f"client_max_body_size {SIZES[1]}m;" in location("= /webhooks/github")
    assert sorted(int(size) for size in re.findall(r"max_size (\d+)MiB", CADDY)) == SIZES


def test_metrics_are_kept_from_the_outside() -> None:
    assert location("= /metrics").strip() == "return 404;"
    assert "@metrics path /metrics\n\trespond @metrics 404" in CADDY


def test_heads_and_bodies_have_deadlines() -> None:
    for name in ("client_header_timeout", "client_body_timeout", "send_timeout"):
        assert re.search(rf"^    {name} +\d+s;", NGINX, re.MULTILINE)
    for name in ("read_header", "read_body", "idle"):
        assert re.search(rf"^\t\t\t{name} \d+[sm]$", CADDY, re.MULTILINE)


def test_no_query_is_logged() -> None:
    [form] = re.findall(r"^log_format \w+ '(.*)';$", NGINX, re.MULTILINE)
    assert not {*re.findall(r"\$\w+", form)} & {"$request", "$request_uri", "$args", "$query_string", "$http_referer"}
    assert re.findall(r"access_log \S+ (\w+);", NGINX) == ["codegen_bot"]
