"""What boto3 does against the embedded S3 server, one promise a function. Prints one JSON object a promise: {"promise", "error"}.

Run: python boto3_promises.py <endpoint> <access key> <secret key>. The buckets `data` and `other` are there.
"""

import base64
import datetime
import hashlib
import io
import json
import os
import sys
import time
import traceback
import urllib.error
import urllib.request
import zlib
from urllib.parse import quote

import boto3
import botocore.auth
import botocore.session
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

endpoint, access_key, secret_key = sys.argv[1:4]
MIB = 1024 * 1024


def client(secret=secret_key, **config):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=Config(
            signature_version=config.pop("signature_version", "s3v4"),
            s3={"addressing_style": "path"},
            retries={"max_attempts": 1, "mode": "standard"},
            **config,
        ),
    )


s3 = client()


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error.response
    raise AssertionError(f"not refused, expected {code}")


def fetch(url, method="GET", body=None, headers=None):
    """A client without credentials: what is allowed is in the URL. Adds no header of its own that matters."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    if body is not None and "Content-type" not in request.headers:
        request.add_unredirected_header("Content-type", "")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def body_of(bucket, key, **arguments):
    return s3.get_object(Bucket=bucket, Key=key, **arguments)["Body"].read()


def put_get_head_delete():
    put = s3.put_object(
        Bucket="data",
        Key="plain",
        Body=b"hello",
        ContentType="text/plain",
        ContentEncoding="identity",
        CacheControl="max-age=5",
        ContentDisposition='attachment; filename="x.txt"',
        ContentLanguage="en",
        Metadata={"owner": "me", "note": "two words"},
    )
    assert put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"', put
    for answer in (s3.get_object(Bucket="data", Key="plain"), s3.head_object(Bucket="data", Key="plain")):
        assert answer["ContentLength"] == 5 and answer["ContentType"] == "text/plain", answer
        assert answer["CacheControl"] == "max-age=5" and answer["ContentLanguage"] == "en", answer
        assert answer["ContentEncoding"] == "identity", answer
        assert answer["ContentDisposition"] == 'attachment; filename="x.txt"', answer
        assert answer["Metadata"] == {"owner": "me", "note": "two words"}, answer
        assert answer["ETag"] == put["ETag"] and "LastModified" in answer, answer
    assert body_of("data", "plain") == b"hello"
    s3.delete_object(Bucket="data", Key="plain")
    s3.delete_object(Bucket="data", Key="plain")
    refused("NoSuchKey", s3.get_object, Bucket="data", Key="plain")
    refused("404", s3.head_object, Bucket="data", Key="plain")


def empty_object():
    s3.put_object(Bucket="data", Key="empty", Body=b"")
    assert body_of("data", "empty") == b""
    assert s3.head_object(Bucket="data", Key="empty")["ContentLength"] == 0
    refused("InvalidRange", s3.get_object, Bucket="data", Key="empty", Range="bytes=0-")


def ranges():
    s3.put_object(Bucket="data", Key="digits", Body=b"0123456789")
    cases = {"bytes=2-4": b"234", "bytes=8-": b"89", "bytes=-3": b"789", "bytes=0-100": b"0123456789"}
    for asked, expected in cases.items():
        answer = s3.get_object(Bucket="data", Key="digits", Range=asked)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206, asked
        assert answer["Body"].read() == expected, asked
        assert answer["ContentRange"].endswith("/10"), asked
    refused("InvalidRange", s3.get_object, Bucket="data", Key="digits", Range="bytes=10-")


def reading_conditions():
    etag = s3.put_object(Bucket="data", Key="conditions", Body=b"x")["ETag"]
    assert body_of("data", "conditions", IfMatch=etag) == b"x"
    refused("PreconditionFailed", s3.get_object, Bucket="data", Key="conditions", IfMatch='"other"')
    refused("304", s3.get_object, Bucket="data", Key="conditions", IfNoneMatch=etag)
    refused("304", s3.head_object, Bucket="data", Key="conditions", IfModifiedSince=time.time() + 60)


def create_only():
    s3.put_object(Bucket="data", Key="once", Body=b"first", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, Bucket="data", Key="once", Body=b"second", IfNoneMatch="*")
    assert body_of("data", "once") == b"first"


def compare_and_swap():
    refused("NoSuchKey", s3.put_object, Bucket="data", Key="swap", Body=b"x", IfMatch='"any"')
    first = s3.put_object(Bucket="data", Key="swap", Body=b"1")["ETag"]
    second = s3.put_object(Bucket="data", Key="swap", Body=b"2", IfMatch=first)["ETag"]
    refused("PreconditionFailed", s3.put_object, Bucket="data", Key="swap", Body=b"3", IfMatch=first)
    refused("PreconditionFailed", s3.delete_object, Bucket="data", Key="swap", IfMatch=first)
    assert body_of("data", "swap") == b"2"
    s3.delete_object(Bucket="data", Key="swap", IfMatch=second)
    refused("404", s3.head_object, Bucket="data", Key="swap")


def checksums():
    body = os.urandom(3 * MIB)
    for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"):
        try:
            put = s3.put_object(Bucket="data", Key=f"sum/{algorithm}", Body=body, ChecksumAlgorithm=algorithm)
        except Exception as error:  # CRC32C and CRC64NVME need botocore[crt], which has no pure form
            assert "Missing Dependency" in str(error), error
            continue
        got = s3.get_object(Bucket="data", Key=f"sum/{algorithm}", ChecksumMode="ENABLED")
        # boto3 checks the body against it while reading.
        assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"], algorithm
        assert got["Body"].read() == body
        head = s3.head_object(Bucket="data", Key=f"sum/{algorithm}", ChecksumMode="ENABLED")
        assert head["ChecksumType"] == "FULL_OBJECT"
        assert f"Checksum{algorithm}" not in s3.get_object(Bucket="data", Key=f"sum/{algorithm}", Range="bytes=0-1")


def checksum_trailer():
    """Over TLS boto3 sends a stream in chunks with its checksum behind it; here with its own encoder, over what we have."""
    body = os.urandom(2 * MIB + 1)
    good = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()

    class Lying(Crc32Checksum):
        def b64digest(self):
            return "AAAAAA=="

    for checksum, expected in ((Crc32Checksum, 200), (Lying, 400)):
        wrapped = AwsChunkedWrapper(
            io.BytesIO(body), checksum_cls=checksum, checksum_name="x-amz-checksum-crc32", chunk_size=100_000
        )
        encoded = wrapped.read()
        request = AWSRequest("PUT", f"{endpoint}/data/trailer-{expected}", data=encoded)
        request.headers["content-encoding"] = "aws-chunked"
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
        request.headers["x-amz-trailer"] = "x-amz-checksum-crc32"
        request.headers["x-amz-decoded-content-length"] = str(len(body))
        status, answer = fetch(request.url, "PUT", encoded, signed_headers(request))
        assert status == expected, (status, answer)
    got = s3.get_object(Bucket="data", Key="trailer-200", ChecksumMode="ENABLED")
    assert got["ChecksumCRC32"] == good and "ContentEncoding" not in got, got
    assert got["Body"].read() == body
    refused("404", s3.head_object, Bucket="data", Key="trailer-400")


def signed_headers(request):
    session = botocore.session.get_session()
    session.set_credentials(access_key, secret_key)
    S3SigV4Auth(session.get_credentials(), "s3", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def wrong_checksums():
    s3.put_object(Bucket="data", Key="wrong", Body=b"before")
    zeros = base64.b64encode(bytes(4)).decode()
    refused("BadDigest", s3.put_object, Bucket="data", Key="wrong", Body=b"after", ChecksumCRC32=zeros)
    sha = base64.b64encode(bytes(32)).decode()
    refused("BadDigest", s3.put_object, Bucket="data", Key="wrong", Body=b"after", ChecksumSHA256=sha)
    md5 = base64.b64encode(bytes(16)).decode()
    refused("BadDigest", s3.put_object, Bucket="data", Key="wrong", Body=b"after", ContentMD5=md5)
    refused("InvalidDigest", s3.put_object, Bucket="data", Key="wrong", Body=b"after", ContentMD5="no")
    assert body_of("data", "wrong") == b"before"


ODD_KEYS = [
    "with space",
    "a+b",
    "a%2Bb",
    "a//b",
    "a/",
    "/a",
    "a/../b",
    "..",
    "../../etc/passwd",
    "./x",
    "ünï/ço∂é/😀",
    "e\u0301",
    "\u00e9",
    "a&b=c?d#e",
    "<xml>&amp;\"'",
    "semi;colon,comma:colon",
    "back\\slash",
    "*'()!~",
    "tab\tand\nline",
    "x" * 1024,
    "é" * 512,
    "/".join(["deep"] * 200),
]


def odd_keys():
    for key in ODD_KEYS:
        body = hashlib.sha256(key.encode()).digest()
        s3.put_object(Bucket="other", Key="odd:" + key if len(key.encode()) < 1000 else key, Body=body)
    keys = ["odd:" + key if len(key.encode()) < 1000 else key for key in ODD_KEYS]
    for key, plain in zip(keys, ODD_KEYS):
        assert body_of("other", key) == hashlib.sha256(plain.encode()).digest(), key
        url = s3.generate_presigned_url("get_object", Params={"Bucket": "other", "Key": key}, ExpiresIn=60)
        status, body = fetch(url)
        assert status == 200 and body == hashlib.sha256(plain.encode()).digest(), (key, status, body)
    listed = [item["Key"] for page in pages("other", PageSize=4) for item in page.get("Contents", [])]
    assert listed == sorted(keys, key=lambda key: key.encode()), listed
    copied = "copy of " + keys[5]
    s3.copy_object(Bucket="data", Key=copied, CopySource={"Bucket": "other", "Key": keys[5]})
    assert body_of("data", copied) == body_of("other", keys[5])
    answer = s3.delete_objects(Bucket="other", Delete={"Objects": [{"Key": key} for key in keys]})
    assert sorted(item["Key"] for item in answer["Deleted"]) == sorted(keys), answer
    assert s3.list_objects_v2(Bucket="other")["KeyCount"] == 0
    refused("KeyTooLongError", s3.put_object, Bucket="other", Key="x" * 1025, Body=b"")


def pages(bucket, PageSize, **arguments):
    paginator = s3.get_paginator("list_objects_v2")
    return paginator.paginate(Bucket=bucket, PaginationConfig={"PageSize": PageSize}, **arguments)


def lists():
    keys = [f"list/{folder}/{i:02}" for folder in "abc" for i in range(7)] + ["list/top", "list-other"]
    for key in keys:
        s3.put_object(Bucket="data", Key=key, Body=key.encode())
    found = [item["Key"] for page in pages("data", 4, Prefix="list/") for item in page["Contents"]]
    assert found == sorted(key for key in keys if key.startswith("list/")), found
    grouped = list(pages("data", 2, Prefix="list/", Delimiter="/"))
    prefixes = [item["Prefix"] for page in grouped for item in page.get("CommonPrefixes", [])]
    assert prefixes == ["list/a/", "list/b/", "list/c/"], prefixes
    assert [item["Key"] for page in grouped for item in page.get("Contents", [])] == ["list/top"]
    assert all(page["KeyCount"] <= 2 for page in grouped)
    after = s3.list_objects_v2(Bucket="data", Prefix="list/", StartAfter="list/c/05")
    assert [item["Key"] for item in after["Contents"]] == ["list/c/06", "list/top"], after
    by_dash = s3.list_objects_v2(Bucket="data", Prefix="list", Delimiter="-")
    assert [item["Prefix"] for item in by_dash["CommonPrefixes"]] == ["list-"], by_dash
    one = s3.get_paginator("list_objects").paginate(
        Bucket="data", Prefix="list/", Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    assert [item["Prefix"] for page in one for item in page.get("CommonPrefixes", [])] == prefixes
    assert s3.list_objects_v2(Bucket="data", Prefix="list/none")["KeyCount"] == 0


def copies():
    s3.put_object(Bucket="data", Key="from", Body=b"copy", Metadata={"a": "b"}, ContentType="text/x", CacheControl="no-store")
    source = {"Bucket": "data", "Key": "from"}
    etag = s3.head_object(**source)["ETag"]
    s3.copy_object(Bucket="other", Key="to", CopySource=source)
    head = s3.head_object(Bucket="other", Key="to")
    assert (head["Metadata"], head["ContentType"], head["CacheControl"]) == ({"a": "b"}, "text/x", "no-store"), head
    s3.copy_object(Bucket="other", Key="to", CopySource=source, MetadataDirective="REPLACE", Metadata={"c": "d"})
    assert s3.head_object(Bucket="other", Key="to")["Metadata"] == {"c": "d"}
    s3.copy_object(Bucket="other", Key="to", CopySource=source, CopySourceIfMatch=etag)
    refused("PreconditionFailed", s3.copy_object, Bucket="other", Key="to", CopySource=source, CopySourceIfNoneMatch=etag)
    refused("PreconditionFailed", s3.copy_object, Bucket="other", Key="to", CopySource=source, CopySourceIfMatch='"x"')
    refused("PreconditionFailed", s3.copy_object, Bucket="other", Key="to", CopySource=source, IfNoneMatch="*")
    refused("NoSuchKey", s3.copy_object, Bucket="other", Key="to", CopySource={"Bucket": "data", "Key": "none"})
    s3.copy_object(Bucket="data", Key="from", CopySource=source, MetadataDirective="REPLACE", Metadata={"onto": "itself"})
    assert body_of("data", "from") == b"copy"
    assert s3.head_object(**source)["Metadata"] == {"onto": "itself"}
    s3.delete_object(Bucket="other", Key="to")


def many_deleted():
    for i in range(5):
        s3.put_object(Bucket="data", Key=f"many/{i}", Body=b"x")
    answer = s3.delete_objects(
        Bucket="data", Delete={"Objects": [{"Key": f"many/{i}"} for i in range(7)], "Quiet": False}
    )
    assert len(answer["Deleted"]) == 7, answer
    assert s3.list_objects_v2(Bucket="data", Prefix="many/")["KeyCount"] == 0
    quiet = s3.delete_objects(Bucket="data", Delete={"Objects": [{"Key": "many/1"}], "Quiet": True})
    assert "Deleted" not in quiet and "Errors" not in quiet, quiet


def buckets():
    assert sorted(item["Name"] for item in s3.list_buckets()["Buckets"]) == ["data", "other"]
    assert s3.head_bucket(Bucket="data")["BucketRegion"] == "us-east-1"
    refused("404", s3.head_bucket, Bucket="none")
    assert s3.get_bucket_location(Bucket="data")["LocationConstraint"] is None
    refused("NoSuchBucket", s3.get_bucket_location, Bucket="none")
    refused("NoSuchBucket", s3.list_objects_v2, Bucket="none")
    refused("NoSuchBucket", s3.put_object, Bucket="none", Key="k", Body=b"x")
    refused("AccessDenied", s3.create_bucket, Bucket="none")
    refused("BucketAlreadyOwnedByYou", s3.create_bucket, Bucket="data")
    assert "Status" not in s3.get_bucket_versioning(Bucket="data")


def multipart():
    arguments = {"Bucket": "data", "Key": "parts/ü +"}
    upload = s3.create_multipart_upload(**arguments, ContentType="text/parts", Metadata={"k": "v"})["UploadId"]
    bodies = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"the end"]
    parts = []
    for number, body in reversed(list(enumerate(bodies, 1))):
        part = s3.upload_part(**arguments, UploadId=upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        assert part["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()
        parts.insert(0, {"PartNumber": number, "ETag": part["ETag"]})
    listed = s3.list_parts(**arguments, UploadId=upload, MaxParts=2)
    assert [part["PartNumber"] for part in listed["Parts"]] == [1, 2] and listed["IsTruncated"], listed
    rest = s3.list_parts(**arguments, UploadId=upload, PartNumberMarker=listed["NextPartNumberMarker"])
    assert [part["Size"] for part in rest["Parts"]] == [7], rest
    uploads = s3.list_multipart_uploads(Bucket="data", Prefix="parts/")["Uploads"]
    assert [(item["Key"], item["UploadId"]) for item in uploads] == [(arguments["Key"], upload)], uploads
    done = s3.complete_multipart_upload(**arguments, UploadId=upload, MultipartUpload={"Parts": parts})
    head = s3.head_object(**arguments)
    assert head["ETag"] == done["ETag"] and head["ContentType"] == "text/parts" and head["Metadata"] == {"k": "v"}, head
    assert body_of("data", arguments["Key"]) == b"".join(bodies)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="data", Prefix="parts/")


def multipart_aborted():
    arguments = {"Bucket": "data", "Key": "given up"}
    upload = s3.create_multipart_upload(**arguments)["UploadId"]
    s3.upload_part(**arguments, UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(**arguments, UploadId=upload)
    refused("NoSuchUpload", s3.upload_part, **arguments, UploadId=upload, PartNumber=2, Body=b"x")
    refused("NoSuchUpload", s3.list_parts, **arguments, UploadId=upload)
    refused("404", s3.head_object, **arguments)


def multipart_whole_checksum():
    body = os.urandom(6 * MIB)
    whole = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    for given, size, code in ((whole, 6 * MIB, None), ("AAAAAA==", 6 * MIB, "BadDigest"), (whole, 1, "InvalidRequest")):
        arguments = {"Bucket": "data", "Key": f"whole/{code}"}
        upload = s3.create_multipart_upload(**arguments, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")["UploadId"]
        etag = s3.upload_part(**arguments, UploadId=upload, PartNumber=1, Body=body)["ETag"]
        completion = {
            **arguments,
            "UploadId": upload,
            "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]},
            "ChecksumCRC32": given,
            "ChecksumType": "FULL_OBJECT",
            "MpuObjectSize": size,
        }
        if code is not None:
            refused(code, s3.complete_multipart_upload, **completion)
            refused("404", s3.head_object, **arguments)
            continue
        s3.complete_multipart_upload(**completion)
        assert s3.head_object(**arguments, ChecksumMode="ENABLED")["ChecksumCRC32"] == whole


def multipart_create_only():
    arguments = {"Bucket": "data", "Key": "parts once"}
    s3.put_object(**arguments, Body=b"first")
    upload = s3.create_multipart_upload(**arguments)["UploadId"]
    etag = s3.upload_part(**arguments, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    named = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    refused(
        "PreconditionFailed",
        s3.complete_multipart_upload,
        **arguments,
        UploadId=upload,
        MultipartUpload=named,
        IfNoneMatch="*",
    )
    assert body_of("data", "parts once") == b"first"


def managed_transfers():
    """`upload_fileobj`, `copy` and `download_fileobj`: parts in parallel."""
    body = os.urandom(20 * MIB + 3)
    config = TransferConfig(multipart_threshold=6 * MIB, multipart_chunksize=6 * MIB, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(body), "data", "managed", Config=config, ExtraArgs={"Metadata": {"a": "b"}})
    s3.copy({"Bucket": "data", "Key": "managed"}, "other", "managed", Config=config)
    for bucket in ("data", "other"):
        into = io.BytesIO()
        s3.download_fileobj(bucket, "managed", into, Config=config)
        assert into.getvalue() == body, bucket
    s3.delete_object(Bucket="other", Key="managed")


def presigned():
    arguments = {"Bucket": "data", "Key": "signed +/ü"}
    put = s3.generate_presigned_url("put_object", Params={**arguments, "ContentType": "text/s"}, ExpiresIn=60)
    assert fetch(put, "PUT", b"by url", {"Content-type": "text/s"})[0] == 200
    assert fetch(put, "PUT", b"by url", {"Content-type": "text/other"})[0] == 403
    get = s3.generate_presigned_url("get_object", Params=arguments, ExpiresIn=60)
    assert fetch(get) == (200, b"by url")
    named = s3.generate_presigned_url(
        "get_object", Params={**arguments, "ResponseContentDisposition": "attachment"}, ExpiresIn=60
    )
    assert fetch(named) == (200, b"by url")
    assert fetch(get, "DELETE")[0] == 403
    assert fetch(get, "PUT", b"not mine")[0] == 403
    assert fetch(get.replace("signed", "other"))[0] == 403
    assert fetch(get.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))[0] == 403
    assert body_of("data", arguments["Key"]) == b"by url"
    short = s3.generate_presigned_url("get_object", Params=arguments, ExpiresIn=1)
    time.sleep(2)
    status, body = fetch(short)
    assert status == 403 and b"Request has expired" in body, (status, body)


def presigned_as_by_default():
    """Not told otherwise, boto3 presigns with version 2 here."""
    plain = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )
    arguments = {"Bucket": "data", "Key": "version 2 +/ü"}
    s3.put_object(**arguments, Body=b"old")
    get = plain.generate_presigned_url("get_object", Params=arguments, ExpiresIn=60)
    assert "AWSAccessKeyId" in get
    assert fetch(get) == (200, b"old")
    typed = plain.generate_presigned_url("get_object", Params={**arguments, "ResponseContentType": "a/b"}, ExpiresIn=60)
    assert fetch(typed) == (200, b"old")
    put = plain.generate_presigned_url("put_object", Params=arguments, ExpiresIn=60)
    assert fetch(put, "PUT", b"new")[0] == 200
    assert fetch(get) == (200, b"new")
    assert fetch(put, "PUT", b"x", {"x-amz-meta-a": "unsigned"})[0] == 403
    assert fetch(get, "PUT", b"not mine")[0] == 403
    assert fetch(get, "DELETE")[0] == 400
    assert fetch(get + "&uploads")[0] == 400
    assert fetch(get.replace("version", "other"))[0] == 403
    expires = get.split("Expires=")[1].split("&")[0]
    assert fetch(get.replace(expires, str(int(expires) + 60)))[0] == 403
    assert fetch(get.replace(expires, str(int(time.time()) - 1)))[0] == 403
    assert fetch(get.replace(access_key, "x"))[0] == 403


def wrong_secret():
    other = client(secret="not the secret")
    refused("SignatureDoesNotMatch", other.list_objects_v2, Bucket="data")
    refused("SignatureDoesNotMatch", other.put_object, Bucket="data", Key="intruder", Body=b"x")
    refused("404", s3.head_object, Bucket="data", Key="intruder")
    stranger = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
    refused("InvalidAccessKeyId", stranger.list_objects_v2, Bucket="data")


def wrong_clock():
    """The client's clock is a quarter of an hour off, and a bit."""
    for minutes in (-16, 16):
        real = botocore.auth.get_current_datetime
        botocore.auth.get_current_datetime = lambda *a, **k: real(*a, **k) + datetime.timedelta(minutes=minutes)
        try:
            refused("RequestTimeTooSkewed", client().list_objects_v2, Bucket="data")
        finally:
            botocore.auth.get_current_datetime = real


