"""The examples in `deploy/` hold together: with each other, with the image, and with what the server really has."""

import asyncio
import re
from pathlib import Path

import httpx2
import pytest
import yaml
from click.testing import CliRunner

from bridge.cli import commands
from bridge.config import admin_address, load
from tests.bridges import bridge, config

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = [DEPLOY / "compose" / "compose.yaml", DEPLOY / "sidecar" / "compose.yaml"]
SECRETS = {
    "PGPASSWORD": "p",
    "PUBLIC_URL": "https://hooks.example.com",
    "ADMIN_TOKEN": "t",
    "AUTOSANA_SECRET": "s",
    "SLACK_WEBHOOK": "https://hooks.slack.com/services/T0/B0/X",
    "APP_SECRET": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
}


def text(path):
    return path.read_text("utf-8")


def dockerfile(instruction):
    return re.findall(rf"^{instruction} (.+)$", text(ROOT / "Dockerfile"), re.MULTILINE)


def settings():
    """The image's ENV, by name."""
    return dict(re.findall(r"(\w+)=(\S+)", text(ROOT / "Dockerfile").partition("ENV PATH=")[2]))


def bridges(path):
    """The services of a compose file that run Drawbridge."""
    return [one for one in yaml.safe_load(text(path))["services"].values() if one.get("image") == "drawbridge"]


@pytest.fixture(scope="module")
def cluster():
    """The Kubernetes objects by kind and name."""
    files = [DEPLOY / "kubernetes" / name for name in ("drawbridge.yaml", "secret.example.yaml")]
    found = [one for path in files for one in yaml.safe_load_all(text(path))]
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in found}


@pytest.fixture(scope="module")
def pod(cluster):
    return cluster["Deployment/drawbridge"]["spec"]["template"]["spec"]


def in_cluster(cluster, folder):
    """The ConfigMap's file as the container reads it, its secrets at hand."""
    mounted = "/run/secrets/drawbridge"
    for name, value in cluster["Secret/drawbridge"]["stringData"].items():
        (folder / name).write_text(value)
    content = cluster["ConfigMap/drawbridge"]["data"]["config.yaml"]
    assert mounted in content
    path = folder / "config.yaml"
    path.write_text(content.replace(mounted, str(folder)))
    return path


@pytest.fixture(params=["compose", "sidecar", "kubernetes"])
def example(request, tmp_path, cluster):
    """Each example's config.yaml."""
    if request.param == "kubernetes":
        return in_cluster(cluster, tmp_path)
    return DEPLOY / request.param / "config.yaml"


# ------------------------------------------------------------------------------------------------ configurations


def test_drawbridge_check_finds_nothing_wrong_with_an_example(example):
    result = CliRunner().invoke(commands, ["check", "-c", str(example)], env=SECRETS)
    assert result.exit_code == 0, result.output


def test_an_example_listens_where_the_image_exposes_and_its_health_check_asks(example):
    loaded = load(example, SECRETS)
    exposed = [int(port) for port in dockerfile("EXPOSE")[0].split()]
    assert [loaded.listen.port, loaded.admin.listen.port] == exposed
    assert {loaded.listen.host, loaded.admin.listen.host} == {"0.0.0.0"}
    assert admin_address(example, SECRETS) == loaded.admin.listen


def test_replicas_share_a_database_and_one_alone_keeps_a_file_on_the_volume(cluster, tmp_path):
    stores = {
        "compose": load(DEPLOY / "compose" / "config.yaml", SECRETS),
        "kubernetes": load(in_cluster(cluster, tmp_path), SECRETS),
        "sidecar": load(DEPLOY / "sidecar" / "config.yaml", SECRETS),
    }
    urls = {name: one.store.url.get_secret_value() for name, one in stores.items()}
    assert [name for name, one in stores.items() if one.embedded] == ["sidecar"]
    assert urls["sidecar"].startswith(f"sqlite:///{dockerfile('VOLUME')[0]}/")
    assert all(url.startswith("postgresql://") for name, url in urls.items() if name != "sidecar")


def test_no_example_holds_a_secret():
    for path in DEPLOY.rglob("*.env"):
        filled = dict(line.split("=", 1) for line in text(path).splitlines() if "=" in line and line[0] != "#")
        assert {name for name, value in filled.items() if value} <= {"PUBLIC_URL"}


