"""Each thing that can be wrong is seen, and told with how to mend it. Nothing is changed by looking."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from inline_snapshot import snapshot

from bot.commands.labels import LabelRole, label_of
from bot.doctor.finding import Severity
from bot.doctor.needs import EVENTS, LABEL_EVENTS
from bot.emulator.codegen import CodegenEmulator
from bot.emulator.github import GitHubEmulator
from bot.emulator.github.world import BOT_LOGIN
from bot.github.permissions import needed
from bot.repository_config.model import RepositoryConfig
from bot.store.database import open_engine
from bot.store.inspection import look
from bot.store.migrating import migrate
from tests.doctor.patient import Patient
from tests.documents import page

pytest_plugins = ["tests.postgresql"]

HOOK_URL = "http://127.0.0.1:9/webhooks/github"
SHOP = "octo/shop"


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
async def patient(tmp_path: Path, private_key: str) -> AsyncIterator[Patient]:
    github = GitHubEmulator(webhook_secret="the webhook's secret")
    async with CodegenEmulator(run_seconds=None) as codegen, github:
        github.webhooks.url = HOOK_URL
        github.comment("bob", 1, "hello")
        await github.idle()
        github.deliveries[0].status_code, github.deliveries[0].status = 200, "OK"
        for role in LabelRole:
            github.world.add_label(label_of(role, RepositoryConfig().labels).name)
        yield Patient(github, codegen, tmp_path, private_key)


async def test_a_healthy_app_has_nothing_to_mend(patient: Patient) -> None:
    found = await patient.examined(about=SHOP)

    assert [patient.evened(each) for each in found if each.about != "Disk"] == snapshot(
        [
            "ok Codegen: The token is alice's, and sees organization 1 (Octo). -> ",
            "ok GitHub account: The App is codegen-bot, installed at octo. -> ",
            "ok GitHub permissions: All that the bot needs is granted. -> ",
            "ok GitHub events: The App tells of all that can hold a command. -> ",
            "ok Webhook: The App's webhook is set as it should be. -> ",
            "ok Deliveries: The last 1 arrived. -> ",
            "ok Config file: Nothing is wrong with octo/shop's, or it has none. -> ",
            "ok Labels: octo/shop has all 6. -> ",
            "ok Clock: It goes as Codegen and GitHub say. -> ",
            "ok Database: SQLite, FOLDER/bot.sqlite, for one process: new; the first start makes its tables. -> ",
        ]
    )


async def test_looking_changes_nothing(patient: Patient) -> None:
    before = sorted(patient.folder.iterdir())
    await patient.examined(about=SHOP)
    await patient.examined(about=SHOP, as_app=False)

    methods = {each.method for each in (*patient.github.control.journal, *patient.codegen.control.journal)}
    posts = {each.path for each in patient.github.control.journal if each.method == "POST"}
    assert methods == {"GET", "POST"}
    assert posts == {"/app/installations/1/access_tokens"}
    assert sorted(patient.folder.iterdir()) == before
    assert len(patient.github.control.journal) + len(patient.codegen.control.journal) < 30


async def test_no_secret_is_shown(patient: Patient) -> None:
    patient.github.control.fault(path="/app", action="status", status=401, times=None)
    patient.codegen.control.fault(path="/v1", action="status", status=401, times=None)
    told = " ".join(map(str, await patient.examined(about=SHOP)))

    assert "sk-org1" not in told
    assert "the webhook's secret" not in told
    assert "BEGIN" not in told


class TestCodegen:
    async def test_a_token_that_is_not_taken(self, patient: Patient) -> None:
        assert await patient.ails(codegen_api_token="wrong") == snapshot(
            [
                "wrong Codegen: Codegen me failed, unauthorized (401): Invalid or missing API token. -> Get a token at codegen.com, Settings, API token, and set CODEGEN_API_TOKEN."
            ]
        )

    async def test_an_organization_that_the_token_does_not_see(self, patient: Patient) -> None:
        assert await patient.ails(codegen_org_id=2) == snapshot(
            [
                "wrong Codegen: The token of alice does not see organization 2; it sees: 1 (Octo). -> Set CODEGEN_ORG_ID to one of those, or take a token of that organization."
            ]
        )

    async def test_nobody_is_there(self, patient: Patient) -> None:
        assert await patient.ails(codegen_api_base_url="http://127.0.0.1:9") == snapshot(
            [
                "wrong Codegen: Codegen me failed, network: ConnectError. -> Try again; where it stays so: does CODEGEN_API_BASE_URL hold the right address, and does this machine reach it?"
            ]
        )


class TestApp:
    async def test_a_key_that_is_not_taken(self, patient: Patient) -> None:
        assert await patient.ails(github_app_id="77") == snapshot(
            [
                "wrong GitHub account: GitHub app failed, not-found (404): Integration not found. -> Is GITHUB_APP_ID the id on the App's settings page, and GITHUB_PRIVATE_KEY a key that was generated there and not deleted since? A clock that is wrong by a minute is refused too."
            ]
        )

    async def test_a_key_that_is_none(self, patient: Patient) -> None:
        assert await patient.ails(github_private_key="-----BEGIN nonsense") == snapshot(
            [
                "wrong GitHub account: GITHUB_PRIVATE_KEY is no RSA private key in PEM form. Where to get it: the App's settings page, Generate a private key. -> Set GITHUB_PRIVATE_KEY to it."
            ]
        )

    async def test_permissions_and_events_that_are_missing(self, patient: Patient) -> None:
        del patient.github.world.app_permissions["checks"]
        patient.github.world.app_permissions["issues"] = "read"
        patient.github.world.app_events.remove("pull_request_review")
        patient.github.world.app_events.remove("issues")
        assert await patient.ails() == snapshot(
            [
                "wrong GitHub permissions: The App lacks Checks: read; Issues: read and write. -> Grant them at the App's settings page, Permissions & events; each installation then has to accept.",
                "wrong GitHub events: The App does not tell of Pull request review, Issues. -> Tick them at the App's settings page, Permissions & events.",
            ]
        )

    async def test_events_that_only_labels_need(self, patient: Patient) -> None:
        patient.github.world.app_events[:] = [name for name in EVENTS if name not in LABEL_EVENTS]
        assert await patient.ails() == snapshot(
            [
                "warning GitHub events: The App does not tell of Issues, Pull request: labels there do nothing. -> Tick them at the App's settings page, Permissions & events."
            ]
        )

    async def test_an_installation_that_is_suspended(self, patient: Patient) -> None:
        patient.github.world.suspended_at = datetime.now(UTC)
        assert await patient.ails() == snapshot(
            [
                "wrong GitHub account: The installation at octo is suspended. -> Its owner takes that back at Settings, GitHub Apps, Configure."
            ]
        )

    async def test_a_webhook_with_everything_wrong(self, patient: Patient) -> None:
        patient.github.webhooks.secret = ""
        patient.github.webhooks.config |= {
            "url": "https://bot.example.com/",
            "content_type": "form",
            "insecure_ssl": "1",
        }
        assert await patient.ails() == snapshot(
            [
                "wrong Webhook: The App's webhook does not lead to the bot: its address is https://bot.example.com/. -> Set it to https://YOUR-HOST/webhooks/github.",
                "wrong Webhook: The App's webhook sends forms. -> Choose the content type application/json in its settings.",
                "wrong Webhook: The App's webhook has no secret, so the bot refuses all it sends. -> Type one of GITHUB_WEBHOOK_SECRET into its settings.",
                "warning Webhook: The App's webhook does not check whom it reaches: SSL verification is off. -> Enable SSL verification in its settings.",
            ]
        )


async def test_one_suspended_installation_of_several_is_its_owners_affair(patient: Patient) -> None:
    grant = {"permissions": dict.fromkeys(needed(), "write"), "events": [*EVENTS]}
    both = [
        {"account": {"login": "octo"}, "suspended_at": None, **grant},
        {"account": {"login": "acme"}, "suspended_at": "2026-05-04T12:00:00Z", **grant},
    ]
    patient.github.control.fault(path="^/app/installations$", action="status", status=200, body=both)
    assert await patient.ails() == snapshot(
        [
            "warning GitHub account: The installation at acme is suspended. -> Its owner takes that back at Settings, GitHub Apps, Configure."
        ]
    )


async def test_a_world_that_takes_its_time_is_not_waited_for(patient: Patient) -> None:
    patient.codegen.control.fault(path="/v1", action="hang", delay=60, times=None)
    patient.github.control.fault(path="^/app$", action="hang", delay=60, times=None)
    assert await patient.ails(patience=2.0) == snapshot(
        [
            "wrong Codegen: No answer came within 2 s. -> Try again; where it stays so, something between this machine and there swallows what is sent.",
            "wrong GitHub account: No answer came within 2 s. -> Try again; where it stays so, something between this machine and there swallows what is sent.",
            "warning Clock: Nobody answered who could have told the time. -> See above.",
        ]
    )


class TestToken:
    async def test_a_token_that_is_not_taken(self, patient: Patient) -> None:
        assert await patient.ails(as_app=False, github_token="wrong") == snapshot(
            [
                "wrong GitHub account: GitHub me failed, unauthorized (401): Bad credentials. -> Make a token at GitHub, Settings, Developer settings, and set GITHUB_TOKEN."
            ]
        )

    async def test_a_token_without_a_repository_to_look_at(self, patient: Patient) -> None:
        assert await patient.ails(as_app=False) == snapshot(
            [
                "warning GitHub permissions: What a token may do is seen at a repository only. -> Name one: codegen-bot doctor --repository OWNER/NAME.",
                "warning Webhook: With a token, the webhook belongs to a repository. -> Name the repository that has it: codegen-bot doctor --repository OWNER/NAME.",
            ]
        )

    async def test_a_token_that_may_not_see_webhooks(self, patient: Patient) -> None:
        assert await patient.ails(about=SHOP, as_app=False) == snapshot(
            [
                "warning Webhook: The token may not see the webhooks of octo/shop. -> Its settings page on GitHub shows them; a token with the scope read:repo_hook would show them here."
            ]
        )

    async def test_a_token_that_may_see_all_has_nothing_to_mend(self, patient: Patient) -> None:
        patient.github.add_bot(BOT_LOGIN, "admin")
        assert await patient.ails(about=SHOP, as_app=False) == []

    async def test_a_token_that_may_only_read(self, patient: Patient) -> None:
        assert await patient.ails(about=SHOP, as_app=False, github_token="as-carol") == snapshot(
            [
                "wrong GitHub permissions: carol has read in octo/shop: it could comment, but neither set labels nor ask who may what. -> Give carol the role write there.",
                "warning Webhook: The token may not see the webhooks of octo/shop. -> Its settings page on GitHub shows them; a token with the scope read:repo_hook would show them here.",
            ]
        )

    async def test_scopes_that_do_not_let_a_token_write(self, patient: Patient) -> None:
        headers = {"X-OAuth-Scopes": "read:org, gist"}
        body = {"login": "bob", "type": "User"}
        patient.github.control.fault(path="^/user$", action="status", status=200, headers=headers, body=body)
        assert await patient.ails(as_app=False, github_token="as-bob") == snapshot(
            [
                "wrong GitHub permissions: The token's scopes do not let it write: gist, read:org. -> Give the classic token the scope repo, or public_repo where all repositories are public.",
                "warning Webhook: With a token, the webhook belongs to a repository. -> Name the repository that has it: codegen-bot doctor --repository OWNER/NAME.",
            ]
        )

    async def test_a_repository_without_a_webhook(self, patient: Patient) -> None:
        patient.github.add_bot(BOT_LOGIN, "admin")
        patient.github.webhooks.url = None
        assert await patient.ails(about=SHOP, as_app=False) == snapshot(
            [
                "wrong Webhook: No webhook of octo/shop ends in /webhooks/github. -> Make one at octo/shop, Settings, Webhooks: https://YOUR-HOST/webhooks/github, application/json."
            ]
        )

    async def test_a_repository_that_is_not_there(self, patient: Patient) -> None:
        assert await patient.ails(about="octo/other", as_app=False) == snapshot(
            [
                "wrong GitHub permissions: GitHub own_permission failed, not-found (404): Not Found. -> Give codegen-bot[bot] access to it, and the token: a fine-grained one names its repositories.",
                "warning Webhook: The token may not see the webhooks of octo/other. -> Its settings page on GitHub shows them; a token with the scope read:repo_hook would show them here.",
                "wrong Labels: GitHub repository_labels failed, not-found (404): Not Found. -> Give the bot access to octo/other.",
            ]
        )


class TestDeliveries:
    async def test_most_were_refused(self, patient: Patient) -> None:
        for status, word in ((401, "Unauthorized"), (401, "Unauthorized"), (503, "Service Unavailable")):
            patient.github.comment("bob", 1, "hello")
            await patient.github.idle()
            patient.github.deliveries[-1].status_code, patient.github.deliveries[-1].status = status, word
        assert await patient.ails() == snapshot(
            [
                "wrong Deliveries: 3 of the last 4 failed: 2 with 401 (Unauthorized), 1 with 503 (Service Unavailable). The very last one failed too. -> The secret in the webhook's settings on GitHub is none of GITHUB_WEBHOOK_SECRET."
            ]
        )

    async def test_the_last_one_arrived(self, patient: Patient) -> None:
        patient.github.comment("bob", 1, "hello")
        await patient.github.idle()
        patient.github.deliveries.reverse()
        first, last = patient.github.deliveries
        first.id, last.id = last.id, first.id
        assert await patient.ails() == snapshot(
            [
                "warning Deliveries: 1 of the last 2 failed: 1 with no answer (failed to connect to host). The very last one arrived. -> Is the bot up, and does the address lead to it? Its log says why it did not take something. What failed is asked for again by itself."
            ]
        )

    async def test_what_came_at_another_try_was_missed_by_nobody(self, patient: Patient) -> None:
        patient.github.comment("bob", 1, "hello")
        await patient.github.idle()
        again = patient.github.redeliver(patient.github.deliveries[-1])
        await patient.github.idle()
        again.status_code, again.status = 202, "Accepted"
        [told] = [each for each in await patient.examined() if each.about == "Deliveries"]

        assert (told.level, told.sentence) == (Severity.OK, "The last 2 arrived, 1 of them at another try.")

    async def test_nothing_was_delivered(self, patient: Patient) -> None:
        patient.github.deliveries.clear()
        assert await patient.ails() == snapshot(
            [
                "warning Deliveries: Nothing was delivered in the last three days. -> Redeliver the ping in its settings, or write a comment, and look again."
            ]
        )


class TestClock:
    @pytest.mark.parametrize("seconds", [-30, 30, 90, -90])
    async def test_a_clock_that_is_wrong(self, seconds: int, patient: Patient) -> None:
        patient.now = lambda: datetime.now(UTC) + timedelta(seconds=seconds)
        [told] = await patient.ails()

        assert told.startswith("wrong Clock" if abs(seconds) > 60 else "warning Clock")
        assert ("ahead of" if seconds > 0 else "behind") in told


class TestRepository:
    async def test_labels_that_are_missing(self, patient: Patient) -> None:
        del patient.github.world.labels["codegen:run"]
        assert await patient.ails(about=SHOP) == snapshot(
            [
                "warning Labels: octo/shop lacks codegen:run: nobody can put them on. -> codegen-bot labels sync octo/shop makes them."
            ]
        )

    async def test_slow_secret_pattern_is_a_warning(self, patient: Patient) -> None:
        patient.github.world.files["main", ".github/codegen-bot.yml"] = (
            "secret-patterns: ['acme_\\d{9}', '(?:a|a)+b']\n"
        )

        assert await patient.ails(about=SHOP) == snapshot(
            [
                "warning Config file: Entry 2 of secret-patterns takes more than 0.25 s on some texts of a comment's length; repeat single characters, with an upper limit, as in [a-z0-9-]{20,80}. -> Make it simpler: a text on which it exceeds the limit is withheld as a whole."
            ]
        )

    async def test_a_config_file_with_mistakes(self, patient: Patient) -> None:
        patient.github.world.files["main", ".github/codegen-bot.yml"] = "prefx: /bot\npermissions:\n  run: wirte\n"
        assert await patient.ails(about=SHOP) == snapshot(
            [
                'wrong Config file: octo/shop/.github/codegen-bot.yml: Line 1: There is no key "prefx". Did you mean "prefix"? -> Fix it on the default branch; codegen-bot check-config says the same before it is pushed.',
                'wrong Config file: octo/shop/.github/codegen-bot.yml: Line 3: "permissions.run" should be read, triage, write, maintain or admin, not the text "wirte". Did you mean "write"? -> Fix it on the default branch; codegen-bot check-config says the same before it is pushed.',
            ]
        )


class TestDatabase:
    async def test_it_is_new_or_up_to_date(self, patient: Patient) -> None:
        [new] = [each.sentence for each in await patient.examined() if each.about == "Database"]
        engine = open_engine(f"sqlite:///{patient.folder}/bot.sqlite")
        migrate(engine)
        engine.dispose()
        [used] = [each.sentence for each in await patient.examined() if each.about == "Database"]

        assert new.endswith("new; the first start makes its tables.")
        assert used.endswith("up to date.")

    async def test_one_of_a_newer_version(self, patient: Patient) -> None:
        with sqlite3.connect(patient.folder / "bot.sqlite") as connection:
            connection.execute("CREATE TABLE codegen_bot_thread_runs (run_id INTEGER)")
            connection.execute("CREATE TABLE codegen_bot_schema (version_num TEXT)")
            connection.execute("INSERT INTO codegen_bot_schema VALUES ('9999')")
        connection.close()
        assert await patient.ails() == snapshot(
            [
                "wrong Database: SQLite, FOLDER/bot.sqlite, for one process: a newer codegen-bot has brought it up (to 9999). -> Start that version again, or go back to a backup from before."
            ]
        )

    async def test_one_of_an_older_version_is_brought_up_by_the_next_start(self, patient: Patient) -> None:
        with sqlite3.connect(patient.folder / "bot.sqlite") as connection:
            connection.execute("CREATE TABLE codegen_bot_thread_runs (run_id INTEGER)")
        connection.close()
        [found] = [each for each in await patient.examined() if each.about == "Database"]

        assert found.level is Severity.OK
        assert found.sentence.endswith("of an older version; the next start brings it up.")

    async def test_a_file_that_is_no_database(self, patient: Patient) -> None:
        (patient.folder / "bot.sqlite").write_text("something else, and long enough to be read as a header" * 20)
        assert await patient.ails() == snapshot(
            [
                "wrong Database: DATABASE_URL names a database that cannot be used: file is not a database. -> Set DATABASE_URL to one that this machine reaches, or start it."
            ]
        )

    async def test_a_folder_that_is_not_there(self, patient: Patient) -> None:
        assert await patient.ails(database_url=f"sqlite:///{patient.folder}/none/bot.sqlite") == snapshot(
            [
                "wrong Database: DATABASE_URL names the file FOLDER/none/bot.sqlite, and its folder is not there. -> Set DATABASE_URL to one that this machine reaches, or start it."
            ]
        )

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is closed to root")
    async def test_a_folder_that_is_closed(self, patient: Patient) -> None:
        closed = patient.folder / "closed"
        closed.mkdir(mode=0o500)
        [told] = await patient.ails(database_url=f"sqlite:///{closed}/bot.sqlite")
        assert "is closed to writing" in told

    def test_looking_is_the_same_for_both_kinds(self, bare_database_url: str) -> None:
        database_url = bare_database_url
        assert (look(database_url).is_used, look(database_url).closed) == (False, None)
        engine = open_engine(database_url)
        migrate(engine)
        engine.dispose()
        looked = look(database_url)
        assert (looked.is_used, looked.is_older, looked.is_newer, looked.closed) == (True, False, False, None)
        assert looked.is_postgresql is database_url.startswith("postgresql")

    async def test_a_server_that_does_not_answer(self, patient: Patient) -> None:
        told = await patient.ails(database_url="postgresql://bot:s3cret@127.0.0.1:9/bot")
        assert len(told) == 1
        assert told[0].startswith("wrong Database: DATABASE_URL names a database that cannot be used: ")
        assert "s3cret" not in told[0]


def test_readme_names_the_needed_permissions() -> None:
    readme = " ".join(page("README.md").split())
    words = {"write": "read and write", "read": "read"}
    for least, shown in words.items():
        names = ", ".join(name.replace("_", " ") for name, has in needed().items() if has == least)
        assert f"{names}: {shown}" in readme
