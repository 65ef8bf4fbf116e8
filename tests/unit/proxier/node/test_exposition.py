"""What of a kubelet's metrics a vnode shows."""

import pytest

from proxier.node.exposition import MOST_LINE_BYTES, LongLineError, Rewriter, shown
from tests.unit.proxier.node.people import DB, TENANTS, WEB

OURS, THEIRS = WEB.computing, WEB.worker
SLICE = "/kubepods.slice/kubepods-pod{}.slice/cri-1.scope"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'container_cpu_usage_seconds_total{container="main",namespace="mount",pod="web-0123"} 0 1700000000000',
            'container_cpu_usage_seconds_total{container="main",namespace="app",pod="web"} 0 1700000000000',
        ),
        (
            'pod_memory_working_set_bytes{namespace="mount",pod="db-4567"} 1.5e+06',
            'pod_memory_working_set_bytes{namespace="data",pod="db"} 1.5e+06',
        ),
        (
            f'prober_probe_total{{container="main",namespace="mount",pod="web-0123",pod_uid="{THEIRS.uid}",result="ok"}} 3',
            f'prober_probe_total{{container="main",namespace="app",pod="web",pod_uid="{OURS.uid}",result="ok"}} 3',
        ),
        (
            f'container_fs_reads_total{{container="",id="/kubepods/pod{THEIRS.uid}",image="",name="",namespace="mount",pod="web-0123"}} 0',
            f'container_fs_reads_total{{container="",id="/kubepods/pod{OURS.uid}",image="",name="",namespace="app",pod="web"}} 0',
        ),
        (
            f'x{{id="{SLICE.format(THEIRS.uid.replace("-", "_"))}",namespace="mount",pod="web-0123"}} 1',
            f'x{{id="{SLICE.format(OURS.uid.replace("-", "_"))}",namespace="app",pod="web"}} 1',
        ),
        (
            f'x{{name="k8s_main_web-0123_mount_{THEIRS.uid}_0",namespace="mount",pod="web-0123"}} 1',
            f'x{{name="k8s_main_web_app_{OURS.uid}_0",namespace="app",pod="web"}} 1',
        ),
        (
            'x{pod_name="web-0123",namespace="mount",container_name="main"} 1',
            'x{pod_name="web",namespace="app",container_name="main"} 1',
        ),
        (
            'x{pod="web-0123",namespace="mount",image="a\\"b}{,\\\\"} 1',
            'x{pod="web",namespace="app",image="a\\"b}{,\\\\"} 1',
        ),
        ('x{pod="web-0123",namespace="mount",} NaN', 'x{pod="web",namespace="app"} NaN'),
    ],
    ids=["zero", "other pod", "uid", "cgroup", "systemd", "docker", "old labels", "escapes", "trailing comma"],
)
def test_what_is_about_a_tenant_has_its_own_names(line: str, expected: str) -> None:
    assert shown(line, TENANTS) == expected


@pytest.mark.parametrize(
    "line",
    [
        'x{namespace="kube-system",pod="etcd"} 1',
        'x{namespace="mount",pod="somebody-elses"} 1',
        'x{namespace="other",pod="web-0123"} 1',
        'x{namespace="mount",pod="web-0123",pod_uid="of-an-earlier-pod"} 1',
        'x{pod="web-0123"} 1',
        'x{pod_uid="whatever"} 1',
        'kubelet_volume_stats_used_bytes{namespace="mount",persistentvolumeclaim="theirs"} 1',
        'x{container="sshd"} 1',
        'x{id="/system.slice/sshd.service"} 1',
        'x{id="/kubepods"} 1',
        "kubelet_running_pods 34",
        'kubelet_running_containers{container_state="running"} 70',
        "kubelet_started_pods_total 70",
        'kubelet_restarted_pods_total{static=""} 1',
        "kubelet_orphaned_runtime_pods_total 0",
        'x{pod="web-0123",namespace="mount"',
        'x{pod="web-0123,namespace="mount"} 1',
        'x{pod=web-0123,namespace="mount"} 1',
        'x{pod="web-0123",namespace="mount",pod="etcd"} 1',
    ],
)
def test_what_is_about_others_is_not_shown(line: str) -> None:
    assert shown(line, TENANTS) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# HELP x What it is.",
        '# TYPE x{pod="odd"} gauge',
        "machine_cpu_cores 8",
        "node_cpu_usage_seconds_total 12.5 1700000000000",
        'kubelet_http_requests_total{method="GET",path="metrics"} 0',
        'machine_memory_bytes{machine_id="",system_uuid="1"} 3.3e+10',
        'container_cpu_usage_seconds_total{container="",cpu="total",id="/",image="",name="",namespace="",pod=""} 99',
    ],
)
def test_what_is_about_the_machine_is_shown_as_it_is(line: str) -> None:
    assert shown(line, TENANTS) == line


def test_the_node_has_the_vnode_s_name() -> None:
    assert shown('kubelet_node_name{node="n1"} 1', TENANTS) == 'kubelet_node_name{node="vnode-c1-n1"} 1'


def test_lines_may_be_cut_anywhere() -> None:
    text = (
        b'# TYPE x gauge\nx{namespace="mount",pod="web-0123",image="\xc3\xa9\xff"} 0\n'
        b'x{namespace="kube-system",pod="etcd"} 1\nx{namespace="mount",pod="db-4567"} 2'
    )
    expected = b'# TYPE x gauge\nx{namespace="app",pod="web",image="\xc3\xa9\xff"} 0\nx{namespace="data",pod="db"} 2\n'
    for size in (1, 2, 7, 30, len(text)):
        rewriter = Rewriter(TENANTS)
        pieces = [rewriter.feed(text[at : at + size]) for at in range(0, len(text), size)]
        assert b"".join([*pieces, rewriter.end()]) == expected


def test_a_line_without_an_end_is_given_up() -> None:
    rewriter = Rewriter(TENANTS)
    with pytest.raises(LongLineError):
        rewriter.feed(b"x" * (MOST_LINE_BYTES + 1))


def test_a_pod_is_found_under_both_names_only() -> None:
    assert TENANTS.find("mount", "db-4567", DB.worker.uid) is DB
    assert TENANTS.find("data", "db") is None
