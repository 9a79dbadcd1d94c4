"""compose.yaml by the published schema, and against the code."""

from __future__ import annotations

import re

import yaml

from bot.settings.model import setting_rows
from tests.action.test_action_yml import judge
from tests.deploy.dockerfile import ROOT
from tests.deploy.test_dockerfile import LONGEST_STOP

SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
BOT, DATABASE = SERVICES["bot"], SERVICES["postgresql"]
EXAMPLES = ROOT / "deploy" / "compose"


def pairs(name: str) -> dict[str, str]:
    lines = (EXAMPLES / f"{name}.env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_it_is_valid_by_the_published_schema() -> None:
    judge("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


def test_bot_waits_for_its_database() -> None:
    assert BOT["depends_on"] == {"postgresql": {"condition": "service_healthy"}}
    assert DATABASE["healthcheck"]["test"][0] == "CMD-SHELL"


def test_database_is_not_reachable_from_outside() -> None:
    assert "ports" not in DATABASE
    assert DATABASE["networks"] == ["database"]
    networks = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["networks"]
    assert networks["database"] == {"internal": True}
    assert [port.rsplit(":", 2)[0] for port in BOT["ports"]] == ["127.0.0.1"]


def test_neither_may_do_what_it_need_not() -> None:
    for service in SERVICES.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["pids_limit"] == 256
        assert not re.search(r":latest$|^[^:]+/[^:]+$", service["image"])
    assert "cap_add" not in BOT


def test_secrets_come_out_of_files_that_git_and_images_ignore() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for service in SERVICES.values():
        assert not [name for name in service["environment"] if re.search("TOKEN|SECRET|KEY|PASSWORD|URL", name)]
        assert "*.env" in ignored
        assert service["env_file"].endswith(".env")


def test_examples_name_all_that_is_needed() -> None:
    rows = {row.variable: row for row in setting_rows()}
    given = pairs("codegen-bot")
    assert given.keys() <= rows.keys()
    assert {name for name, row in rows.items() if row.default is None} <= given.keys()
    # What has a value is the example's own, and no secret.
    assert {name for name, value in given.items() if value} == {"DATABASE_URL"}
    user, database = (DATABASE["environment"][f"POSTGRES_{name}"] for name in ("USER", "DB"))
    password = pairs("postgresql")["POSTGRES_PASSWORD"]
    assert given["DATABASE_URL"] == f"postgresql://{user}:{password}@postgresql/{database}"


def test_metrics_are_on_no_port_of_the_machine() -> None:
    assert BOT["environment"]["METRICS_PORT"] not in {port.rpartition(":")[2] for port in BOT["ports"]}


def test_bot_has_longer_to_stop_than_it_needs() -> None:
    assert float(BOT["stop_grace_period"].removesuffix("s")) > LONGEST_STOP
