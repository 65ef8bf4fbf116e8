from typing import Any

from reconciler import permissions

WRITES = {"create", "patch", "delete", "update"}


def rules_of(manifests: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [rule for manifest in manifests if manifest["kind"] == kind for rule in manifest["rules"]]


def test_the_worker_s_account_writes_in_its_mount_namespace_only() -> None:
    manifests = permissions.worker_manifests("kubeocean-worker")
    everywhere = {
        resource
        for rule in rules_of(manifests, "ClusterRole")
        if WRITES & set(rule["verbs"])
        for resource in rule["resources"]
    }
    assert everywhere == {"priorityclasses"}
    assert {manifest["metadata"]["namespace"] for manifest in manifests if manifest["kind"] == "Role"} == {
        "kubeocean-worker"
    }


def test_the_worker_s_account_reads_secrets_of_its_mount_namespace_only() -> None:
    manifests = permissions.worker_manifests("kubeocean-worker")
    assert all("secrets" not in rule["resources"] for rule in rules_of(manifests, "ClusterRole"))


def test_nobody_gets_a_wildcard() -> None:
    everything = (
        permissions.worker_manifests("m"),
        permissions.computing_manifests(),
        permissions.proxier_worker_manifests("m"),
        permissions.proxier_computing_manifests(),
    )
    for manifests in everything:
        for rule in [*rules_of(manifests, "Role"), *rules_of(manifests, "ClusterRole")]:
            assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]


def test_every_granted_verb_has_its_review() -> None:
    manifests = permissions.worker_manifests("m")
    granted = sum(len(rule["verbs"]) for kind in ("Role", "ClusterRole") for rule in rules_of(manifests, kind))
    reviews = permissions.reviews(permissions.WORKER, "m")
    assert len(reviews) == granted
    assert {"verb": "create", "group": "", "resource": "pods", "namespace": "m"} in reviews
    assert {"verb": "get", "group": "", "resource": "namespaces", "name": "kube-system"} in reviews


def test_bindings_lead_to_their_roles() -> None:
    manifests = permissions.computing_manifests()
    roles = {
        (m["kind"], m["metadata"]["name"], m["metadata"].get("namespace"))
        for m in manifests
        if m["kind"].endswith("Role")
    }
    bound = {
        (m["roleRef"]["kind"], m["roleRef"]["name"], m["metadata"].get("namespace"))
        for m in manifests
        if m["kind"].endswith("Binding")
    }
    assert roles == bound


def test_the_proxier_writes_nothing_but_requests_its_lease_and_its_authority() -> None:
    rules = [rule for rule in (*permissions.PROXIER_COMPUTING, *permissions.PROXIER_WORKER) if set(rule.verbs) & WRITES]
    assert {f"{rule.path} {rule.only}".rstrip() for rule in rules} == {
        "leases",
        "certificatesigningrequests",
        "secrets kubeocean-proxier-ca",
        "configmaps kubeocean-proxier-ca",
        "tokenreviews",
        "subjectaccessreviews",
        "pods/exec",
        "pods/attach",
        "pods/portforward",
    }


def test_the_proxier_makes_no_secret_of_its_own() -> None:
    """Of one that names the reconciler's account it could read that account's token."""
    rules = [rule for rule in permissions.PROXIER_COMPUTING if rule.path == "secrets"]
    assert {verb for rule in rules for verb in rule.verbs} == {"get", "patch"}
    assert all(rule.only for rule in rules if "patch" in rule.verbs)


def test_the_reconciler_approves_for_one_signer_only() -> None:
    (rule,) = [rule for rule in permissions.COMPUTING if "approve" in rule.verbs]
    assert rule.only == "kubernetes.io/kubelet-serving"


def test_the_proxier_reaches_pods_of_the_mount_namespace_only() -> None:
    elsewhere = [rule for rule in permissions.PROXIER_WORKER if rule.scope is not permissions.Scope.MOUNT]
    assert {(rule.path, rule.verbs) for rule in elsewhere} == {
        ("nodes", ("get",)),
        ("nodes/metrics", ("get",)),
        ("nodes/stats", ("get",)),
    }, "nodes/proxy would let it run commands in every pod"
