"""URLs: rows from an S3 server, a web server and fsspec's memory are those of the local files."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import fsspec
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from row_lists import assert_same_chunks, schema_of

from in_process import manyhot
from manyhot.data import Encoder, ExampleCache, open_source
from manyhot.errors import ConfigError, DataError, ManyhotError
from manyhot.schema import Field

SCHEMA = schema_of(Field("city"), Field("age", numeric=["minmax"]))
SECRET = "s3cr3t"


def rows(seed: int, count: int = 3000) -> pa.Table:
    return pa.table(
        {
            "city": [f"c{i * (seed + 7) % 41}" for i in range(count)],
            "age": [float(i % (50 + seed)) for i in range(count)],
            "y": [(i + seed) % 2 for i in range(count)],
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """clicks/day=1/a.parquet, clicks/day=2/b.parquet, clicks/c.csv.gz and things that are no rows."""
    path = tmp_path_factory.mktemp("places")
    for day, name in ((1, "a"), (2, "b")):
        (path / f"clicks/day={day}").mkdir(parents=True)
        pq.write_table(rows(day), path / f"clicks/day={day}/{name}.parquet")
    pacsv.write_csv(rows(3), path / "c.csv")
    (path / "clicks/c.csv.gz").write_bytes(gzip.compress((path / "c.csv").read_bytes()))
    (path / "c.csv").unlink()
    (path / "clicks/README").write_text("no rows")
    (path / "clicks/.hidden.csv").write_text("no rows")
    return path


class S3:
    """A real server on loopback, with one bucket."""

    def __init__(self, folder: Path) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.endpoint = f"{host}:{port}"
        self.client: Any = boto3.client("s3", endpoint_url=f"http://{self.endpoint}", region_name="us-east-1")
        self.client.create_bucket(Bucket="bucket")
        for path in (p for p in folder.rglob("*") if p.is_file()):
            self.put(str(path.relative_to(folder)), path.read_bytes())

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket="bucket", Key=key, Body=body)

    def url(self, path: str, bucket: str = "bucket", user: str = "") -> str:
        return f"s3://{user}{bucket}/{path}?endpoint_override={self.endpoint}&scheme=http&region=us-east-1"


@pytest.fixture(scope="module")
def s3(folder: Path) -> Iterator[S3]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, SECRET)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        server = S3(folder)
        yield server
        server.server.stop()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Ranges(_Quiet):
    """Answers with parts of files, as most servers do and Python's does not."""

    asked: list[str] = []  # noqa: RUF012  one list for all requests

    def do_HEAD(self) -> None:
        self.send_error(403) if "/locked/" in self.path else super().do_HEAD()

    def do_GET(self) -> None:
        if "/locked/" in self.path:
            return self.send_error(403)
        wanted = self.headers.get("Range")
        if wanted is None:
            return super().do_GET()
        body = Path(self.translate_path(self.path)).read_bytes()
        first, last = wanted.removeprefix("bytes=").split("-")
        part = body[int(first) : int(last) + 1]
        self.asked.append(wanted)
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(part)
        return None