def anonymous():
    nobody = client(signature_version=UNSIGNED)
    refused("AccessDenied", nobody.list_objects_v2, Bucket="data")
    refused("AccessDenied", nobody.put_object, Bucket="data", Key="nobody", Body=b"x")
    refused("403", nobody.head_object, Bucket="data", Key="plain")


def tampered_body():
    """Signed for one body, sent with another of the same length."""
    s3.put_object(Bucket="data", Key="tampered", Body=b"before")
    request = AWSRequest("PUT", f"{endpoint}/data/tampered", data=b"signed body")
    request.headers["x-amz-content-sha256"] = hashlib.sha256(b"signed body").hexdigest()
    headers = signed_headers(request)
    status, body = fetch(request.url, "PUT", b"forged body", headers)
    assert status == 400 and b"XAmzContentSHA256Mismatch" in body, (status, body)
    assert body_of("data", "tampered") == b"before"
    assert fetch(request.url, "PUT", b"signed body", headers)[0] == 200
    assert body_of("data", "tampered") == b"signed body"


def without_checksums():
    """As SDKs of before 2025 are by default."""
    body = os.urandom(300_000)
    plain = client(request_checksum_calculation="when_required", response_checksum_validation="when_required")
    plain.put_object(Bucket="data", Key="plainly", Body=body)
    assert body_of("data", "plainly") == body