# ------------------------------------------------------------------------------------------------ compose


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.parent.name)
def test_a_compose_file_asks_for_every_variable_that_it_and_its_config_name(path):
    asked = set(re.findall(r"\$\{(\w+)", text(path)))
    offered = set(re.findall(r"^(\w+)=", text(path.with_name("example.env")), re.MULTILINE))
    named = set(re.findall(r"\$\{(\w+)", text(path.with_name("config.yaml"))))
    assert asked == offered
    assert bridges(path)
    assert all(named <= one["environment"].keys() for one in bridges(path))


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.parent.name)
def test_a_compose_file_mounts_what_is_there_where_the_image_looks_for_it(path):
    for one in bridges(path):
        volumes = dict(volume.split(":")[:2] for volume in one["volumes"])
        assert volumes["./config.yaml"] == settings()["DRAWBRIDGE_CONFIG"]
        assert (path.parent / one["build"] / "Dockerfile").is_file()
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
    for service in yaml.safe_load(text(path))["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (path.parent / source).is_file()


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.parent.name)
def test_the_operators_port_is_published_to_this_machine_only(path):
    ports = [port for one in yaml.safe_load(text(path))["services"].values() for port in one.get("ports", [])]
    assert sorted(ports) == ["127.0.0.1:8081:8081", "8080:8080"]


def test_the_balancer_knows_every_replica_and_asks_each_whether_it_is_ready():
    caddy = text(DEPLOY / "compose" / "Caddyfile")
    services = yaml.safe_load(text(COMPOSE[0]))["services"]
    replicas = [name for name, one in services.items() if one.get("image") == "drawbridge"]
    assert len(replicas) == 3
    for port in dockerfile("EXPOSE")[0].split():
        assert f"reverse_proxy {' '.join(f'{name}:{port}' for name in replicas)} {{" in caddy
    assert re.search(r"health_uri /readyz\n\s*health_port 8081", caddy)
    assert caddy.count("{") == caddy.count("}")


def test_the_sidecars_volume_is_the_images():
    (one,) = bridges(COMPOSE[1])
    assert f"store:{dockerfile('VOLUME')[0]}" in one["volumes"]


# ------------------------------------------------------------------------------------------------ Kubernetes


def test_the_pod_runs_as_the_images_user_and_may_write_nothing(pod):
    user, group = map(int, dockerfile("USER")[0].split(":"))
    context, container = pod["securityContext"], pod["containers"][0]["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["runAsNonRoot"]) == (user, group, True)
    assert container["readOnlyRootFilesystem"] is True
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False


def test_the_pod_mounts_config_and_secrets_where_they_are_looked_for(cluster, pod):
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert f"{mounts['config']}/config.yaml" == settings()["DRAWBRIDGE_CONFIG"]
    assert f"ConfigMap/{volumes['config']['configMap']['name']}" in cluster
    secret = cluster[f"Secret/{volumes['secrets']['secret']['secretName']}"]
    content = cluster["ConfigMap/drawbridge"]["data"]["config.yaml"]
    assert set(re.findall(rf"{mounts['secrets']}/([\w-]+)", content)) == secret["stringData"].keys()


def test_everything_selects_the_pod_by_its_label_and_its_ports_by_name(cluster, pod):
    labels = cluster["Deployment/drawbridge"]["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"] for port in pod["containers"][0]["ports"]}
    assert cluster["Deployment/drawbridge"]["spec"]["selector"]["matchLabels"] == labels
    assert cluster["PodDisruptionBudget/drawbridge"]["spec"]["selector"]["matchLabels"] == labels
    assert sorted(ports.values()) == sorted(int(port) for port in dockerfile("EXPOSE")[0].split())
    for service in [one for name, one in cluster.items() if name.startswith("Service/")]:
        assert service["spec"]["selector"] == labels
        assert all(port["targetPort"] in ports for port in service["spec"]["ports"])
    assert [port["targetPort"] for port in cluster["Service/drawbridge"]["spec"]["ports"]] == ["hooks"]


def test_a_disruption_leaves_replicas_and_lets_one_go(cluster):
    replicas = cluster["Deployment/drawbridge"]["spec"]["replicas"]
    assert 0 < cluster["PodDisruptionBudget/drawbridge"]["spec"]["minAvailable"] < replicas


def test_a_pod_has_time_to_finish_what_is_on_its_way(pod):
    from bridge.web.server import DRAIN

    (command,) = [one["lifecycle"]["preStop"]["exec"]["command"] for one in pod["containers"]]
    assert int(command[1]) + DRAIN + 5 < pod["terminationGracePeriodSeconds"]
    for path in COMPOSE:
        assert all(int(one["stop_grace_period"].rstrip("s")) > DRAIN + 5 for one in bridges(path))


def test_what_probes_and_balancers_ask_is_there(tmp_path, pod):
    (container,) = pod["containers"]
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("liveness", "readiness", "startup")]
    asked = {(probe["port"], probe["path"]) for probe in probes} | {("admin", "/readyz")}

    async def ask():
        async with bridge(config(tmp_path, "targets: {screen: {type: inbox}}\nroutes: []")) as one:
            urls = {"hooks": one.server.hooks_url, "admin": one.server.admin_url}
            async with httpx2.AsyncClient(trust_env=False) as client:
                return {(port, path): (await client.get(urls[port] + path)).status_code for port, path in asked}

    assert set(asyncio.run(ask()).values()) == {200}
