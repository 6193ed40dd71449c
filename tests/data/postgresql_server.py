"""A real PostgreSQL server on loopback, for as long as a test module runs."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import adbc_driver_postgresql.dbapi
import pytest

BINARIES = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "s3cr3t/@ x"  # with what a URL has to quote


class Server:
    """A PostgreSQL cluster of its own in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.data, password = folder / "data", folder / "password"
        self.data.mkdir(parents=True)
        password.write_text(PASSWORD)
        # initdb refuses to run as root.
        self.user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        if self.user is not None:
            for path in (folder, self.data, password):
                os.chown(path, self.user.pw_uid, self.user.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        login = ["-U", "clicker", "--auth=scram-sha-256", f"--pwfile={password}"]
        self._run("initdb", "-D", self.data, *login, "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-h 127.0.0.1 -p {self.port} -k '' -c fsync=off"
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.data / "log", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(BINARIES / program), *map(str, arguments)]
        if self.user is not None:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        subprocess.run(command, cwd="/", check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def url(self, password: str = "${MANYHOT_TEST_PASSWORD}", database: str = "postgres") -> str:
        return f"postgresql://clicker:{password}@127.0.0.1:{self.port}/{database}"


@contextmanager
def running_server(statements: Sequence[str]) -> Iterator[Server]:
    """A server on which the statements were run; skips where there are no binaries."""
    if not (BINARIES / "initdb").exists():
        pytest.skip(f"needs PostgreSQL's binaries in {BINARIES} (Debian's package postgresql-15)")
    # Not in pytest's folder, which the user postgres may not enter.
    folder = Path(tempfile.mkdtemp(prefix="manyhot-postgres-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MANYHOT_TEST_PASSWORD", PASSWORD)
        running = Server(folder)
        try:
            url = running.url(quote(PASSWORD, safe=""))
            with (
                adbc_driver_postgresql.dbapi.connect(url, autocommit=True) as connection,
                connection.cursor() as cursor,
            ):
                for statement in statements:
                    cursor.execute(statement)
            yield running
        finally:
            running.stop()
            shutil.rmtree(folder)
