"""docs/deploy is what Kubernetes, KubeRay, Serve and the service take, and its parts name one another."""

import copy
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
import ray
import yaml
from jsonschema import ValidationError, validate
from ray.serve.schema import ServeDeploySchema

from actors.journal.open import put_stamp, stamp_of
from actors.journal.stamp import Stamp
from actors.ray_actors import SLOT_CPUS
from serve.app import APPLICATION, DEPLOYMENT
from serve.config.environment import NODE_PORTS, Ports
from serve.config.settings import Settings, read_settings
from tests.house.sources import ROOT
from tests.journal.redis_process import ABSENT, RedisProcess

DEPLOY: Final = ROOT / "docs" / "deploy"
SCHEMA: Final = json.loads((ROOT / "tests" / "house" / "deploy.schema.json").read_text(encoding="utf-8"))
PORTS: Final = Ports(NODE_PORTS)
REQUIRED: Final = {  # of a server, see docs/operations.md; one that tests start has the first two in any case
    "--appendonly": "yes",
    "--appendfsync": "always",
    "--no-appendfsync-on-rewrite": "no",
    "--maxmemory-policy": "noeviction",
}


def objects_of(name: str) -> list[dict[str, Any]]:
    """The objects of a manifest."""
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


SERVICE_OBJECTS, VALKEY_OBJECTS = objects_of("rayservice.yaml"), objects_of("valkey.yaml")


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """The first object of a kind."""
    return next(one for one in objects if one["kind"] == kind)


RAY_SERVICE: Final = of_kind(SERVICE_OBJECTS, "RayService")["spec"]
SERVE: Final = ServeDeploySchema.model_validate(yaml.safe_load(RAY_SERVICE["serveConfigV2"]))
WORKERS: Final = RAY_SERVICE["rayClusterConfig"]["workerGroupSpecs"][0]
PODS: Final = [RAY_SERVICE["rayClusterConfig"]["headGroupSpec"]["template"], WORKERS["template"]]
CONTAINERS: Final = [pod["spec"]["containers"][0] for pod in PODS]


