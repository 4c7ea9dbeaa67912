"""A bucket of any S3-compatible service. The library is an extra of ours, loaded when a city asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from engine.errors import CityBroken
from engine.evidence.store import NAME, Stored, StoreFailed, check_content, check_name, missing

ABSENT = ("404", "NoSuchKey", "NotFound")


class S3Store:
    """Files of a bucket, all under ``prefix``.

    :param endpoint: address of the service; Amazon's own when empty.
    :param client: a boto3 client, for callers that have one.
    :raises CityBroken: boto3 is not installed.

    Who we are comes from where boto3 looks for it: ``AWS_ACCESS_KEY_ID`` and ``AWS_SECRET_ACCESS_KEY``, a profile, or
    the machine's role.
    """

    def __init__(
        self, bucket: str, prefix: str = "", *, endpoint: str = "", region: str = "", client: Any = None
    ) -> None:
        self.bucket, self.prefix, self.endpoint = bucket, f"{prefix.strip('/')}/".lstrip("/"), endpoint
        self.client = client or _connect(endpoint, region)

    def put(self, name: str, content: bytes) -> None:
        """See ``Store``. The service checks the bytes against their checksum on arrival."""
        with self._told():
            self.client.put_object(Bucket=self.bucket, Key=self._key(name), Body=content)

    def get(self, name: str) -> bytes:
        """See ``Store``."""
        with self._told(name):
            content: bytes = self.client.get_object(Bucket=self.bucket, Key=self._key(name))["Body"].read()
        return check_content(name, content)

    def find(self, name: str) -> Stored | None:
        """See ``Store``."""
        from botocore.exceptions import ClientError

        with self._told():
            try:
                found = self.client.head_object(Bucket=self.bucket, Key=self._key(name))
            except ClientError as error:
                if error.response["Error"]["Code"] in ABSENT:
                    return None
                raise
        return Stored(name, found["ContentLength"], found["LastModified"])

    def walk(self) -> Iterator[Stored]:
        """See ``Store``."""
        with self._told():
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            for page in pages:
                for each in page.get("Contents", ()):
                    name = each["Key"].rpartition("/")[2]
                    if NAME.fullmatch(name) and self._key(name) == each["Key"]:
                        yield Stored(name, each["Size"], each["LastModified"])

    def delete(self, name: str) -> None:
        """See ``Store``."""
        with self._told():
            self.client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def clear_unfinished(self, before: datetime) -> int:
        """See ``Store``: an object is there as a whole or not at all."""
        return 0

    def describe(self) -> str:
        """See ``Store``."""
        return f"bucket s3://{self.bucket}/{self.prefix}{f' at {self.endpoint}' if self.endpoint else ''}"

    def _key(self, name: str) -> str:
        return f"{self.prefix}{check_name(name)[:2]}/{name}"

    @contextmanager
    def _told(self, name: str = "") -> Iterator[None]:
        """Tell the library's failures as StoreFailed."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if name and error.response["Error"]["Code"] in ABSENT:
                raise missing(name, self.describe()) from error
            raise StoreFailed(f"{self.describe()} refuses: {error}; check bucket and rights") from error
        except BotoCoreError as error:
            raise StoreFailed(f"{self.describe()} fails: {error}; check address, network and credentials") from error


def _connect(endpoint: str, region: str) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise CityBroken("WANGGE_EVIDENCE names a bucket, but boto3 is missing; install 'wangge[s3]'") from error
    patient = Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 4, "mode": "standard"})
    return boto3.client("s3", endpoint_url=endpoint or None, region_name=region or None, config=patient)
