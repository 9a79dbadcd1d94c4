"""The Kubernetes manifests agree with the code: ports, paths, settings, timeouts, memory, connections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_address, ip_network

import yaml

from bot.settings.model import setting_rows
from tests.deploy import manifests
from tests.deploy.dockerfile import ROOT
from tests.deploy.test_dockerfile import LONGEST_STOP

FOLDER = ROOT / "deploy" / "kubernetes"
NAME = {"app.kubernetes.io/name": "codegen-bot"}
ROUTES = (ROOT / "bot" / "web" / "server.py").read_text(encoding="utf-8")


document = partial(manifests.document, FOLDER)
KUSTOMIZATION = document("kustomization")
DEPLOYMENT = document("deployment")
LITERALS = dict(each.split("=", 1) for each in KUSTOMIZATION["configMapGenerator"][0]["literals"])
[IMAGE_USER] = re.findall(r"^USER (\d+):\1$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
POD = DEPLOYMENT["spec"]["template"]["spec"]
[CONTAINER] = POD["containers"]
PROBES = [CONTAINER[f"{name}Probe"] for name in ("startup", "liveness", "readiness")]
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))


def test_every_file_is_a_resource_or_an_example() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")}
    assert files == {"kustomization.yaml", *KUSTOMIZATION["resources"]}
    assert {path.stem for path in (FOLDER / "examples").iterdir()} == {"secret", "ingress", "servicemonitor"}


@manifests.has_kubectl
def test_kustomize_puts_them_together() -> None:
    made = {each["kind"]: each for each in manifests.kustomized(FOLDER)}
    assert {each["metadata"]["labels"]["app.kubernetes.io/name"] for each in made.values()} == {"codegen-bot"}
    assert {each["metadata"].get("namespace", "codegen-bot") for each in made.values()} == {"codegen-bot"}
    pod = made["Deployment"]["spec"]["template"]
    assert pod["metadata"]["labels"] == NAME
    [container] = pod["spec"]["containers"]
    assert re.fullmatch(r"ghcr\.io/owner/codegen-bot:\d+\.\d+\.\d+", container["image"])
    [settings] = container["envFrom"]
    assert settings["configMapRef"]["name"] == made["ConfigMap"]["metadata"]["name"] != "codegen-bot"
    [secrets] = [each["secret"]["secretName"] for each in pod["spec"]["volumes"] if "secret" in each]
    assert secrets == document("examples/secret")["metadata"]["name"]


def test_all_of_them_mean_the_same_pods() -> None:
    selectors = [
        DEPLOYMENT["spec"]["selector"]["matchLabels"],
        document("service")["spec"]["selector"],
        document("disruption")["spec"]["selector"]["matchLabels"],
        document("network")["spec"]["podSelector"]["matchLabels"],
        document("examples/servicemonitor")["spec"]["selector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in POD["topologySpreadConstraints"]),
    ]
    assert selectors == [NAME] * 6


def test_everything_leads_to_the_port_that_the_bot_listens_on() -> None:
    ports = {port["name"]: str(port["containerPort"]) for port in CONTAINER["ports"]}
    assert ports == {
        "http": next(row.default for row in setting_rows() if row.variable == "PORT"),
        "metrics": LITERALS["METRICS_PORT"],
    }
    assert {probe["httpGet"]["port"] for probe in PROBES} == {"http"}
    assert {port["name"]: port["targetPort"] for port in document("service")["spec"]["ports"]} == {
        "http": "http",
        "metrics": "metrics",
    }
    assert [each["port"] for each in document("examples/servicemonitor")["spec"]["endpoints"]] == ["metrics"]
    assert document("examples/ingress")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"] == {
        "name": document("service")["metadata"]["name"],
        "port": {"name": "http"},
    }


def test_every_path_is_a_route_of_the_server() -> None:
    paths = {probe["httpGet"]["path"] for probe in PROBES}
    assert paths == {"/healthz", "/readyz"}
    annotations = DEPLOYMENT["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == LITERALS["METRICS_PORT"]
    paths |= {annotations["prometheus.io/path"]}
    paths |= {each["path"] for each in document("examples/ingress")["spec"]["rules"][0]["http"]["paths"]}
    paths |= {each["path"] for each in document("examples/servicemonitor")["spec"]["endpoints"]}
    assert [path for path in paths if f'("{path}", ' not in ROUTES] == []


def test_missing_database_restarts_no_pod() -> None:
    """A restart would lose deliveries and fix nothing."""
    startup, liveness, readiness = PROBES
    assert startup["httpGet"]["path"] == liveness["httpGet"]["path"] == "/healthz"
    assert readiness["httpGet"]["path"] == "/readyz"
    timeout = re.search(r"^CHECK_TIMEOUT = ([\d.]+)$", ROUTES, re.MULTILINE)
    assert timeout is not None
    assert readiness["timeoutSeconds"] > float(timeout[1])


def test_pod_has_longer_than_the_bot_needs() -> None:
    _, wait = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert POD["terminationGracePeriodSeconds"] > LONGEST_STOP + int(wait)


def test_pod_may_do_nothing_that_it_need_not() -> None:
    assert POD["securityContext"] == {
        "runAsNonRoot": True,
        "fsGroup": int(IMAGE_USER),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False
    writable = [each["mountPath"] for each in CONTAINER["volumeMounts"] if not each.get("readOnly")]
    assert writable == ["/tmp"]  # noqa: S108 - the pod's own
    labels = document("namespace")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_secrets_are_files_and_no_variables() -> None:
    assert [each for each in CONTAINER["envFrom"] if "secretRef" in each] == []
    assert "env" not in CONTAINER
    [mounted] = [each for each in CONTAINER["volumeMounts"] if each["name"] == "secrets"]
    assert mounted["mountPath"] == LITERALS["SECRETS_DIR"]
    [volume] = [each["secret"] for each in POD["volumes"] if each["name"] == "secrets"]
    assert volume == {"secretName": document("examples/secret")["metadata"]["name"], "defaultMode": 0o440}


def test_metrics_are_reached_from_one_namespace_only() -> None:
    anybody, monitoring = document("network")["spec"]["ingress"]
    assert anybody == {"ports": [{"port": "http"}]}
    assert [port["port"] for port in monitoring["ports"]] == ["metrics"]
    [source] = monitoring["from"]
    assert [*source] == ["namespaceSelector"]


def test_bot_reaches_names_web_servers_and_its_database() -> None:
    policy = document("network")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    names, outside = policy["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    assert [port["port"] for port in outside["ports"]] == [443, 5432]
    excepted = [ip_network(each) for block in outside["to"] for each in block["ipBlock"]["except"]]
    for metadata_service in ("169.254.169.254", "fd00:ec2::254"):
        assert any(ip_address(metadata_service) in each for each in excepted)


def settings() -> Iterator[str]:
    yield from LITERALS
    yield from document("examples/secret")["stringData"]


def test_what_is_set_are_settings_and_all_that_are_needed() -> None:
    rows = {row.variable: row for row in setting_rows()}
    given = {*settings()}
    assert given <= {*rows}
    assert {name for name, row in rows.items() if row.default is None} <= given
    assert "sqlite" not in document("examples/secret")["stringData"]["DATABASE_URL"]
    assert "EXECUTOR_ID" not in given


def test_nothing_secret_stands_in_what_is_applied() -> None:
    assert [name for name in LITERALS if re.search("TOKEN|SECRET|KEY|URL", name)] == ["SECRETS_DIR"]
    values = document("examples/secret")["stringData"].values()
    assert [value for value in values if "FILL-IN" not in value] == []


def test_rollout_stays_within_database_connections() -> None:
    page = (ROOT / "docs" / "several-processes.md").read_text(encoding="utf-8")
    each = re.search(r"up to (\d+) connections a process", page)
    assert each is not None
    most = DEPLOYMENT["spec"]["replicas"] + DEPLOYMENT["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    assert most * int(each[1]) <= 97, "PostgreSQL's usual 100, three of which are its own administrator's"


def test_memory_is_reported_before_the_limit_ends_it() -> None:
    rules = {rule["alert"]: rule["expr"] for group in ALERTS["groups"] for rule in group["rules"]}
    found = re.search(r"> (\d+) \* 1024 \* 1024", rules["CodegenBotMemoryGrows"])
    assert found is not None
    assert int(CONTAINER["resources"]["limits"]["memory"].removesuffix("Mi")) > int(found[1])


def test_scrape_job_is_the_one_of_the_alerts() -> None:
    """The operator calls a job as the Service is called."""
    assert f'job="{document("service")["metadata"]["name"]}"' in ALERTS["groups"][0]["rules"][0]["expr"]
