import pytest

from oceanctl.sandbox.hollow.podspec import EXIT_CODE, IGNORE_TERM, RUN_SECONDS
from oceanctl.sandbox.hollow.script import AnnotationError, Script, scripts_for
from tests.unit.oceanctl.sandbox.hollow.pods import container, pod


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        (["sleep", "5"], 5),
        (["/bin/sleep", "0.5"], 0.5),
        (["sh", "-c", "sleep 5"], 5),
        (["sh", "-c", "echo start; sleep 5; echo end"], 5),
        (["sh", "-c", "sleep 5 && sleep 1m"], 65),
        (["sh", "-c", "(sleep 2h)"], 7200),
        (["sleep", "infinity"], None),
        (["sleep", "1d"], 86400),
        (["sh", "-c", "while true; do sleep 1; done"], None),
        (["sh", "-c", "until false; do sleep 1; done"], None),
        (["python", "-c", "import time; time.sleepy(5)"], 0),
        (["echo", "asleep 5"], 0),
        (["true"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_a_batch_container_runs_as_long_as_it_sleeps(command: list[str], seconds: float | None) -> None:
    made = pod({"name": "c", "command": command}, restartPolicy="Never")
    assert scripts_for(made)["c"].seconds == seconds


def test_arguments_count_as_much_as_the_command() -> None:
    made = pod({"name": "c", "command": ["sleep"], "args": ["3"]}, restartPolicy="Never")
    assert scripts_for(made)["c"].seconds == 3


@pytest.mark.parametrize(("policy", "seconds"), [("Always", None), ("OnFailure", 0), ("Never", 0)])
def test_what_does_not_sleep_is_a_server_or_done_at_once(policy: str, seconds: float | None) -> None:
    assert scripts_for(pod(container("c"), restartPolicy=policy))["c"].seconds == seconds


def test_an_init_container_that_does_not_sleep_is_done_at_once() -> None:
    made = pod(container("c"), initContainers=[container("i", "echo prepare")])
    assert scripts_for(made)["i"] == Script(0)


def test_a_sidecar_runs_on() -> None:
    made = pod(container("c"), initContainers=[container("i", restartPolicy="Always")])
    assert scripts_for(made)["i"].seconds is None


@pytest.mark.parametrize(
    ("command", "code"),
    [("sleep 1; exit 3", 3), ("exit 0", 0), ("exit 7;", 7), ("exit 1; sleep 1", 0), ("echo exit", 0)],
)
def test_a_closing_exit_is_the_exit_code(command: str, code: int) -> None:
    assert scripts_for(pod(container("c", command)))["c"].exit_code == code


def test_false_fails() -> None:
    assert scripts_for(pod({"name": "c", "command": ["false"]}))["c"].exit_code == 1


def test_annotations_have_the_last_word_on_main_containers() -> None:
    annotations = {RUN_SECONDS: "2.5", EXIT_CODE: "9", IGNORE_TERM: "true"}
    made = pod(container("c", "sleep 60"), initContainers=[container("i", "sleep 1")], annotations=annotations)
    assert scripts_for(made) == {"c": Script(2.5, 9, ignores_term=True), "i": Script(1, 0, ignores_term=True)}


@pytest.mark.parametrize("text", ["soon", "-1", "inf", "nan", ""])
def test_an_annotation_that_is_no_number_is_named(text: str) -> None:
    with pytest.raises(AnnotationError, match=RUN_SECONDS):
        scripts_for(pod(container("c"), annotations={RUN_SECONDS: text}))
