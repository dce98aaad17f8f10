"""Workers find the modules that this process finds."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pyspark
import pytest

from spark_kafka_testkit._spark.python_workers import (
    PYTHON_ENV,
    daemon_settings,
    python_of_this_process,
    worker_settings,
)
from tests.systems import printed

SETTING = "spark.executorEnv.PYTHONPATH"
DAEMON = "spark.python.daemon.module"
LOCAL = {"spark.master": "local[2]"}


def test_what_was_added_to_the_path_is_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its order, and nothing that the interpreter has by itself, or that is not
    there.
    """
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path), str(tmp_path / "none")])
    folders = worker_settings({})[SETTING].split(os.pathsep)
    assert folders[-1] == str(tmp_path)
    assert not any("site-packages" in folder for folder in folders)
    monkeypatch.setattr(sys, "path", [str(Path(os.__file__).parent)])
    assert worker_settings({}) == {}


@pytest.mark.parametrize(
    "conf",
    [{SETTING: "mine"}, {"spark.master": "spark://x"}, {"spark.remote": "sc://x"}],
)
def test_the_users_own_and_other_machines_are_left_alone(conf: dict[str, str]) -> None:
    """A path of this machine says nothing on another."""
    assert worker_settings(conf) == {}


def test_workers_take_the_python_of_this_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While a local session is made, unless the user has chosen one."""
    monkeypatch.delenv(PYTHON_ENV, raising=False)
    with python_of_this_process({"spark.master": "local[2]"}):
        assert os.environ[PYTHON_ENV] == sys.executable
    assert PYTHON_ENV not in os.environ
    with python_of_this_process({"spark.master": "spark://x"}):
        assert PYTHON_ENV not in os.environ
    monkeypatch.setenv(PYTHON_ENV, "mine")
    with python_of_this_process({"spark.master": "local[2]"}):
        assert os.environ[PYTHON_ENV] == "mine"


def test_the_daemon_of_the_kit_has_a_folder_of_its_own_on_the_path() -> None:
    """Behind all others, and with nothing in it that hides a module of a user."""
    settings = daemon_settings({**LOCAL, SETTING: "mine"})
    first, folder = settings[SETTING].split(os.pathsep)
    assert first == "mine"
    assert {file.name for file in Path(folder).glob("*.py")} == {
        f"{settings[DAEMON]}.py",
        "sitecustomize.py",  # which runs the user's
    }


def test_a_sitecustomize_of_the_users_runs_too(tmp_path: Path) -> None:
    """Once, whether it comes before or behind the kit's."""
    folder = daemon_settings(LOCAL)[SETTING]
    (tmp_path / "sitecustomize.py").write_text("print('mine')")
    for path in ([folder, str(tmp_path)], [str(tmp_path), folder], [folder]):
        env = {"PYTHONPATH": os.pathsep.join(path)}
        said = printed("import sys; print('sitecustomize' in sys.modules)", env)
        mine = "mine\n" if str(tmp_path) in path else ""
        assert said == f"{mine}True"


@pytest.mark.parametrize(
    "conf",
    [
        {**LOCAL, DAEMON: "mine"},
        {**LOCAL, "spark.api.mode": "connect"},
        {"spark.master": "local-cluster[1,1,1024]"},
        {"spark.master": "spark://x"},
        {},
    ],
)
def test_where_the_daemon_is_not_found_it_is_not_named(conf: dict[str, str]) -> None:
    """No function of Python would run. And the user's own stays."""
    assert daemon_settings(conf) == {}


def test_a_pyspark_whose_sessions_are_on_connect_gets_no_daemon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SPARK_CONNECT_MODE", "1")
    assert daemon_settings(LOCAL) == {}
    assert daemon_settings({**LOCAL, "spark.api.mode": "classic"}) != {}


def test_the_archive_is_known_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark names the real place, and the environment may be a link to it."""
    _, folder = daemon_settings({**LOCAL, SETTING: "mine"})[SETTING].split(os.pathsep)
    monkeypatch.syspath_prepend(folder)
    daemon = importlib.import_module("spark_kafka_testkit_daemon")
    installed = Path(pyspark.__file__).resolve().parent
    (tmp_path / "link").symlink_to(installed.parent)
    archive = str(installed / "python/lib/pyspark.zip")
    monkeypatch.setattr(sys, "path", [archive, str(tmp_path / "link")])
    daemon.prefer_compiled()
    assert sys.path == [str(tmp_path / "link")]