def nothing_is_ignored():
    calls = [
        (s3.put_object_tagging, {"Key": "plain", "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}}),
        (s3.put_object_acl, {"Key": "plain", "ACL": "public-read"}),
        (s3.put_bucket_versioning, {"VersioningConfiguration": {"Status": "Enabled"}}),
        (s3.list_object_versions, {}),
        (s3.put_object, {"Key": "k", "Body": b"x", "Tagging": "a=b"}),
        (s3.put_object, {"Key": "k", "Body": b"x", "ServerSideEncryption": "aws:kms"}),
        (s3.put_object, {"Key": "k", "Body": b"x", "StorageClass": "GLACIER"}),
        (s3.put_object, {"Key": "k", "Body": b"x", "ACL": "public-read"}),
    ]
    for call, arguments in calls:
        refused("NotImplemented", call, Bucket="data", **arguments)
    s3.put_object(Bucket="data", Key="k", Body=b"x", StorageClass="STANDARD", ACL="private")
    assert s3.get_object_tagging(Bucket="data", Key="k")["TagSet"] == []


PROMISES = [
    put_get_head_delete,
    empty_object,
    ranges,
    reading_conditions,
    create_only,
    compare_and_swap,
    checksums,
    checksum_trailer,
    wrong_checksums,
    odd_keys,
    lists,
    copies,
    many_deleted,
    buckets,
    multipart,
    multipart_aborted,
    multipart_whole_checksum,
    multipart_create_only,
    managed_transfers,
    presigned,
    presigned_as_by_default,
    wrong_secret,
    wrong_clock,
    anonymous,
    tampered_body,
    without_checksums,
    nothing_is_ignored,
]

for promise in PROMISES:
    try:
        promise()
        error = None
    except Exception:
        error = traceback.format_exc()
    print(json.dumps({"promise": promise.__name__, "error": error}), flush=True)
