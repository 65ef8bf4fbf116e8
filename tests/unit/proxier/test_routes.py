import pytest

from proxier.errors import RouteError
from proxier.routes import Endpoint, Target, target_for, worker_path

POD = ("m", "web-0123")


@pytest.mark.parametrize(
    ("method", "asked", "target", "path"),
    [
        (
            "GET",
            "/containerLogs/app/web/main?follow=true&tailLines=0&limitBytes=1&foo=bar",
            Target(
                Endpoint.LOGS,
                "app",
                "web",
                None,
                "main",
                (("follow", "true"), ("tailLines", "0"), ("limitBytes", "1")),
            ),
            "log?container=main&follow=true&tailLines=0&limitBytes=1",
        ),
        (
            "GET",
            "/containerLogs/app/web/main?sinceTime=2026-01-02T03%3A04%3A05Z",
            Target(Endpoint.LOGS, "app", "web", None, "main", (("sinceTime", "2026-01-02T03:04:05Z"),)),
            "log?container=main&sinceTime=2026-01-02T03%3A04%3A05Z",
        ),
        (
            "POST",
            "/exec/app/web/main?command=sh&command=-c&command=echo+%26+a%2Fb&input=1&output=1&error=0&tty=1",
            Target(
                Endpoint.EXEC,
                "app",
                "web",
                None,
                "main",
                (
                    ("stdin", "true"),
                    ("stdout", "true"),
                    ("tty", "true"),
                    ("command", "sh"),
                    ("command", "-c"),
                    ("command", "echo & a/b"),
                ),
            ),
            "exec?container=main&stdin=true&stdout=true&tty=true&command=sh&command=-c&command=echo+%26+a%2Fb",
        ),
        (
            "GET",
            "/exec/app/web/4e1b-77/main?command=&output=1",
            Target(Endpoint.EXEC, "app", "web", "4e1b-77", "main", (("stdout", "true"), ("command", ""))),
            "exec?container=main&stdout=true&command=",
        ),
        (
            "POST",
            "/attach/app/web/main?output=1&command=ignored",
            Target(Endpoint.ATTACH, "app", "web", None, "main", (("stdout", "true"),)),
            "attach?container=main&stdout=true",
        ),
        (
            "POST",
            "/portForward/app/web",
            Target(Endpoint.PORT_FORWARD, "app", "web"),
            "portforward",
        ),
        (
            "GET",
            "/portForward/app/web/4e1b?port=80,81&port=82",
            Target(
                Endpoint.PORT_FORWARD, "app", "web", "4e1b", None, (("ports", "80"), ("ports", "81"), ("ports", "82"))
            ),
            "portforward?ports=80&ports=81&ports=82",
        ),
    ],
    ids=["logs, zero kept", "logs, a time", "exec", "exec of a UID, empty word", "attach", "forward", "forward, ports"],
)
def test_a_kubelet_s_words_become_the_api_s(method: str, asked: str, target: Target, path: str) -> None:
    assert target_for(method, asked) == target
    assert worker_path(target, *POD) == f"/api/v1/namespaces/m/pods/web-0123/{path}"


def test_healthz_is_of_the_node() -> None:
    assert target_for("GET", "/healthz?verbose") == Target(Endpoint.HEALTHZ)


@pytest.mark.parametrize(
    "asked",
    [
        "/containerLogs/app/../kube-system/x/main",
        "/containerLogs/app/./web/main",
        "/containerLogs/app/%2e%2e/web/main",
        "/containerLogs/app%2Fweb/web/main",
        "/containerLogs//web/main",
        "//containerLogs/app/web/main",
        "/containerLogs/app/web/main/",
        "/containerLogs/app/web/main%00",
        "/containerLogs/app/web;a=b/main",
        "/containerLogs/app/web/main#x",
        "/containerLogs\\app\\web\\main",
        "/containerLogs/app/WEB/main",
        "/containerLogs/app/web_1/main",
        "https://elsewhere/containerLogs/app/web/main",
        "containerLogs/app/web/main",
        "*",
        "/containerLogs/app/web/main?command=a b",
        "/containerLogs/app/web/main?follow=%ff%fe",
        "/containerLogs/app/" + "a" * 254 + "/main",
    ],
)
def test_paths_that_play_tricks_are_refused(asked: str) -> None:
    with pytest.raises(RouteError) as error:
        target_for("GET", asked)
    assert error.value.status == 400


@pytest.mark.parametrize(
    ("method", "asked", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/unheard", 404),
        ("GET", "/containerLogs/app/web", 404),
        ("GET", "/exec/app/web/uid/main/more", 404),
        ("GET", "/healthz/unheard", 404),
        ("GET", "/metrics/unheard", 404),
        ("GET", "/stats", 404),
        ("GET", "/pods/app", 404),
        ("GET", "/logs/", 400),
        ("GET", "/spec", 404),
        ("GET", "/debug/pprof/profile", 404),
        ("POST", "/stats/summary", 405),
        ("GET", "/run/app/web/main?cmd=id", 405),
        ("POST", "/run/app/web?cmd=id", 404),
        ("POST", "/containerLogs/app/web/main", 405),
        ("PUT", "/exec/app/web/main", 405),
        ("HEAD", "/healthz", 405),
    ],
)
def test_what_a_kubelet_has_not_is_said(method: str, asked: str, status: int) -> None:
    with pytest.raises(RouteError) as error:
        target_for(method, asked)
    assert error.value.status == status


@pytest.mark.parametrize(
    ("asked", "endpoint", "query"),
    [
        ("/healthz", Endpoint.HEALTHZ, ()),
        ("/healthz/ping", Endpoint.HEALTHZ, ()),
        ("/pods", Endpoint.PODS, ()),
        ("/runningpods/", Endpoint.RUNNING_PODS, ()),
        ("/metrics", Endpoint.METRICS, ()),
        ("/metrics/cadvisor?timeout=9", Endpoint.METRICS_CADVISOR, ()),
        ("/metrics/probes", Endpoint.METRICS_PROBES, ()),
        ("/metrics/resource", Endpoint.METRICS_RESOURCE, ()),
        ("/stats/summary?only_cpu_and_memory=true", Endpoint.STATS_SUMMARY, (("only_cpu_and_memory", "true"),)),
        ("/configz", Endpoint.CONFIGZ, ()),
    ],
)
def test_what_is_about_the_node_names_no_pod(
    asked: str, endpoint: Endpoint, query: tuple[tuple[str, str], ...]
) -> None:
    target = target_for("GET", asked)
    assert target == Target(endpoint, query=query)
    assert target.endpoint.is_of_node


def test_a_command_is_cut_at_spaces() -> None:
    target = target_for("POST", "/run/app/web/uid-1/main?cmd=echo%20a%20%20b")
    assert (target.pod, target.uid, target.container) == ("web", "uid-1", "main")
    assert worker_path(target, "mount", "web-x") == (
        "/api/v1/namespaces/mount/pods/web-x/exec"
        "?container=main&command=echo&command=a&command=&command=b&stdout=true&stderr=true"
    )
