"""Hardwire: a trained language model becomes the chip that is that model.

Every function runs the ``hardwire`` command of its name and gives its JSON as dicts. Options are the command's, with underscores:
``compile("tales", "tales.chip", tile_rows=128, rotate=True)``; lists repeat an option. ``progress=True`` shows the command's progress
on stderr.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional, Union

if TYPE_CHECKING:
    import numpy

__all__ = [
    "Chip", "Error", "Server", "books", "column", "command", "compare", "compile", "evaluate", "explore", "inspect", "models", "plan",
    "predict", "report", "run", "serve", "simulate",
]

Place = Union[str, "os.PathLike[str]"]

_PATIENCE_S = 10.0
"""How long an interrupted command may clean up."""


class Error(Exception):
    """What the command refused, in its own words; ``code`` is its exit code (1: the input or the work failed, 2: wrong usage)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def command() -> str:
    """The command's path: ``$HARDWIRE_COMMAND``, the one installed with this package, or the first on the PATH."""
    name = "hardwire.exe" if sys.platform == "win32" else "hardwire"
    for scripts in (sysconfig.get_path("scripts"), sysconfig.get_path("scripts", f"{os.name}_user")):
        beside = Path(scripts) / name
        if "HARDWIRE_COMMAND" not in os.environ and beside.is_file():
            return str(beside)
    found = os.environ.get("HARDWIRE_COMMAND") or shutil.which(name)
    if not found:
        raise FileNotFoundError("no hardwire command: install the package's wheel, or set HARDWIRE_COMMAND")
    return found


def _arguments(options: Mapping[str, Any]) -> list[str]:
    out: list[str] = []
    for name, value in options.items():
        flag = f"-{name}" if len(name) == 1 else "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            out.append(flag)
            continue
        for one in value if isinstance(value, (list, tuple)) else [value]:
            # A value of its own may begin with a dash.
            out += [flag, str(one)] if len(name) == 1 else [f"{flag}={one}"]
    return out


def _started(arguments: list[str], progress: bool) -> "subprocess.Popen[str]":
    stderr = None if progress else subprocess.PIPE
    return subprocess.Popen([command(), *arguments], stdout=subprocess.PIPE, stderr=stderr, encoding="utf-8")


def _end(child: "subprocess.Popen[str]") -> None:
    """Lets a command clean up, and waits for it."""
    child.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
    try:
        child.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()


def run(name: str, *arguments: Place, progress: bool = False, **options: Any) -> Any:
    """Runs a command such as ``"inspect"`` and gives its JSON."""
    words = [*name.split(), "--json", *_arguments(options), *([] if progress else ["--quiet"]), "--", *map(os.fspath, arguments)]
    child = _started(words, progress)
    try:
        told, said = child.communicate()
    except KeyboardInterrupt:
        _end(child)
        raise
    if child.returncode != 0:
        message = (said or "").strip()
        raise Error(message[len("error: "):] if message.startswith("error: ") else message or f"hardwire {name} failed", child.returncode)
    return json.loads(told) if told.strip() else None


class Chip:
    """A compiled chip's folder."""

    def __init__(self, folder: Place) -> None:
        self.folder = Path(folder)

    def __fspath__(self) -> str:
        return str(self.folder)

    def __repr__(self) -> str:
        return f"hardwire.Chip({str(self.folder)!r})"

    def inspect(self, **options: Any) -> dict[str, Any]:
        """What it is made of: figures with their provenance."""
        return inspect(self, **options)

    def simulate(self, prompt: Optional[str] = None, **options: Any) -> dict[str, Any]:
        """Text out of it, bit for bit as the silicon would."""
        return simulate(self, prompt, **options)

    def evaluate(self, text: Place, **options: Any) -> dict[str, Any]:
        """How good its integers are on a text."""
        return evaluate(self, text, **options)

    def compare(self, **options: Any) -> dict[str, Any]:
        """The chip beside GPUs."""
        return compare(self, **options)

    def books(self, **options: Any) -> dict[str, Any]:
        """Joules, dollars and carbon of chip and GPUs on one site."""
        return books(self, **options)

    def report(self, output: Place, **options: Any) -> dict[str, Any]:
        """Writes report.html into a folder; gives the same figures."""
        return report(self, output, **options)

    def serve(self, **options: Any) -> "Server":
        """The chip behind an HTTP server with OpenAI's API."""
        return serve(self, **options)