def names_that_lead_nowhere(objects: list[dict[str, Any]], secrets: set[str]) -> set[str]:
    """ConfigMaps, volumes, claims and secrets that pods name, and that are not there."""
    there = {one["metadata"]["name"] for one in objects} | secrets
    named: set[str] = set()
    for pod in PODS:
        spec = pod["spec"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        named |= {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume}
        named |= {v["persistentVolumeClaim"]["claimName"] for v in volumes.values() if "persistentVolumeClaim" in v}
        for container in spec["containers"]:
            named |= {next(iter(source.values()))["name"] for source in container["envFrom"]}
            there |= volumes.keys()
            named |= {mount["name"] for mount in container["volumeMounts"]}
    return named - there


@pytest.mark.parametrize("name", ["rayservice.yaml", "valkey.yaml"])
def test_every_object_keeps_its_schema(name: str) -> None:
    for one in objects_of(name):
        validate(one, SCHEMA)


def test_the_checkers_can_fail() -> None:
    slips: list[tuple[str, Any]] = [
        ("replica", 3),
        ("template", {"spec": {"containers": []}}),
        ("rayStartParams", {"num-cpus": 0}),
    ]
    for field, value in slips:
        broken = copy.deepcopy(of_kind(SERVICE_OBJECTS, "RayService"))
        broken["spec"]["rayClusterConfig"]["workerGroupSpecs"][0][field] = value
        with pytest.raises(ValidationError):
            validate(broken, SCHEMA)
    with pytest.raises(ValueError, match="import_path"):
        ServeDeploySchema.model_validate({"applications": [{"name": "x"}]})
    assert names_that_lead_nowhere([], set()) >= {"holdfast-settings", "holdfast-data", "holdfast-journal"}


def test_serve_deploys_the_application_of_this_service_on_the_ports_of_its_nodes() -> None:
    (application,) = SERVE.applications
    module, _, name = application.import_path.partition(":")
    assert callable(getattr(import_module(module), name))
    assert application.name == APPLICATION
    assert (SERVE.grpc_options.port, SERVE.http_options.port) == (PORTS.grpc, PORTS.http)
    assert SERVE.http_options.host == "127.0.0.1"
    for path in SERVE.grpc_options.grpc_servicer_functions:
        module, _, name = path.rpartition(".")
        assert callable(getattr(import_module(module), name))
    (gateway,) = application.deployments
    assert (gateway.name, gateway.num_replicas, gateway.max_replicas_per_node) == (DEPLOYMENT, WORKERS["replicas"], 1)
    # Gateways and actors ask for some of a CPU, so none is on the head.
    assert RAY_SERVICE["rayClusterConfig"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert SLOT_CPUS > 0
    assert WORKERS["replicas"] == WORKERS["minReplicas"] == WORKERS["maxReplicas"]


def test_the_settings_are_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    data = of_kind(SERVICE_OBJECTS, "ConfigMap")["data"]
    known = {f"HOLDFAST_{name.upper()}" for name in Settings.model_fields}
    assert data.keys() <= known
    for name, value in data.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOLDFAST_JOURNAL", "redis://:secret@holdfast-valkey:6379/0")
    settings = read_settings(ray_address="auto")
    mounts = {mount["mountPath"] for mount in CONTAINERS[0]["volumeMounts"]}
    assert settings.chain_file is not None
    assert {str(settings.data_dir), str(settings.chain_file.parent)} == mounts
    maps = [one["data"] for one in SERVICE_OBJECTS if one["kind"] == "ConfigMap"]
    assert settings.chain_file.name in maps[1]


def test_what_objects_name_is_there() -> None:
    readme = (DEPLOY / "README.md").read_text(encoding="utf-8")
    secrets = set(re.findall(r"kubectl create secret generic (\S+)", readme))
    assert names_that_lead_nowhere(SERVICE_OBJECTS, secrets) == set()
    labels = PODS[1]["metadata"]["labels"]
    assert of_kind(SERVICE_OBJECTS, "Service")["spec"]["selector"] == labels
    for kind, field in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
        assert of_kind(SERVICE_OBJECTS, kind)["spec"][field]["matchLabels"] == labels
    assert of_kind(VALKEY_OBJECTS, "Service")["metadata"]["name"] == "holdfast-valkey"
    assert "redis://:$password@holdfast-valkey:6379/0" in readme
    state = RAY_SERVICE["rayClusterConfig"]["gcsFaultToleranceOptions"]
    assert state["redisAddress"] == "holdfast-valkey:6379"
    assert state["redisPassword"]["valueFrom"]["secretKeyRef"]["name"] in secrets


def test_every_pod_has_the_environment_of_a_node_and_the_workers_a_probe_of_their_gateway() -> None:
    assert [container["args"] for container in CONTAINERS] == [['eval "$(holdfast node)"']] * 2
    assert len({container["image"] for container in CONTAINERS}) == 1
    assert CONTAINERS[1]["readinessProbe"]["grpc"] == {"port": PORTS.grpc}
    assert CONTAINERS[1]["ports"] == [{"name": "grpc", "containerPort": PORTS.grpc}]


def test_the_image_has_this_ray_and_every_package() -> None:
    assert RAY_SERVICE["rayClusterConfig"]["rayVersion"] == ray.__version__
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (.*)$", text, re.MULTILINE) for name in line.split()[:-1]]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    packages = {"actors", "serve", "bench", "clients", "proto", "Makefile", "constraints.txt", "pyproject.toml"}
    assert packages <= set(copied)
    assert "FROM docker.io/library/python:3.11-slim" in text
    assert CONTAINERS[0]["image"] in text


@pytest.mark.skipif(bool(ABSENT), reason=ABSENT)
def test_the_server_of_the_manifest_is_one_that_journals_take(tmp_path: Path) -> None:
    container = of_kind(VALKEY_OBJECTS, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    options = dict(zip(container["args"][::2], container["args"][1::2], strict=True))
    assert options.pop("--dir") == container["volumeMounts"][0]["mountPath"]
    assert options.pop("--requirepass") == "$(VALKEY_PASSWORD)"
    assert options.items() >= REQUIRED.items()
    server = RedisProcess(tmp_path, *(word for option in options.items() for word in option))
    server.start()
    try:
        stamp = Stamp.new()
        put_stamp(server.url, stamp)
        assert stamp_of(server.url) == stamp
    finally:
        server.stop()
