import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_demo_shows_the_main_job_and_leaves_nothing_behind(state_folder: Path) -> None:
    folder = state_folder / "demo"
    done = subprocess.run(
        [sys.executable, "-m", "oceanctl", "demo", "--state-dir", str(folder)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The Job is complete: 12 of 12 pods succeeded." in done.stdout
    assert "started render of busybox: sleep 30" in done.stdout
    assert re.search(r"HOSTNAME=fractals-", done.stdout)
    reclaimed = re.search(r"worker-2 has its capacity back: (\d+) pods were reclaimed", done.stdout)
    assert reclaimed is not None
    assert int(reclaimed[1]) > 0
    assert re.search(r"vnode-worker-2-\S+ +kubeocean.io/vnode,kubeocean.io/out-of-time-windows +0", done.stdout)
    assert "\x1b" not in done.stdout + done.stderr
    assert not folder.exists()
    assert processes_with(str(folder)) == []


def processes_with(text: str) -> list[str]:
    """Command lines of other processes that mention `text`."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it ended while we looked
            continue
        if text in line and process.parent.name != str(os.getpid()):
            found.append(line)
    return found
