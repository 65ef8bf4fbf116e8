"""How much is requested and how much is lent."""

from typing import Any

import msgspec
import pytest

from inventory.model import Limit, Policy
from inventory.quantity import canonical, parse
from reconciler.bottomup.capacity import lease_of, left_of, requests_of
from reconciler.kube.projections import Pod
from tests.leasing import policy

GPU = "nvidia.com/gpu"
GiB = 1024**3 * 1000
MACHINE = {"cpu": "4", "memory": "8Gi"}


def pod(spec: dict[str, Any], status: dict[str, Any] | None = None) -> Pod:
    return msgspec.convert({"metadata": {"name": "p"}, "spec": spec, "status": status or {}}, Pod)


def container(name: str = "", restart: str = "", **requests: str) -> dict[str, Any]:
    return {"name": name, "restartPolicy": restart, "resources": {"requests": requests}}


def sidecar(**requests: str) -> dict[str, Any]:
    return container("proxy", "Always", **requests)


def limits(**resources: tuple[str | None, int | None]) -> Policy:
    return policy(
        limits=tuple(
            Limit(name.replace("gpu", GPU), parse(quantity) if quantity else None, percent)
            for name, (quantity, percent) in resources.items()
        )
    )


class TestRequests:
    @pytest.mark.parametrize(
        ("spec", "cpu"),
        [
            pytest.param({"containers": [container(cpu="1"), container(cpu="500m")]}, 1500, id="main-ones-add-up"),
            pytest.param(
                {"containers": [container(cpu="1")], "initContainers": [container(cpu="3"), container(cpu="2")]},
                3000,
                id="the-largest-init-container",
            ),
            pytest.param(
                {"containers": [container(cpu="2")], "initContainers": [container(cpu="1")]},
                2000,
                id="init-below-the-main-ones",
            ),
            pytest.param(
                {"containers": [container(cpu="1")], "initContainers": [sidecar(cpu="1"), sidecar(cpu="1")]},
                3000,
                id="sidecars-run-beside-the-main-ones",
            ),
            pytest.param(
                {"containers": [container(cpu="1")], "initContainers": [sidecar(cpu="2"), container(cpu="3")]},
                5000,
                id="an-init-container-runs-beside-the-sidecars-before-it",
            ),
            pytest.param(
                {"containers": [container(cpu="1")], "initContainers": [container(cpu="3"), sidecar(cpu="1")]},
                3000,
                id="and-not-beside-those-after-it",
            ),
            pytest.param(
                {"containers": [container()], "initContainers": [sidecar(cpu="3"), sidecar(cpu="1")]},
                4000,
                id="sidecars-only",
            ),
            pytest.param(
                {"containers": [container(cpu="1")], "overhead": {"cpu": "250m"}}, 1250, id="overhead-is-added"
            ),
            pytest.param(
                {"containers": [container(cpu="1")], "resources": {"requests": {"cpu": "3"}}},
                3000,
                id="pod-level-replaces",
            ),
            pytest.param(
                {
                    "containers": [container(cpu="3")],
                    "resources": {"requests": {"cpu": "2"}},
                    "overhead": {"cpu": "100m"},
                },
                2100,
                id="overhead-comes-after-pod-level",
            ),
        ],
    )
    def test_cpu_is_counted_as_the_scheduler_counts_it(self, spec: dict[str, Any], cpu: int) -> None:
        assert requests_of(pod(spec)) == {"cpu": cpu, "pods": 1000}

    def test_resources_are_counted_apart(self) -> None:
        spec = {"containers": [container(memory="1Gi")], "initContainers": [container(cpu="2", memory="512Mi")]}
        assert requests_of(pod(spec)) == {"cpu": 2000, "memory": GiB, "pods": 1000}

    def test_pod_level_requests_speak_of_their_own_resources_only(self) -> None:
        level = {"memory": "1Gi", "hugepages-2Mi": "4Mi", GPU: "7"}
        spec = {"containers": [container(cpu="1", **{GPU: "2"})], "resources": {"requests": level}}
        hugepages = 4 * 1024**2 * 1000
        expected = {"cpu": 1000, GPU: 2000, "memory": GiB, "hugepages-2Mi": hugepages, "pods": 1000}
        assert requests_of(pod(spec)) == expected

    def test_a_pod_without_requests_takes_the_place_of_a_pod(self) -> None:
        assert requests_of(pod({"containers": [container()]})) == {"pods": 1000}

    @pytest.mark.parametrize(
        ("status", "cpu"),
        [
            pytest.param({"allocatedResources": {"cpu": "2"}}, 2000, id="shrinking-still-holds-the-old-size"),
            pytest.param({"allocatedResources": {"cpu": "500m"}}, 1000, id="growing-counts-the-new-size"),
            pytest.param({"resources": {"requests": {"cpu": "3"}}}, 3000, id="what-is-actuated-counts"),
            pytest.param({"resources": {"requests": {}}}, 1000, id="nothing-known"),
            pytest.param({}, 1000, id="no-allocation"),
        ],
    )
    def test_a_resize_counts_the_larger_of_wanted_and_given(self, status: dict[str, Any], cpu: int) -> None:
        statuses = {"containerStatuses": [{"name": "main", **status}]}
        assert requests_of(pod({"containers": [container("main", cpu="1")]}, statuses))["cpu"] == cpu

    def test_a_resize_that_cannot_be_given_is_not_counted(self) -> None:
        status = {
            "containerStatuses": [{"name": "main", "allocatedResources": {"cpu": "1"}}],
            "conditions": [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}],
        }
        assert requests_of(pod({"containers": [container("main", cpu="64")]}, status))["cpu"] == 1000

    def test_a_resize_that_is_deferred_is_counted(self) -> None:
        status = {
            "containerStatuses": [{"name": "main", "allocatedResources": {"cpu": "1"}}],
            "conditions": [{"type": "PodResizePending", "status": "True", "reason": "Deferred"}],
        }
        assert requests_of(pod({"containers": [container("main", cpu="3")]}, status))["cpu"] == 3000

    @pytest.mark.parametrize(
        ("status", "cpu"),
        [
            pytest.param({}, 2100, id="nothing-known"),
            pytest.param({"allocatedResources": {"cpu": "3100m"}}, 3100, id="shrinking-still-holds-the-old-size"),
            pytest.param({"allocatedResources": {"cpu": "1100m"}}, 2100, id="growing-counts-the-new-size"),
            pytest.param({"resources": {"requests": {"cpu": "4100m"}}}, 4100, id="what-is-actuated-counts"),
            pytest.param(
                {
                    "allocatedResources": {"cpu": "1100m"},
                    "conditions": [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}],
                },
                1100,
                id="infeasible-is-not-counted",
            ),
        ],
    )
    def test_a_resize_at_the_level_of_the_pod_counts_alike(self, status: dict[str, Any], cpu: int) -> None:
        """What the pod has includes its overhead, unlike what it asks for."""
        spec = {
            "containers": [container("main", cpu="100m")],
            "resources": {"requests": {"cpu": "2"}},
            "overhead": {"cpu": "100m"},
        }
        assert requests_of(pod(spec, status))["cpu"] == cpu

    def test_what_a_pod_has_without_asking_for_it_as_a_whole_is_that_of_its_containers(self) -> None:
        status = {"allocatedResources": {"cpu": "7"}, "resources": {"requests": {"cpu": "7"}}}
        assert requests_of(pod({"containers": [container("main", cpu="1")]}, status))["cpu"] == 1000

    def test_a_sidecar_can_be_resized_too(self) -> None:
        status = {"initContainerStatuses": [{"name": "proxy", "allocatedResources": {"cpu": "2"}}]}
        spec = {"containers": [container("main", cpu="1")], "initContainers": [sidecar(cpu="1")]}
        assert requests_of(pod(spec, status))["cpu"] == 3000


