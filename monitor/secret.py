"""What is the secret that the config only points at?

Read as late as possible, from the environment or a file; part of no error, log or repr. Light to import:
commands that only read history need no more of the factory than this.
"""

import os
from pathlib import Path as FilePath

from monitor.config import Config
from monitor.config_problem import ConfigError, Path, Problem


def storage_url(config: Config) -> str:
    """Where history lives; reads the secret."""
    storage = config.storage
    given = {key: value for key, value in storage.model_dump().items() if value is not None}
    if not given:
        return f"sqlite:///{(config.path.resolve().parent if config.path else FilePath.cwd()) / 'leeway.db'}"
    ((key, value),) = given.items()
    return value if key == "url" else read_secret(key, value, ("storage", key))


def read_secret(key: str, value: object, path: Path) -> str:
    """Never part of any error."""
    if not isinstance(value, str):
        raise ConfigError([Problem(path=path, expectation="must be a text in quotes")])
    if key.endswith("_env"):
        found = os.environ.get(value, "").rstrip("\r\n")  # what `echo` put behind it
        if not found:
            hint = f"export {value}=… before starting leeway"
            raise ConfigError(
                [Problem(path=path, expectation=f"environment variable {value} is not set", hint=hint)]
            )
        return _one_line(found, path)
    try:
        found = FilePath(value).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError([Problem(path=path, expectation=f"cannot be read: {reason}", got=value)]) from error
    return _one_line(found, path)


def _one_line(secret: str, path: Path) -> str:
    if not secret.isprintable():
        expectation = "must lead to one line of text; it holds a line break or a control character"
        raise ConfigError([Problem(path=path, expectation=expectation)])
    return secret