def compile(checkpoint: Place, output: Place, *, progress: bool = False, **options: Any) -> Chip:
    """Compiles a Hugging Face folder, a GGUF file or ``"tales"`` into a chip's folder."""
    run("compile", checkpoint, progress=progress, output=os.fspath(output), **options)
    return Chip(output)


def inspect(source: Place, **options: Any) -> dict[str, Any]:
    """What a chip or a checkpoint is made of, or what a model takes of memory."""
    return run("inspect", source, **options)


def models() -> list[dict[str, Any]]:
    """Published models whose shape is known by name."""
    return run("models")


def plan(config: Place, **options: Any) -> dict[str, Any]:
    """A chip from a bare config.json, without weights."""
    return run("plan", config, **options)


def explore(config: Place, target: Union[Mapping[str, Any], Place, None] = None, **options: Any) -> dict[str, Any]:
    """Sweeps targets over a model's shape: every point, and which of them nothing beats. ``target`` is a TOML file or a dict such as
    ``{"node": ["N7", "N6"], "bits": [3, 4]}``, in which a list sweeps its field."""
    if not isinstance(target, Mapping):
        return run("explore", config, target=None if target is None else os.fspath(target), **options)
    with tempfile.TemporaryDirectory(prefix="hardwire-") as folder:
        path = Path(folder) / "target.toml"
        path.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in target.items()), encoding="utf-8")
        return run("explore", config, target=str(path), **options)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))} = {_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


def simulate(source: Place, prompt: Optional[str] = None, *, ids: Optional[Iterable[int]] = None, **options: Any) -> dict[str, Any]:
    """Text out of a chip: ``text``, ``token_ids``, and ``chip`` with the time and energy that the silicon takes."""
    given = None if ids is None else ",".join(str(int(one)) for one in ids)
    return run("simulate", source, prompt=prompt, ids=given, **options)


def evaluate(source: Place, text: Place, *, progress: bool = False, **options: Any) -> dict[str, Any]:
    """How good a chip's integers are beside the float model, on a text file."""
    return run("evaluate", source, progress=progress, text=os.fspath(text), **options)


def compare(source: Place, **options: Any) -> dict[str, Any]:
    """A chip, a config.json or a known model as a chip, beside GPUs: one user and a full queue."""
    return run("compare", source, **options)


def books(source: Place, **options: Any) -> dict[str, Any]:
    """Tokens, joules, dollars and carbon of a chip and of GPUs on one site."""
    return run("books", source, **options)


def report(source: Place, output: Place, **options: Any) -> dict[str, Any]:
    """Writes report.html, report.json and, with ``csv=True``, report.csv into a folder; gives the same figures."""
    return run("report", source, output=os.fspath(output), **options)


def predict(model: Place, gpu: str, **options: Any) -> dict[str, Any]:
    """Decode, prefill and a full queue of a model on a GPU."""
    return run("baseline predict", model=os.fspath(model), gpu=gpu, **options)


def column(rows: Iterable[Mapping[str, Any]], path: str) -> "numpy.ndarray[Any, Any]":
    """One field of many rows as an array: ``column(explored["points"], "figures/area_mm2")``. A figure counts with its value."""
    import numpy

    def field(row: Any) -> Any:
        for name in path.split("/"):
            row = row[int(name)] if isinstance(row, list) else row[name]
        return row["value"] if isinstance(row, Mapping) and "value" in row else row

    return numpy.array([field(row) for row in rows])


class Server:
    """A chip behind an HTTP server, until :meth:`stop` or the end of a ``with``."""

    def __init__(self, source: Place, **options: Any) -> None:
        words = ["serve", "--json", "--port=0", *_arguments(options), "--quiet", "--", os.fspath(source)]
        self._child = _started(words, progress=True)
        assert self._child.stdout
        lines = []
        for line in self._child.stdout:
            lines.append(line)
            if line.startswith("}"):
                break
        else:
            raise Error("hardwire serve did not start: see stderr", self._child.wait())
        told = json.loads("".join(lines))
        self.model: str = told["model"]
        self.users: int = told["users"]
        self.url = f"http://{told['address']}/v1"

    def stop(self) -> None:
        """Finishes what is in flight, takes nothing new."""
        if self._child.poll() is None:
            _end(self._child)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(source: Place, **options: Any) -> Server:
    """Serves a chip with OpenAI's API: ``openai.OpenAI(base_url=server.url, api_key="none")``."""
    return Server(source, **options)
