import pytest

from inventory.roles import Role, is_hidden, role_of


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("ocean.yaml", Role.SETTINGS),
        ("x/ocean.yaml", Role.OTHER_YAML),
        ("policies/a.yaml", Role.MANIFESTS),
        ("policies/eu/a.yml", Role.MANIFESTS),
        ("manifests/a.yaml", Role.MANIFESTS),
        ("bindings/a.yaml", Role.MANIFESTS),
        ("policies/README.md", Role.NOTHING),
        ("night.yaml", Role.OTHER_YAML),
        ("clusters/policies/a.yaml", Role.OTHER_YAML),
        ("inventory.yaml", Role.LATER),
        ("group_vars/all.yaml", Role.LATER),
        ("group_vars/eu/vars", Role.LATER),
        ("host_vars/w.yml", Role.LATER),
        ("group_vars", Role.NOTHING),
        ("README.md", Role.NOTHING),
        ("worker.kubeconfig", Role.LIKE_A_KEY),
        ("kubeconfig", Role.LIKE_A_KEY),
        ("tls.key", Role.LIKE_A_KEY),
        ("ssh/id_ed25519", Role.LIKE_A_KEY),
        ("id_ed25519.pub", Role.NOTHING),
    ],
)
def test_a_path_has_a_role(path: str, role: Role) -> None:
    assert role_of(path) is role


@pytest.mark.parametrize("path", [".github/w.yaml", "a/.b/c.yaml", ".x.yaml"])
def test_names_with_a_dot_in_front_are_hidden(path: str) -> None:
    assert is_hidden(path)


def test_other_dots_hide_nothing() -> None:
    assert not is_hidden("a.b/c.d.yaml")
