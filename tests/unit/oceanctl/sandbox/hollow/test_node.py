from oceanctl.sandbox.hollow.node import lease_for, node_for, renewal, status_for
from reconciler.names import HOSTNAME
from tests.unit.oceanctl.sandbox.hollow.pods import T0, at
from tests.unit.oceanctl.sandbox.hollow.test_config import NODE


def test_a_node_is_registered_ready_with_its_endpoint() -> None:
    status = node_for(NODE, "1.20.2", T0)["status"]
    ready = next(condition for condition in status["conditions"] if condition["type"] == "Ready")
    assert (ready["status"], status["daemonEndpoints"]) == ("True", {"kubeletEndpoint": {"Port": 20001}})
    assert {"type": "InternalIP", "address": "127.0.0.1"} in status["addresses"]


def test_a_node_offers_what_it_was_configured_with() -> None:
    status = node_for(NODE, "1.20.2", T0)["status"]
    assert (status["capacity"], status["allocatable"]) == ({"cpu": "8"}, {"cpu": "8"})


def test_a_node_carries_its_hostname_as_a_label() -> None:
    assert node_for(NODE, "1.20.2", T0)["metadata"]["labels"][HOSTNAME] == "n1"


def test_a_condition_that_was_in_doubt_has_a_new_time() -> None:
    before = {"Ready": ("Unknown", "2026-03-01T11:00:00Z"), "DiskPressure": ("False", "2026-03-01T10:00:00Z")}
    conditions = {c["type"]: c["lastTransitionTime"] for c in status_for(NODE, "1.20.2", before, T0)["conditions"]}
    assert (conditions["Ready"], conditions["DiskPressure"]) == ("2026-03-01T12:00:00Z", "2026-03-01T10:00:00Z")


def test_a_lease_belongs_to_its_node() -> None:
    lease = lease_for("n1", "u-9", T0)
    assert (lease["metadata"]["ownerReferences"][0]["uid"], lease["spec"]["holderIdentity"]) == ("u-9", "n1")


def test_a_renewal_has_microseconds() -> None:
    assert renewal(at(1.5)) == {"renewTime": "2026-03-01T12:00:01.500000Z"}