class TestLeft:
    def test_foreign_load_is_taken_off(self) -> None:
        assert left_of(MACHINE, {"cpu": 500, GPU: 1000}) == {"cpu": 3500, "memory": 8 * GiB}

    def test_an_overcommitted_node_has_nothing_left(self) -> None:
        assert left_of({"cpu": "4"}, {"cpu": 5000}) == {"cpu": 0}


class TestLease:
    @pytest.mark.parametrize(
        ("load", "lender", "lent"),
        [
            pytest.param(("500m", "1Gi"), limits(cpu=("2", None), memory=("4Gi", None)), ("2", "4Gi"), id="quantity"),
            pytest.param(("1", "2Gi"), policy(), ("3", "6Gi"), id="no-limits"),
            pytest.param(
                ("1", "2Gi"),
                limits(cpu=(None, 50), memory=(None, 75)),
                ("1500m", "4608Mi"),
                id="percent-of-what-is-left",
            ),
            pytest.param(("1", "2Gi"), limits(cpu=("1", 80)), ("1", "6Gi"), id="quantity-is-smaller"),
            pytest.param(("1", "2Gi"), limits(memory=("5Gi", 50)), ("3", "3Gi"), id="percent-is-smaller"),
            pytest.param(("1", "2Gi"), limits(gpu=("2", None), cpu=("2", None)), ("2", "6Gi"), id="unknown-resource"),
            pytest.param(("1", "2Gi"), limits(cpu=(None, 0), memory=("0", None)), ("0", "0"), id="zero-means-none"),
            pytest.param(
                ("1", "2Gi"), limits(cpu=(None, 100), memory=("64Gi", 100)), ("3", "6Gi"), id="more-than-left"
            ),
            pytest.param(("1500m", "3Gi"), policy(), ("2500m", "5Gi"), id="fractions-of-a-core"),
            pytest.param(("5", "9Gi"), policy(), ("0", "0"), id="nothing-left"),
            pytest.param(("1001m", "0"), limits(cpu=(None, 50)), ("1499m", "8Gi"), id="cpu-rounds-down-to-milli"),
        ],
    )
    def test_each_limit_allows_the_smaller_of_quantity_and_percent(
        self, load: tuple[str, str], lender: Policy, lent: tuple[str, str]
    ) -> None:
        foreign = {"cpu": parse(load[0]), "memory": parse(load[1])}
        lease = lease_of(MACHINE, foreign, (lender,))
        assert {name: canonical(name, milli) for name, milli in lease.items()} == dict(zip(MACHINE, lent, strict=True))

    @pytest.mark.parametrize(
        ("resource", "allocatable", "limit", "lent"),
        [
            pytest.param("pods", "110", Limit("pods", percent=45), 49_000, id="pods"),
            pytest.param(GPU, "7", Limit(GPU, percent=50), 3_000, id="devices"),
            pytest.param("hugepages-2Mi", "5", Limit("hugepages-2Mi", percent=50), 2_000, id="hugepages"),
            pytest.param(GPU, "7", Limit(GPU, quantity=2_500), 2_000, id="a-fraction-of-a-device"),
            pytest.param("memory", "1500m", Limit("memory", percent=70), 1_000, id="percent-of-the-exact-rest"),
        ],
    )
    def test_whole_numbers_stay_whole(self, resource: str, allocatable: str, limit: Limit, lent: int) -> None:
        assert lease_of({resource: allocatable}, {}, (policy(limits=(limit,)),)) == {resource: lent}

    def test_each_of_two_lenders_bounds_every_resource(self) -> None:
        lease = lease_of(MACHINE, {}, (limits(cpu=("1", None)), limits(cpu=(None, 50), memory=("2Gi", None))))
        assert lease == {"cpu": 1000, "memory": 2 * GiB}
