"""What `oceanctl forecast` reads from running clusters, against what the reconciler lends of them."""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from inventory.quantity import parse
from tests.integration.lending.hands import Hands, Json, binding, policy


def inventory_in(folder: Path) -> Path:
    """The policy that lends now, and a binding that the computing cluster does not know."""
    manifests = [binding("worker-1"), binding("worker-9"), policy("worker-1-always", "worker-1")]
    for number, manifest in enumerate(manifests):
        folder.joinpath(f"{number}.yaml").write_text(json.dumps(manifest, indent=1))
    return folder


async def forecast(fleet: Hands, folder: Path) -> Json:
    """A run of the program as a user of the computing cluster."""
    kubeconfig = str(fleet.sandbox.kubeconfig("computing"))
    options = ["--inventory", str(folder), "--horizon", "2h", "-o", "json", "--kubeconfig", kubeconfig]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "oceanctl",
        "forecast",
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    document: Json = json.loads(out)
    return document


async def test_as_much_is_forecast_as_the_vnodes_show(fleet: Hands, tmp_path: Path) -> None:
    vnodes = await fleet.vnodes_ready(3, "worker-1")
    document = await forecast(fleet, inventory_in(tmp_path))
    [worker] = document["clusters"]
    lent: Counter[str] = Counter()
    for vnode in vnodes:
        lent.update({name: parse(amount) for name, amount in vnode["status"]["allocatable"].items()})
    [step] = worker["steps"]
    assert step["nodes"] == 3
    assert {name: parse(amount) for name, amount in step["capacity"].items()} == {k: v for k, v in lent.items() if v}
    assert document["notes"] == ["worker-9: left out, it is not in the computing cluster yet"]
