"""A real Spark on this machine, where Java 17 and pyspark are; else a skip that says what is missing."""

import importlib.util
import os
import shutil
import subprocess
import tempfile

import pytest

MASTER = "local[2]"
# Small: a partition more is a task more, each of which has a Python of its own to begin with.
CONFIG = {
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.driver.memory": "1g",
    # A JVM that lives for a minute: what it compiles costs more than it gains.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    # Spark makes it, though nothing is kept in it.
    "spark.sql.warehouse.dir": os.path.join(tempfile.gettempdir(), f"leeway-spark-{os.getpid()}"),
}


def missing() -> str:
    """What of it is not here; "" for nothing."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed (make test-spark installs it)"
    java = shutil.which("java") or shutil.which("java", path=f"{os.environ.get('JAVA_HOME', '')}/bin")
    if java is None:
        return "there is no Java (17 or newer; Debian: openjdk-17-jre-headless)"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = said.partition('"')[2].partition(".")[0]
    if not version.isdecimal() or int(version) < 17:
        return f"Java is {version or 'broken'}, and Spark 4 needs 17 or newer"
    return ""


def must_be_there() -> None:
    """Skips the whole module, by name."""
    why = missing()
    if why:
        pytest.skip(f"Spark: {why}", allow_module_level=True)
