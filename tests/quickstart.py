"""The quickstart as a Git repository that tests may change."""

import os
import shutil
import subprocess
from pathlib import Path

QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_{what}": f"{what}@example" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class Repository:
    """A repository whose branch main holds the quickstart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(QUICKSTART, folder)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("Begin")

    @property
    def head(self) -> str:
        """The commit of the branch."""
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        """What git prints."""
        done = subprocess.run(
            ["git", "-C", self.folder, *arguments], env=ENVIRONMENT, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str = "Change") -> str:
        """Everything as it lies there, as a new commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.head

    def write(self, path: str, text: str) -> None:
        """A file, in place of what was there."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def rename(self, prefix: str) -> str:
        """Every name and the ID with a prefix, so that tests can share a cluster, as a new commit."""
        self.edit("ocean.yaml", "id: quickstart", f"id: {prefix}quickstart")
        for name in ("worker-1", "worker-2"):
            self.edit(f"bindings/{name}.yaml", f"name: {name}\n", f"name: {prefix}{name}\n")
        for file in (self.folder / "policies").iterdir():
            path = f"policies/{file.name}"
            self.edit(path, "cluster: worker-", f"cluster: {prefix}worker-")
            self.edit(path, f"name: {file.stem}\n", f"name: {prefix}{file.stem}\n")
        return self.commit("Take names of our own")

    def edit(self, path: str, old: str, new: str) -> None:
        """Another text in a file, which must have the old one."""
        text = (self.folder / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))
