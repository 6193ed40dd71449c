"""Filesystems behind URLs: Arrow's own for S3, Google Cloud Storage and HDFS, fsspec's for everything else."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

from manyhot.errors import ConfigError, DataError, nearest_name

from ._variables import with_variables

__all__ = ["Place", "place_of"]

# A place that cannot be reached is to be said in seconds; Arrow's defaults try for minutes (Google: 15).
_ATTEMPTS = 3
_CONNECT_SECONDS = 5.0
_GOOGLE_SECONDS = 20.0
_HTTP_SECONDS = 10.0
_S3_TEXTS = ("region", "scheme", "endpoint_override", "role_arn", "session_name", "external_id", "tls_ca_file_path")
_S3_FLAGS = ("anonymous", "force_virtual_addressing")


@dataclass(frozen=True)
class Place:
    """Where a URL points. name: for people, without user, password and options. path: within the filesystem.

    bucket: the first part of the path where the filesystem is one of buckets, else "".
    """

    name: str
    path: str
    filesystem: fs.FileSystem
    bucket: str = ""

    def name_of(self, path: str) -> str:
        """The URL of another path of the filesystem."""
        return _shown(urlsplit(path)) if "://" in path else f"{urlsplit(self.name).scheme}://{path.lstrip('/')}"


def place_of(url: str) -> Place:
    """The filesystem of a URL; ${NAME} in it is an environment variable.

    Raises ConfigError where the URL is wrong, DataError where its filesystem cannot be had.
    """
    parts = urlsplit(with_variables(url))
    name = _shown(parts)
    bucket = parts.netloc.rpartition("@")[2]
    try:
        if parts.scheme in ("s3", "gs"):
            if not bucket:
                raise ConfigError(f"{name}: the bucket is missing; write {parts.scheme}://bucket/path")
            make = _s3 if parts.scheme == "s3" else _google
            return Place(name, unquote(bucket + parts.path).rstrip("/"), make(parts, name), bucket)
        if parts.scheme in ("hdfs", "viewfs"):
            return Place(name, unquote(parts.path), _hadoop(parts, name))
        return _by_fsspec(parts, name)
    except (pa.ArrowException, OSError) as error:
        text = " ".join(str(error).split())
        raise DataError(f"{name}: cannot reach it: {text}") from None


def _shown(parts: SplitResult) -> str:
    """Without what may be secret."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _s3(parts: SplitResult, name: str) -> fs.FileSystem:
    """Options of the URL first, then the environment variables of AWS, which Arrow reads but for the endpoint."""
    options: dict[str, Any] = _options(parts, name, (*_S3_TEXTS, *_S3_FLAGS))
    for flag in _S3_FLAGS:
        if flag in options:
            options[flag] = options[flag].lower() in ("1", "true", "yes")
    if parts.username:
        options |= {"access_key": unquote(parts.username), "secret_key": unquote(parts.password or "")}
    endpoint = options.get("endpoint_override") or _environment("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    if endpoint:
        scheme, separator, host = endpoint.rpartition("://")
        options["endpoint_override"] = host
        if separator:
            options.setdefault("scheme", scheme)
    region = options.get("region") or _environment("AWS_REGION", "AWS_DEFAULT_REGION")
    if region is None and not endpoint:
        region = fs.resolve_s3_region(parts.netloc.rpartition("@")[2])
    retries = fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS)
    options |= {"region": region, "connect_timeout": _CONNECT_SECONDS, "retry_strategy": retries}
    return fs.S3FileSystem(**options)


def _google(parts: SplitResult, name: str) -> fs.FileSystem:
    _options(parts, name, ("scheme", "endpoint_override", "retry_limit_seconds"))
    limit = "" if "retry_limit_seconds=" in parts.query else f"&retry_limit_seconds={_GOOGLE_SECONDS}"
    return fs.FileSystem.from_uri(parts._replace(query=(parts.query + limit).lstrip("&")).geturl())[0]


def _hadoop(parts: SplitResult, name: str) -> fs.FileSystem:
    try:
        return fs.FileSystem.from_uri(parts.geturl())[0]
    except OSError as error:
        text = " ".join(str(error).split())
        raise DataError(
            f"{name}: HDFS cannot be reached: {text}; Hadoop's libhdfs and a JVM are needed (HADOOP_HOME, JAVA_HOME, "
            "CLASSPATH)"
        ) from None


def _by_fsspec(parts: SplitResult, name: str) -> Place:
    # Imported here, as few runs need it.
    import fsspec
    from fsspec.registry import known_implementations

    from ._foreign import Foreign

    if parts.scheme not in {*known_implementations, *fsspec.registry}:
        raise ConfigError(f'{name}: no filesystem is known for "{parts.scheme}://"{nearest_name(parts.scheme, _USUAL)}')
    url = parts.geturl()
    try:
        filesystem, path = fsspec.url_to_fs(url, **(_http() if parts.scheme in ("http", "https") else {}))
    except (ImportError, ValueError) as error:
        text = " ".join(str(error).split())
        raise DataError(f'{name}: "{parts.scheme}://" needs a package that is not there: {text}') from None
    return Place(name, path, fs.PyFileSystem(Foreign(filesystem)))


_USUAL = ("s3", "gs", "hdfs", "http", "https", "abfs", "memory", "ftp", "sftp", "file")


def _http() -> dict[str, Any]:
    """aiohttp allows five minutes for a whole file; a silent server is to be said sooner, a large file takes longer."""
    import aiohttp

    limits = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_HTTP_SECONDS)
    return {"client_kwargs": {"timeout": limits}}


def _options(parts: SplitResult, name: str, known: tuple[str, ...]) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for key in options:
        if key not in known:
            raise ConfigError(f'{name}: unknown option "{key}" in the URL{nearest_name(key, known)}')
    return options


def _environment(*names: str) -> str | None:
    found: Callable[[str], str | None] = os.environ.get
    return next((value for value in map(found, names) if value), None)
