"""How does a life begin in milliseconds, so that thousands can be ended by SIGKILL?

Two thirds of a short life are the interpreter, the imports and loading compiled kernels. A nursery is one
process that did all that and nothing else: no thread, no connection, no file of a shop is open in it. Each
life is a fork of it, a process of its own with a pid of its own, and dies by SIGKILL like any other.

`python -m tests.prove.nursery` serves one request a line on standard input; `Nursery` is the other end.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import pickle
import select
import signal
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 240.0  # for a life that does not end by itself
HUNG = 124
_PR_SET_PDEATHSIG = 1  # prctl(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a life ended. `status`: the exit code, -9 for SIGKILL. `failed`: ticks that raised and went on."""

    status: int
    failed: int
    hits: Mapping[str, int]  # how often each failpoint was passed, when it was asked for
    passes: int  # of the armed failpoint, by a life that ended by itself
    said: str


@dataclass(slots=True)
class Nursery:
    """Use as a context manager; one life at a time. `folder` is for what it writes itself."""

    folder: Path
    _process: "subprocess.Popen[str] | None" = field(default=None)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.prove.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "OPENBLAS_NUM_THREADS": "1",
                "POLARS_MAX_THREADS": "2",
                "LEEWAY_FAILPOINT": "",
            },
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # that ends it
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def live(
        self,
        config: Path,
        start: datetime,
        until: int,
        *,
        environment: Mapping[str, str],
        failpoint: str = "",
        kill_after_s: float | None = None,
        listen: bool = False,
        learn: bool = False,
    ) -> Ending:
        """One life, from where its step file says to step `until`. `learn`: those after it start warmer."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        said = self.folder / "said"
        request = {
            "config": str(config),
            "start": start.isoformat(),
            "until": until,
            "environment": dict(environment),
            "failpoint": failpoint,
            "kill_after_s": kill_after_s,
            "listen": listen,
            "learn": learn,
            "said": str(said),
            "told": str(self.folder / "told"),
        }
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the nursery died; see its standard error")
        ended = json.loads(answer)
        return Ending(
            status=ended["status"],
            failed=ended.get("failed", 0),
            hits=ended.get("hits", {}),
            passes=ended.get("passes", 0),
            said=said.read_text(errors="replace"),
        )


class _Listener:
    """In the place of an armed failpoint: hears every name that is passed, and is none of them."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.name = self

    def __eq__(self, passed: object) -> bool:
        self.hits[str(passed)] += 1
        return False

    __hash__ = None  # type: ignore[assignment]  # it equals nothing


def serve() -> None:
    """One request a line, one answer a line; ends with its standard input."""
    from tests.acceptance import driver  # noqa: F401  imported here, before any fork

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the prover, which closes our input
    gc.collect()
    gc.freeze()  # pages shared with the forks stay shared
    for line in sys.stdin:
        request = json.loads(line)
        answer = _life(request)
        learnt = answer.pop("learnt", None)
        if learnt:
            _warm(pickle.loads(bytes.fromhex(learnt)))
            gc.collect()
            gc.freeze()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _life(request: dict[str, Any]) -> dict[str, Any]:
    told = Path(request["told"])
    told.unlink(missing_ok=True)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = _born(request, parent, told)
        except BaseException:  # noqa: BLE001  the fork must never come back into the loop
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    status = _wait(pid, request["kill_after_s"])
    return {"status": status} | (json.loads(told.read_text()) if status == 0 else {})


def _wait(pid: int, kill_after_s: float | None) -> int:
    """The exit code; a life that is to be killed, or hangs, is."""
    handle = os.pidfd_open(pid)
    try:
        limit = PATIENCE_S if kill_after_s is None else kill_after_s
        ended, _, _ = select.select([handle], [], [], limit)
        if not ended:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    finally:
        os.close(handle)
    if not ended and kill_after_s is None:
        return HUNG
    return os.waitstatus_to_exitcode(status)


def _born(request: dict[str, Any], parent: int, answer: Path) -> int:
    """What only the new process does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return 1
    null = os.open(os.devnull, os.O_RDONLY)
    said = os.open(request["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for target, source in ((0, null), (1, said), (2, said)):
        os.dup2(source, target)
    os.environ.update(request["environment"])
    from alerting import failpoint
    from tests.acceptance.driver import live

    listener = _Listener()
    failpoint.armed = armed = failpoint.parse(request["failpoint"])
    if request["listen"]:
        failpoint.armed = listener  # type: ignore[assignment]  # by intent: see _Listener
    told: dict[str, Any] = {}
    told["failed"] = live(Path(request["config"]), datetime.fromisoformat(request["start"]), request["until"])
    told["hits"] = dict(listener.hits)
    told["passes"] = armed.passes if armed is not None else 0
    if request["learn"]:
        told["learnt"] = pickle.dumps(_learnt()).hex()
    answer.write_text(json.dumps(told))
    return 0


def _learnt() -> tuple[list[str], list[tuple[str, str, tuple[Any, ...]]]]:
    """Which modules a life came to import, and which kernels to load, with their argument types."""
    from numba.core.dispatcher import Dispatcher

    kernels = []
    for name, module in sorted(sys.modules.items()):
        if name.startswith("detectors."):
            for word, value in sorted(vars(module).items()):
                if isinstance(value, Dispatcher) and value.py_func.__module__ == name:
                    kernels += [(name, word, tuple(each)) for each in value.signatures]
    return sorted(sys.modules), kernels


def _warm(learnt: tuple[list[str], list[tuple[str, str, tuple[Any, ...]]]]) -> None:
    modules, kernels = learnt
    for name in modules:
        if name not in sys.modules and not name.startswith("_"):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    for name, word, types in kernels:
        getattr(sys.modules[name], word).compile(types)


if __name__ == "__main__":
    serve()
