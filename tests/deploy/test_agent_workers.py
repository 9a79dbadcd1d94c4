"""The workers' image, compose file and Kubernetes manifests agree with the code, and with the bot's own files."""

from __future__ import annotations

import re
from functools import partial

import yaml

from bot.agents.config import load
from bot.cli.agents import STOP_SECONDS
from bot.settings.model import setting_rows
from tests.action.test_action_yml import judge
from tests.deploy import manifests
from tests.deploy.dockerfile import ROOT, parse
from tests.deploy.test_kubernetes import IMAGE_USER, ROUTES
from tests.deploy.test_kubernetes import document as of_the_bot

FOLDER = ROOT / "deploy" / "kubernetes" / "agents"
COMPOSE = ROOT / "deploy" / "compose" / "agents.yaml"
DOCKERFILE = (ROOT / "deploy" / "agents" / "Dockerfile").read_text(encoding="utf-8")
NAME = {"app.kubernetes.io/name": "codegen-bot-agents"}
SETTINGS = {row.variable for row in setting_rows()}
SANDBOXED = {"seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"}
"""Docker's options that bubblewrap needs, as docs/agents.md has them."""


document = partial(manifests.document, FOLDER)
KUSTOMIZATION = document("kustomization")
DEPLOYMENT = document("deployment")
POD = DEPLOYMENT["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
LITERALS = dict(each.split("=", 1) for each in KUSTOMIZATION["configMapGenerator"][0]["literals"])
SERVICES = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
AGENTS = load(FOLDER / "agents.yml", {"OPENAI_API_KEY": "sk-example"})


# Compose


def test_compose_file_is_valid_by_the_published_schema() -> None:
    judge("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_compose_worker_and_bot_have_the_same_agents() -> None:
    bot, worker = SERVICES["bot"], SERVICES["agents"]
    assert bot["volumes"] == [worker["volumes"][0]]
    assert bot["environment"]["AGENTS_FILE"] == worker["environment"]["AGENTS_FILE"]
    assert bot["environment"]["AGENTS_WORKER"] == "false"
    assert {*bot["environment"], *worker["environment"]} <= SETTINGS


def test_compose_worker_may_do_what_the_sandbox_needs_and_no_more() -> None:
    worker = SERVICES["agents"]
    assert {*worker["security_opt"]} == SANDBOXED | {"no-new-privileges:true"}
    assert worker["cap_drop"] == ["ALL"]
    assert worker["read_only"] is True
    assert "ports" not in worker
    page = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    assert [each for each in SANDBOXED if f"--security-opt {each}" not in page] == []


# Kubernetes


def test_every_file_is_a_resource_or_the_agents_file() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        "kustomization.yaml",
        "agents.yml",
        *KUSTOMIZATION["resources"],
    }


@manifests.has_kubectl
def test_kustomize_puts_them_together() -> None:
    made = manifests.kustomized(FOLDER)
    assert {each["metadata"]["labels"]["app.kubernetes.io/name"] for each in made} == {"codegen-bot-agents"}


def test_all_of_them_mean_the_same_pods_and_none_of_the_bots() -> None:
    selectors = [
        DEPLOYMENT["spec"]["selector"]["matchLabels"],
        document("disruption")["spec"]["selector"]["matchLabels"],
        document("network")["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in POD["topologySpreadConstraints"]),
    ]
    assert selectors == [NAME] * 4
    assert of_the_bot("service")["spec"]["selector"] != NAME


def test_probes_reach_the_port_of_the_metrics() -> None:
    probes = [CONTAINER[f"{name}Probe"] for name in ("startup", "liveness", "readiness")]
    assert {probe["httpGet"]["port"] for probe in probes} == {"metrics"}
    assert [str(port["containerPort"]) for port in CONTAINER["ports"]] == [LITERALS["METRICS_PORT"]]
    assert [each for each in probes if f'("{each["httpGet"]["path"]}", ' not in ROUTES] == []


def test_pod_may_do_what_the_sandbox_needs_and_no_more() -> None:
    assert POD["hostUsers"] is False
    assert POD["securityContext"] == {
        "runAsNonRoot": True,
        "fsGroup": int(IMAGE_USER),
        "seccompProfile": {"type": "Unconfined"},
        "appArmorProfile": {"type": "Unconfined"},
    }
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "procMount": "Unmasked",
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False
    writable = [each["mountPath"] for each in CONTAINER["volumeMounts"] if not each.get("readOnly")]
    assert writable == ["/tmp", "/data"]  # noqa: S108 - the pod's own


def test_grace_times_are_longer_than_a_worker_needs() -> None:
    needed = AGENTS.drain + STOP_SECONDS
    unit = (ROOT / "deploy" / "systemd" / "codegen-bot-agents.service").read_text(encoding="utf-8")
    [of_systemd] = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    of_compose = SERVICES["agents"]["stop_grace_period"].removesuffix("s")
    for grace in (POD["terminationGracePeriodSeconds"], of_compose, of_systemd):
        assert float(grace) > needed


def test_files_are_found_where_they_are_mounted() -> None:
    mounts = {each["name"]: each["mountPath"] for each in CONTAINER["volumeMounts"]}
    assert LITERALS["AGENTS_FILE"] == f"{mounts['agents-file']}/agents.yml"
    assert LITERALS["AGENTS_DIR"].startswith(f"{mounts['work']}/")
    assert LITERALS["SECRETS_DIR"] == mounts["secrets"]
    assert {*LITERALS} <= SETTINGS
    assert [each for each in LITERALS if re.search("TOKEN|SECRET|KEY|URL", each)] == ["SECRETS_DIR"]


def test_workers_reach_what_the_bot_reaches() -> None:
    assert document("network")["spec"]["egress"] == of_the_bot("network")["spec"]["egress"]


# The image


def test_image_runs_a_worker_as_the_bots_user() -> None:
    # An ARG before the first FROM is none of a stage's.
    [stage] = parse(DOCKERFILE[DOCKERFILE.index("FROM ${BASE}") :])
    users = [step.text for step in stage.of("USER")]
    assert users[-1] == f"{IMAGE_USER}:{IMAGE_USER}"
    [command] = stage.of("CMD")
    assert yaml.safe_load(command.text) == CONTAINER["args"]
    variables = {pair.split("=")[0] for step in stage.of("ENV") for pair in step.text.split()}
    assert variables <= SETTINGS
