"""Which channels take requests, and which of them may be asked?"""

from fnmatch import fnmatchcase

from monitor.config import Config

# Kinds of channels that take requests; a test holds them against the members' own word.
TARGETS = ("airflow", "github", "http", "webhook")
# Those of them that take nothing else: no route may lead there.
REQUESTS_ONLY = ("airflow", "github", "http")


def targets(config: Config, *, rehearsed: bool = False) -> frozenset[str]:
    """Names of the channels that take requests. In a dry run a log may stand in for a trainer: nothing is
    sent, and who tries Leeway has no trainer yet."""
    kinds = (*TARGETS, "log") if rehearsed else TARGETS
    return frozenset(name for name, table in config.channels.items() if table.kind in kinds)


def allowed(config: Config) -> frozenset[str] | None:
    """Names of those that may be asked; None: any."""
    named = config.retraining.targets
    return None if named is None else frozenset(named)


def is_host_allowed(config: Config, host: str) -> bool:
    """Whether requests for retraining may go to this host."""
    hosts = config.retraining.hosts
    return hosts is None or any(fnmatchcase(host.lower(), glob.lower()) for glob in hosts)
