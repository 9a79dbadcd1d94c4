"""Each problem is found, with a fix. The checks change nothing."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from inline_snapshot import snapshot

from bot.cli.doctor.accounts import EVENTS, LABEL_EVENTS
from bot.cli.doctor.session import Severity
from bot.emulators.github.model import APP_ID, BOT_LOGIN
from bot.github.permissions import needed
from bot.metrics import READ_EVENTS
from bot.storage.database import open_engine
from bot.storage.inspection import inspect
from bot.storage.migrating import CURRENT, migrate
from tests.cli.doctor.checked_bot import CheckedBot
from tests.harness.clock import LoopClock
from tests.harness.documents import page

SHOP = "octo/shop"
UNUSABLE_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"


async def test_healthy_app_has_no_errors(checked: CheckedBot) -> None:
    found = await checked.findings(about=SHOP)

    assert [checked.normalized(each) for each in found if each.subject != "Disk"] == snapshot(
        [
            "ok Codegen: The token belongs to alice and has access to organization 1 (Octo). -> ",
            "ok GitHub account: The App is codegen-bot, installed for octo. -> ",
            "ok GitHub permissions: All needed permissions are granted. -> ",
            "ok GitHub events: The App receives all needed events. -> ",
            "ok Webhook: The settings of the App's webhook are right. -> ",
            "ok Deliveries: The last 1 arrived. -> ",
            "ok Config file: That of octo/shop is valid, or it has none. -> ",
            "ok Labels: octo/shop has all 6. -> ",
            "ok Clock: It agrees with Codegen and GitHub. -> ",
            "ok Database: SQLite, FOLDER/bot.sqlite, for one process: new; the first start creates its tables. -> ",
        ]
    )


async def test_checks_change_nothing(checked: CheckedBot) -> None:
    before = sorted(checked.folder.iterdir())
    await checked.findings(about=SHOP)
    await checked.findings(about=SHOP, as_app=False)

    methods = {each.method for each in (*checked.github.control.journal, *checked.codegen.control.journal)}
    posts = {each.path for each in checked.github.control.journal if each.method == "POST"}
    assert methods == {"GET", "POST"}
    assert posts == {"/app/installations/1/access_tokens"}
    assert sorted(checked.folder.iterdir()) == before
    assert len(checked.github.control.journal) + len(checked.codegen.control.journal) < 30


async def test_findings_contain_no_secret(checked: CheckedBot) -> None:
    checked.github.control.fault(path="/app", action="status", status=401, times=None)
    checked.codegen.control.fault(path="/v1", action="status", status=401, times=None)
    found = " ".join(map(str, await checked.findings(about=SHOP)))

    assert "sk-org1" not in found
    assert "the webhook's secret" not in found
    assert "BEGIN" not in found


class TestCodegen:
    async def test_invalid_token(self, checked: CheckedBot) -> None:
        assert await checked.problems(codegen_api_token="wrong") == snapshot(
            [
                "error Codegen: Codegen does not accept the credential (401): Invalid or missing API token. -> Get a token at codegen.com, Settings, API token, and set CODEGEN_API_TOKEN."
            ]
        )

    async def test_organization_without_access(self, checked: CheckedBot) -> None:
        assert await checked.problems(codegen_org_id=2) == snapshot(
            [
                "error Codegen: The token of alice has no access to organization 2. It has access to: 1 (Octo). -> Set CODEGEN_ORG_ID to one of those, or use a token of that organization."
            ]
        )

    async def test_unreachable(self, checked: CheckedBot) -> None:
        assert await checked.problems(codegen_api_base_url="http://127.0.0.1:9") == snapshot(
            [
                "error Codegen: Codegen cannot be reached: connection refused. -> Try again. If it keeps failing, check CODEGEN_API_BASE_URL and that this machine can reach it."
            ]
        )


class TestApp:
    async def test_rejected_key(self, checked: CheckedBot) -> None:
        assert await checked.problems(github_app_id="77") == snapshot(
            [
                "error GitHub account: GitHub did not find it (404): Integration not found. -> Check that GITHUB_APP_ID is the id on the App's settings page, and GITHUB_PRIVATE_KEY a key generated there that still exists. GitHub also rejects keys if this machine's clock is off by a minute."
            ]
        )

    async def test_invalid_key(self, checked: CheckedBot) -> None:
        assert await checked.problems(github_private_key=UNUSABLE_KEY) == snapshot(
            [
                "error GitHub account: GITHUB_PRIVATE_KEY is no RSA private key in PEM form. Where to get it: the App's settings page, Generate a private key. -> Set GITHUB_PRIVATE_KEY to the App's key."
            ]
        )

    async def test_missing_permissions_and_events(self, checked: CheckedBot) -> None:
        del checked.github.world.apps[APP_ID].permissions["checks"]
        checked.github.world.apps[APP_ID].permissions["issues"] = "read"
        checked.github.world.apps[APP_ID].events.remove("pull_request_review")
        checked.github.world.apps[APP_ID].events.remove("issues")
        assert await checked.problems() == snapshot(
            [
                "error GitHub permissions: The App lacks Checks: read; Issues: read and write. -> Change them on the App's settings page, Permissions & events; then each installation has to accept them.",
                "error GitHub events: The App does not send the events Pull request review, Issues. -> Change them on the App's settings page, Permissions & events.",
            ]
        )

    async def test_missing_label_events(self, checked: CheckedBot) -> None:
        checked.github.world.apps[APP_ID].events[:] = [name for name in READ_EVENTS if name not in LABEL_EVENTS]
        assert await checked.problems() == snapshot(
            [
                "warning GitHub events: The App does not send the events Issues, Pull request: labels have no effect there. -> Change them on the App's settings page, Permissions & events."
            ]
        )

    async def test_missing_check_suite_event(self, checked: CheckedBot) -> None:
        """Agents of your own fix failed checks, of which this event reports; at Codegen its own app does."""
        checked.github.world.apps[APP_ID].permissions["contents"] = "write"
        checked.github.world.apps[APP_ID].events[:] = READ_EVENTS
        own = await checked.findings(codegen_api_token="", agent="opencode")
        assert [checked.normalized(each) for each in own if each.subject == EVENTS] == snapshot(
            [
                "warning GitHub events: The App does not send the event Check suite: failed checks are not fixed. -> Change them on the App's settings page, Permissions & events."
            ]
        )
        assert await checked.problems() == []

    async def test_suspended_installation(self, checked: CheckedBot) -> None:
        checked.github.world.suspended_at = datetime.now(UTC)
        assert await checked.problems() == snapshot(
            [
                "error GitHub account: The installation for octo is suspended. -> Its owner can unsuspend it at Settings, GitHub Apps, Configure."
            ]
        )

    async def test_webhook_with_all_errors(self, checked: CheckedBot) -> None:
        checked.github.webhooks.secret = ""
        checked.github.webhooks.config |= {
            "url": "https://bot.example.com/",
            "content_type": "form",
            "insecure_ssl": "1",
        }
        assert await checked.problems() == snapshot(
            [
                "error Webhook: The App's webhook does not lead to the bot: its URL is https://bot.example.com/. -> Set it to https://YOUR-HOST/webhooks/github.",
                "error Webhook: The App's webhook sends forms. -> Choose the content type application/json in the webhook's settings on GitHub.",
                "error Webhook: The App's webhook has no secret, so the bot rejects its deliveries. -> Enter one of the secrets in GITHUB_WEBHOOK_SECRET there.",
                "warning Webhook: The App's webhook does not verify SSL certificates. -> Enable that in its settings.",
            ]
        )


async def test_one_of_several_suspended_installations_is_a_warning(checked: CheckedBot) -> None:
    grant = {"permissions": dict.fromkeys(needed(), "write"), "events": [*READ_EVENTS]}
    both = [
        {"account": {"login": "octo"}, "suspended_at": None, **grant},
        {"account": {"login": "acme"}, "suspended_at": "2026-05-04T12:00:00Z", **grant},
    ]
    checked.github.control.fault(path="^/app/installations$", action="status", status=200, body=both)
    assert await checked.problems() == snapshot(
        [
            "warning GitHub account: The installation for acme is suspended. -> Its owner can unsuspend it at Settings, GitHub Apps, Configure."
        ]
    )


async def test_unresponsive_services_time_out(checked: CheckedBot) -> None:
    """Time passes only while they are waited for: whatever else is checked takes as long as it takes."""
    checked.codegen.control.fault(path="/v1", action="hang", delay=60, times=None)
    checked.github.control.fault(path="^/app$", action="hang", delay=60, times=None)
    clock = LoopClock()
    with clock.stopped():
        checking = asyncio.create_task(checked.problems(seconds=2.0))
        await checked.codegen.until(lambda: any("/v1" in entry.path for entry in checked.codegen.control.journal))
        clock.advance(2.0)
        await checked.github.until(lambda: any(entry.path == "/app" for entry in checked.github.control.journal))
        clock.advance(2.0)
        found = await checking

    assert found == snapshot(
        [
            "error Codegen: No response within 2 s. -> Try again. If it keeps failing, check proxies and firewalls between this machine and the service.",
            "error GitHub account: No response within 2 s. -> Try again. If it keeps failing, check proxies and firewalls between this machine and the service.",
            "warning Clock: It could not be compared, because no service responded. -> See above.",
        ]
    )


class TestToken:
    async def test_invalid_token(self, checked: CheckedBot) -> None:
        assert await checked.problems(as_app=False, github_token="wrong") == snapshot(
            [
                "error GitHub account: GitHub does not accept the credential (401): Bad credentials. -> Create a token on GitHub, Settings, Developer settings, and set GITHUB_TOKEN."
            ]
        )

    async def test_token_without_repository(self, checked: CheckedBot) -> None:
        assert await checked.problems(as_app=False) == snapshot(
            [
                "warning GitHub permissions: A token's permissions can only be checked for a repository. -> Name one: codegen-bot doctor --repository OWNER/NAME.",
                "warning Webhook: With a token, a webhook can only be checked for a repository. -> Name the repository: codegen-bot doctor --repository OWNER/NAME.",
            ]
        )

    async def test_token_without_access_to_webhooks(self, checked: CheckedBot) -> None:
        assert await checked.problems(about=SHOP, as_app=False) == snapshot(
            [
                "warning Webhook: The token may not read the webhooks of octo/shop. -> See the repository's settings on GitHub, or use a token with the scope read:repo_hook."
            ]
        )

    async def test_admin_token_has_no_errors(self, checked: CheckedBot) -> None:
        checked.github.add_bot(BOT_LOGIN, "admin")
        assert await checked.problems(about=SHOP, as_app=False) == []

    async def test_read_only_token(self, checked: CheckedBot) -> None:
        assert await checked.problems(about=SHOP, as_app=False, github_token="as-carol") == snapshot(
            [
                "error GitHub permissions: carol has read access to octo/shop: it can comment, but neither set labels nor read who may give commands. -> Give carol the role write there.",
                "warning Webhook: The token may not read the webhooks of octo/shop. -> See the repository's settings on GitHub, or use a token with the scope read:repo_hook.",
            ]
        )

    async def test_read_only_scopes(self, checked: CheckedBot) -> None:
        headers = {"X-OAuth-Scopes": "read:org, gist"}
        body = {"login": "bob", "type": "User"}
        checked.github.control.fault(path="^/user$", action="status", status=200, headers=headers, body=body)
        assert await checked.problems(as_app=False, github_token="as-bob") == snapshot(
            [
                "error GitHub permissions: The token's scopes do not allow writing: gist, read:org. -> Give the classic token the scope repo, or public_repo if all repositories are public.",
                "warning Webhook: With a token, a webhook can only be checked for a repository. -> Name the repository: codegen-bot doctor --repository OWNER/NAME.",
            ]
        )

    async def test_missing_webhook(self, checked: CheckedBot) -> None:
        checked.github.add_bot(BOT_LOGIN, "admin")
        checked.github.webhooks.url = None
        assert await checked.problems(about=SHOP, as_app=False) == snapshot(
            [
                "error Webhook: No webhook of octo/shop ends in /webhooks/github. -> Create one in its settings: https://YOUR-HOST/webhooks/github, content type application/json."
            ]
        )

    async def test_missing_repository(self, checked: CheckedBot) -> None:
        assert await checked.problems(about="octo/other", as_app=False) == snapshot(
            [
                "error GitHub permissions: codegen-bot[bot] cannot see octo/other, or there is no such repository. -> Check its name. Give codegen-bot[bot] access to it, and the token as well: a fine-grained one lists its repositories.",
                "warning Webhook: The token may not read the webhooks of octo/other. -> See the repository's settings on GitHub, or use a token with the scope read:repo_hook.",
                "error Labels: GitHub did not find it (404): Not Found. -> Give the bot access to octo/other.",
            ]
        )


class TestDeliveries:
    async def test_most_failed(self, checked: CheckedBot) -> None:
        for status, word in ((401, "Unauthorized"), (401, "Unauthorized"), (503, "Service Unavailable")):
            checked.github.comment("bob", 1, "hello")
            await checked.github.idle()
            checked.github.deliveries[-1].status_code, checked.github.deliveries[-1].status = status, word
        assert await checked.problems() == snapshot(
            [
                "error Deliveries: 3 of the last 4 failed: 2 with 401 (Unauthorized), 1 with 503 (Service Unavailable). The most recent one failed. -> Enter one of the secrets in GITHUB_WEBHOOK_SECRET in the webhook's settings on GitHub."
            ]
        )

    async def test_last_one_arrived(self, checked: CheckedBot) -> None:
        checked.github.comment("bob", 1, "hello")
        await checked.github.idle()
        checked.github.deliveries.reverse()
        first, last = checked.github.deliveries
        first.id, last.id = last.id, first.id
        assert await checked.problems() == snapshot(
            [
                "warning Deliveries: 1 of the last 2 failed: 1 with no response (failed to connect to host). The most recent one arrived. -> Check that the bot is running and that the webhook's URL leads to it; its log has its own errors. Failed deliveries are requested again automatically."
            ]
        )

    async def test_redelivered_one_counts_as_arrived(self, checked: CheckedBot) -> None:
        checked.github.comment("bob", 1, "hello")
        await checked.github.idle()
        again = checked.github.redeliver(checked.github.deliveries[-1])
        await checked.github.idle()
        again.status_code, again.status = 202, "Accepted"
        [found] = [each for each in await checked.findings() if each.subject == "Deliveries"]

        assert (found.level, found.sentence) == (Severity.OK, "The last 2 arrived, 1 of them at a later attempt.")

    async def test_no_delivery(self, checked: CheckedBot) -> None:
        checked.github.deliveries.clear()
        assert await checked.problems() == snapshot(
            [
                "warning Deliveries: There was none in the last three days. -> Redeliver the ping in its settings, or write a comment, and check again."
            ]
        )


class TestClock:
    @pytest.mark.parametrize("seconds", [-30, 30, 90, -90])
    async def test_wrong_clock(self, seconds: int, checked: CheckedBot) -> None:
        checked.now = lambda: datetime.now(UTC) + timedelta(seconds=seconds)
        [found] = await checked.problems()

        assert found.startswith("error Clock" if abs(seconds) > 60 else "warning Clock")
        assert ("ahead of" if seconds > 0 else "behind") in found


class TestRepository:
    async def test_missing_labels(self, checked: CheckedBot) -> None:
        del checked.github.world.labels["codegen:run"]
        assert await checked.problems(about=SHOP) == snapshot(
            [
                "warning Labels: octo/shop lacks codegen:run, so users cannot add them. -> Create them: codegen-bot labels sync octo/shop"
            ]
        )

    async def test_slow_secret_pattern_is_a_warning(self, checked: CheckedBot) -> None:
        checked.github.world.files["main", ".github/codegen-bot.yml"] = (
            "secret-patterns: ['acme_\\d{9}', '(?:a|a)+b']\n"
        )

        assert await checked.problems(about=SHOP) == snapshot(
            [
                "warning Config file: Entry 2 of secret-patterns takes more than 0.25 s on some texts of a comment's length; repeat single characters, with an upper limit, as in [a-z0-9-]{20,80}. -> Simplify it: texts on which it exceeds the limit are withheld as a whole."
            ]
        )

    async def test_invalid_config_file(self, checked: CheckedBot) -> None:
        checked.github.world.files["main", ".github/codegen-bot.yml"] = "prefx: /bot\npermissions:\n  run: wirte\n"
        assert await checked.problems(about=SHOP) == snapshot(
            [
                'error Config file: octo/shop/.github/codegen-bot.yml: Line 1: There is no key "prefx". Did you mean "prefix"? -> Fix it on the default branch; codegen-bot check-config checks a file before it is pushed.',
                "error Config file: octo/shop/.github/codegen-bot.yml: Line 3: \"permissions.run\" should be 'read', 'triage', 'write', 'maintain' or 'admin'. -> Fix it on the default branch; codegen-bot check-config checks a file before it is pushed.",
            ]
        )


class TestDatabase:
    async def test_new_and_up_to_date(self, checked: CheckedBot) -> None:
        [new] = [each.sentence for each in await checked.findings() if each.subject == "Database"]
        engine = open_engine(f"sqlite:///{checked.folder}/bot.sqlite")
        migrate(engine)
        engine.dispose()
        [used] = [each.sentence for each in await checked.findings() if each.subject == "Database"]

        assert new.endswith("new; the first start creates its tables.")
        assert used.endswith("up to date.")

    async def test_newer_version(self, checked: CheckedBot) -> None:
        with sqlite3.connect(checked.folder / "bot.sqlite") as connection:
            connection.execute("CREATE TABLE codegen_bot_schema (version_num TEXT)")
            connection.execute("INSERT INTO codegen_bot_schema VALUES ('9999')")
        connection.close()
        assert await checked.problems() == snapshot(
            [
                "error Database: SQLite, FOLDER/bot.sqlite, for one process: a newer codegen-bot has migrated it (to 9999). -> Use that version again, or restore an older backup."
            ]
        )

    async def test_older_version_is_ok(self, checked: CheckedBot) -> None:
        with sqlite3.connect(checked.folder / "bot.sqlite") as connection:
            connection.execute("CREATE TABLE codegen_bot_schema (version_num TEXT)")
            connection.execute("INSERT INTO codegen_bot_schema VALUES ('0000')")
        connection.close()
        [found] = [each for each in await checked.findings() if each.subject == "Database"]

        assert found.level is Severity.OK
        assert found.sentence.endswith("of an older version; the next start migrates it.")

    async def test_file_is_no_database(self, checked: CheckedBot) -> None:
        (checked.folder / "bot.sqlite").write_text("something else, and long enough to be read as a header" * 20)
        assert await checked.problems() == snapshot(
            [
                "error Database: DATABASE_URL names a database that cannot be used: file is not a database. -> Start the database, or correct DATABASE_URL."
            ]
        )

    async def test_missing_folder(self, checked: CheckedBot) -> None:
        assert await checked.problems(database_url=f"sqlite:///{checked.folder}/none/bot.sqlite") == snapshot(
            [
                "error Database: DATABASE_URL names the file FOLDER/none/bot.sqlite, whose folder does not exist. -> Start the database, or correct DATABASE_URL."
            ]
        )

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is closed to root")
    async def test_unwritable_folder(self, checked: CheckedBot) -> None:
        closed = checked.folder / "closed"
        closed.mkdir(mode=0o500)
        [found] = await checked.problems(database_url=f"sqlite:///{closed}/bot.sqlite")
        assert "is not writable" in found

    def test_inspection_of_both_kinds(self, bare_database_url: str) -> None:
        database_url = bare_database_url
        assert (inspect(database_url).version, inspect(database_url).unwritable) == (None, None)
        engine = open_engine(database_url)
        migrate(engine)
        engine.dispose()
        state = inspect(database_url)
        assert (state.version, state.is_older, state.is_newer, state.unwritable) == (
            CURRENT.version,
            False,
            False,
            None,
        )
        assert state.is_postgresql is database_url.startswith("postgresql")

    async def test_unreachable_server(self, checked: CheckedBot) -> None:
        found = await checked.problems(database_url="postgresql://bot:s3cret@127.0.0.1:9/bot")
        assert len(found) == 1
        assert found[0].startswith("error Database: DATABASE_URL names a database that cannot be used: ")
        assert "s3cret" not in found[0]


def test_readme_names_the_needed_permissions() -> None:
    readme = " ".join(page("README.md").split())
    words = {"write": "read and write", "read": "read"}
    for least, shown in words.items():
        names = ", ".join(name.replace("_", " ") for name, has in needed().items() if has == least)
        assert f"{names}: {shown}" in readme
