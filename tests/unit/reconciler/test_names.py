import pytest

from reconciler import names


@pytest.mark.parametrize(
    ("cluster_id", "node", "expected"),
    [
        ("eu-1", "node-1", "vnode-eu-1-node-1"),
        ("a", "n" * 55, "vnode-a-" + "n" * 55),
        ("a", "n" * 56, "vnode-a-nnnnnnnnnnnnnnnnnnnnnn-9db47a9fd2e7a0e9a9a6e2d5b7a1c3f0"[:31]),
    ],
    ids=["short", "exactly 63", "one too long"],
)
def test_a_vnode_s_name_fits_a_label(cluster_id: str, node: str, expected: str) -> None:
    name = names.vnode_name(cluster_id, node)
    assert name.startswith(expected)
    assert len(name) <= 63


def test_a_cut_never_ends_in_a_dot_or_dash() -> None:
    name = names.mirrored_name("default", "a" * 28 + ".-" + "b" * 40)
    assert name.startswith("a" * 28 + "-")
    assert ".-" not in name


def test_the_same_name_in_two_namespaces_stays_two_names() -> None:
    assert names.mirrored_name("one", "web") != names.mirrored_name("two", "web")
    assert names.mirrored_name("one", "web") == names.mirrored_name("one", "web")


def test_the_second_choice_differs_from_the_first() -> None:
    assert names.mirrored_name_if_taken("one", "web", "uid") != names.mirrored_name("one", "web")