@pytest.fixture(params=[_Quiet, _Ranges], ids=["whole files", "ranges"])
def web(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(request.param, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def memory(folder: Path) -> Iterator[str]:
    """The same files in fsspec's memory."""
    filesystem = fsspec.filesystem("memory")
    filesystem.put(str(folder), "/rows", recursive=True)
    yield "memory://rows"
    filesystem.rm("/rows", recursive=True)


def assert_same_rows(remote: Any, local: Any) -> None:
    """Fitted and encoded alike."""
    encoders = [Encoder.fit(SCHEMA, open_source(data)) for data in (remote, local)]
    assert encoders[0].fingerprint() == encoders[1].fingerprint()
    chunks = [list(encoders[0].encode(open_source(data), with_labels=True)) for data in (remote, local)]
    assert sum(len(chunk.ids) for chunk in chunks[0]) > 5000
    assert_same_chunks(*chunks)


PLACES = [
    "clicks/day=1/a.parquet",
    "clicks/c.csv.gz",
    "clicks/*/*.parquet",
    "clicks/day=[2-9]/*",
    "clicks/**/*.parquet",
    "clicks/*.gz",
    "clicks",
]


@pytest.mark.parametrize("path", PLACES)
def test_s3_is_read_as_the_local_files_are(s3: S3, folder: Path, path: str) -> None:
    assert_same_rows(s3.url(path), folder / path)


def test_s3_lists_mix_with_local_files(s3: S3, folder: Path) -> None:
    names = PLACES[:2]
    assert_same_rows([s3.url(names[0]), str(folder / names[1])], [folder / name for name in names])


def test_s3_takes_the_environment_of_aws(s3: S3, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{s3.endpoint}")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert_same_rows("s3://bucket/clicks/*/*.parquet", folder / "clicks/*/*.parquet")


@pytest.mark.parametrize("path", PLACES)
def test_memory_by_fsspec(memory: str, folder: Path, path: str) -> None:
    assert_same_rows(f"{memory}/{path}", folder / path)


@pytest.mark.parametrize("path", PLACES[:2])
def test_the_web(web: str, folder: Path, path: str) -> None:
    _Ranges.asked.clear()
    assert_same_rows(f"{web}/{path}", folder / path)


def test_patterns_on_a_web_server_that_lists_its_files(web: str, folder: Path) -> None:
    assert_same_rows(f"{web}/clicks/day=1/*.parquet", folder / "clicks/day=1/*.parquet")


def test_file_urls_are_paths(folder: Path) -> None:
    assert_same_rows(f"file://{folder}/clicks/*/*.parquet", folder / "clicks/*/*.parquet")


def test_the_fingerprint_changes_with_the_object(s3: S3) -> None:
    def fingerprint() -> str | None:
        return open_source(s3.url("changing/*.csv")).fingerprint()

    s3.put("changing/x.csv", b"city,age,y\na,1,1\n")
    first = fingerprint()
    assert first is not None
    assert fingerprint() == first
    s3.put("changing/x.csv", b"city,age,y\nb,1,1\n")  # of the same size, in the same second
    second = fingerprint()
    assert second != first
    s3.put("changing/y.csv", b"city,age,y\nb,1,1\n")
    assert fingerprint() not in (first, second)


def test_the_fingerprint_of_fsspec_files(memory: str) -> None:
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe("/rows/changing.csv", b"city,age,y\na,1,1\n")
    first = open_source(f"{memory}/changing.csv").fingerprint()
    assert first == open_source(f"{memory}/changing.csv").fingerprint() is not None
    filesystem.pipe("/rows/changing.csv", b"city,age,y\nb,1,1\n")
    assert open_source(f"{memory}/changing.csv").fingerprint() != first


def test_a_second_run_reuses_what_was_encoded_from_s3(s3: S3, tmp_path: Path) -> None:
    store = ExampleCache(tmp_path)
    for expected in (False, True):
        source = open_source(s3.url("clicks/*/*.parquet"))
        encoder, fitted = store.fit(SCHEMA, source)
        assert (fitted, store.encode(encoder, source)[1]) == (expected, expected)


def sentence(data: Any, kind: type[ManyhotError] = DataError, seconds: float = 30) -> str:
    """One sentence, in seconds."""
    start = time.monotonic()
    with pytest.raises(kind) as caught:
        Encoder.fit(SCHEMA, open_source(data))
    assert time.monotonic() - start < seconds
    text = str(caught.value)
    assert "\n" not in text
    assert SECRET not in text
    return text


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def test_what_s3_lacks_is_said(s3: S3) -> None:
    assert sentence(s3.url("clicks/none.csv")) == "s3://bucket/clicks/none.csv: there is no such file; check the URL"
    assert "s3://bucket/none/*.csv: no file has such a name; check the URL" in sentence(s3.url("none/*.csv"))
    assert 'there is no bucket "nobucket"' in sentence(s3.url("a.csv", bucket="nobucket"))
    assert 'there is no bucket "nobucket"' in sentence(s3.url("*.csv", bucket="nobucket"))
    assert 's3://bucket/clicks/c.csv.gz: column "city"' not in sentence(s3.url("clicks/README"))
    s3.put("empty/README", b"")
    assert "s3://bucket/empty: the folder holds no file that can be read" in sentence(s3.url("empty"))
    s3.put("broken/x.parquet", b"PAR1 no")
    assert sentence(s3.url("broken/x.parquet")).startswith("s3://bucket/broken/x.parquet: cannot read it as parquet: ")


def test_a_refused_connection_is_said_in_seconds() -> None:
    port = closed_port()
    for url in (f"s3://{SECRET}:{SECRET}@bucket/x.csv?endpoint_override=127.0.0.1:{port}&scheme=http&region=x",):
        assert "s3://bucket/x.csv: cannot look for it: " in sentence(url)
    for url in (f"http://127.0.0.1:{port}/x.csv", f"http://127.0.0.1:{port}/*.csv"):
        assert f"{url}: cannot look for it: " in sentence(url)


def test_a_silent_web_server_is_said_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhot.data.sources._filesystems._HTTP_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x.csv"
        assert f"{url}: cannot look for it: " in sentence(url)


def test_google_refuses_in_seconds() -> None:
    url = f"gs://anonymous@bucket/x.csv?scheme=http&endpoint_override=127.0.0.1:{closed_port()}"
    assert "gs://bucket/x.csv: cannot look for it: " in sentence(url + "&retry_limit_seconds=1")


def test_a_page_that_may_not_be_read_is_not_called_missing(web: str) -> None:
    text = sentence(web.replace("//", f"//me:{SECRET}@") + f"/locked/x.csv?token={SECRET}")
    assert text.startswith(f"{web}/locked/x.csv: ")
    assert ("403" in text) != ("no such file" in text)  # the simple server knows no locks


def test_what_the_web_lacks_is_said(web: str) -> None:
    assert sentence(f"{web}/none.csv") == f"{web}/none.csv: there is no such file; check the URL"
    assert "cannot tell the format" in sentence(f"{web}/clicks/README?token={SECRET}")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3:///x.csv", "the bucket is missing"),
        ("s3://bucket/x.csv?regoin=x", 'unknown option "regoin" in the URL; did you mean "region"?'),
        ("gs://bucket/x.csv?region=x", 'unknown option "region"'),
        ("htps://host/x.csv", 'no filesystem is known for "htps://"; did you mean "https"?'),
        ("s3://${MANYHOT_NO_SUCH}@bucket/x.csv", "the environment variable MANYHOT_NO_SUCH is not set"),
        (f"s3://key:{SECRET}@/x.csv", "the bucket is missing"),
    ],
)
def test_wrong_urls(url: str, told: str) -> None:
    assert told in sentence(url, ConfigError)


@pytest.mark.parametrize(("url", "package"), [("abfs://box/x.csv", "adlfs"), ("sftp://host/x.csv", "paramiko")])
def test_a_missing_package_is_named(url: str, package: str) -> None:
    assert package in sentence(url)


def test_hdfs_says_what_it_needs() -> None:
    assert "HADOOP_HOME" in sentence("hdfs://host:1/x.csv")


def test_passwords_from_the_environment(s3: S3, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", f"{SECRET}/+@")
    name = "clicks/day=1/a.parquet"
    assert_same_rows(s3.url(name, user="${THE_KEY}:${THE_KEY}@"), folder / name)
    assert "bucket/none.csv" in sentence(s3.url("none.csv", user="${THE_KEY}:${THE_KEY}@"))


EXPERIMENT = """
[data]
train = "{url}"
valid = "rows.parquet"
label = "y"
[fields.city]
[fields.age]
numeric = ["minmax"]
[model]
name = "fm"
embedding_dim = 2
[training]
epochs = 1
"""


def test_train_from_s3(s3: S3, tmp_path: Path) -> None:
    """The second run reuses what was encoded; a key that is needed no more may be in no file that is left."""
    pq.write_table(rows(5), tmp_path / "rows.parquet")
    url = s3.url("clicks/*/*.parquet", user="${AWS_ACCESS_KEY_ID}:${AWS_SECRET_ACCESS_KEY}@")
    (tmp_path / "s3.toml").write_text(EXPERIMENT.format(url=url))
    for told in ("encoded", "reused"):
        done = manyhot("train", "s3.toml", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"train {told}: 6,000 examples" in done.stderr
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in left if SECRET.encode() in path.read_bytes()]
    s3.put("moved/x.parquet", b"")
    (tmp_path / "s3.toml").write_text(EXPERIMENT.format(url=s3.url("moved/*.csv")))
    done = manyhot("train", "s3.toml", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "s3://bucket/moved/*.csv: no file has such a name" in " ".join(done.stderr.split())
