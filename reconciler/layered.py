"""Settings of a process: flag > OCEAN_* variable > --config FILE (YAML) > default, each with the place it came from."""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ENVIRONMENT_PREFIX = "OCEAN_"
EXIT_USAGE = 64  # as sysexits.h

S = TypeVar("S", bound="DataclassInstance")


class SettingsError(Exception):
    """A setting is unknown or has a value that cannot be used; the text names the setting and its source."""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[S]):
    """Settings and, for each name, where its value came from (`flag`, `OCEAN_…`, a file, `default`)."""

    settings: S
    sources: Mapping[str, str]

    def rendered(self) -> str:
        """A line per setting, with its source."""
        every = fields(self.settings)
        return "".join(f"{f.name}: {getattr(self.settings, f.name)!r}  # {self.sources[f.name]}\n" for f in every)


def setting(help_: str, *, default: Any, choices: tuple[str, ...] = ()) -> Any:
    """A field of a settings class."""
    return field(default=default, metadata={"help": help_, "choices": choices})


def loaded(kind: type[S], flags: Mapping[str, str], environment: Mapping[str, str], config: Path | None) -> Loaded[S]:
    """Merge the sources.

    Raises:
        SettingsError: A name is unknown or a value does not fit.

    """
    layers: list[tuple[str, Mapping[str, Any]]] = []
    if config is not None:
        layers.append((str(config), _from_file(config)))
    from_environment = _from_environment(environment)
    layers.append((ENVIRONMENT_PREFIX + "*", from_environment))
    layers.append(("flag", flags))
    known = {f.name: f for f in fields(kind)}
    values: dict[str, Any] = {}
    sources = dict.fromkeys(known, "default")
    for source, layer in layers:
        for name, value in layer.items():
            if name not in known:
                raise SettingsError(f"{source}: unknown setting '{name}'{_suggestion(name, known)}")
            values[name] = _converted(known[name], value, source)
            sources[name] = ENVIRONMENT_PREFIX + name.upper() if source.startswith(ENVIRONMENT_PREFIX) else source
    return Loaded(kind(**values), sources)


class _Parser(argparse.ArgumentParser):
    """Usage errors end with 64 and a suggestion."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and what was meant."""
        wrong = next((word.partition("=")[0] for word in message.split() if word.startswith("--")), "")
        near = difflib.get_close_matches(wrong, self._option_string_actions, n=1)
        hint = f"; did you mean '{near[0]}'?" if near and near[0] != wrong else ""
        self.exit(EXIT_USAGE, f"{message}{hint}\n")


def parser_of(kind: type[S], program: str, description: str) -> argparse.ArgumentParser:
    """A flag per setting, `--config` and `--print-config`."""
    parser = _Parser(prog=program, description=description, allow_abbrev=False)
    parser.add_argument("--config", help="YAML file of settings; flags and OCEAN_* variables win over it")
    parser.add_argument(
        "--print-config", action="store_true", help="show the effective settings and where each came from, and exit"
    )
    for f in fields(kind):
        parser.add_argument("--" + f.name.replace("_", "-"), help=f"{f.metadata['help']} (default: {f.default!r})")
    return parser


def from_command_line(kind: type[S], options: argparse.Namespace, environment: Mapping[str, str]) -> Loaded[S]:
    """The settings that parsed arguments ask for; SettingsError as `loaded` raises it."""
    flags = {f.name: value for f in fields(kind) if (value := getattr(options, f.name)) is not None}
    return loaded(kind, flags, environment, Path(options.config) if options.config else None)


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    own = {name for name in environment if name.startswith(ENVIRONMENT_PREFIX)} - {"OCEAN_KUBERNETES_BIN"}
    return {name.removeprefix(ENVIRONMENT_PREFIX).lower(): environment[name] for name in sorted(own)}


def _from_file(path: Path) -> Mapping[str, Any]:
    try:
        loaded = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise SettingsError(f"cannot read {path}: {error}") from error
    if not isinstance(loaded, dict) or not all(isinstance(name, str) for name in loaded):
        raise SettingsError(f"{path}: a mapping of settings is expected")
    return loaded


def _converted(setting: Field[Any], value: Any, source: str) -> Any:
    kind: Any = type(setting.default)
    choices: Sequence[str] = setting.metadata["choices"]
    problem = f"{source}: {setting.name}: {value!r} is not "
    if kind is bool:
        lowered = str(value).lower()
        if lowered not in ("true", "false"):
            raise SettingsError(problem + "true or false")
        return lowered == "true"
    try:
        converted = kind(value)
    except (TypeError, ValueError) as error:
        raise SettingsError(problem + ("a number" if kind is not str else "text")) from error
    if choices and converted not in choices:
        raise SettingsError(problem + "one of " + ", ".join(choices))
    if kind in (int, float) and converted < 0:
        raise SettingsError(problem + "zero or more")
    return converted


def _suggestion(name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
