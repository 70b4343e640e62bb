"""S3 of the sandbox, every operation, parsed and verified by boto3."""

import base64
import datetime
import hashlib
import http.client
import io
import urllib.parse
import zlib

import pytest

from conftest import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, all_pages, refused

EVIL_KEYS = [
    'a b+c%25&d=e?f#g/"quoted",comma;semi',
    "=cmd()|'x'",
    "über/日本/🙂",
    "\u202eright-to-left",
    "a//b/",
    "x" * 1000,
]


@pytest.fixture(scope="module")
def s3(sandbox):
    return sandbox.client("s3")


@pytest.fixture
def bucket(s3, request):
    name = request.node.name.lower().replace("_", "-").replace("[", ".").replace("]", "")[:60].strip("-.")
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def locked(s3, request):
    name = request.node.name.lower().replace("_", "-")[:50] + "-locked"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def clock(sandbox):
    return datetime.datetime.fromisoformat(sandbox.now())


def test_buckets_have_an_owner_and_a_region(sandbox, s3):
    far = sandbox.client("s3", region=OTHER_REGION)
    s3.create_bucket(Bucket="near-bucket")
    far.create_bucket(Bucket="far-bucket", CreateBucketConfiguration={"LocationConstraint": OTHER_REGION})
    assert refused(far.create_bucket, Bucket="third-bucket") == ("IllegalLocationConstraintException", 400)
    assert refused(
        far.create_bucket, Bucket="far-bucket", CreateBucketConfiguration={"LocationConstraint": OTHER_REGION}
    ) == ("BucketAlreadyOwnedByYou", 409)
    other = sandbox.client("s3", account=OTHER_ACCOUNT)
    assert refused(other.create_bucket, Bucket="near-bucket") == ("BucketAlreadyExists", 409)
    assert refused(other.head_bucket, Bucket="near-bucket") == ("403", 403)
    assert refused(other.list_objects_v2, Bucket="near-bucket") == ("AccessDenied", 403)
    assert refused(s3.head_bucket, Bucket="no-such-bucket") == ("404", 404)
    head = s3.head_bucket(Bucket="near-bucket")
    assert head["BucketRegion"] == REGION
    assert s3.get_bucket_location(Bucket="near-bucket")["LocationConstraint"] is None
    assert far.get_bucket_location(Bucket="far-bucket")["LocationConstraint"] == OTHER_REGION
    names = {entry["Name"]: entry["BucketRegion"] for entry in s3.list_buckets()["Buckets"]}
    assert names["near-bucket"] == REGION and names["far-bucket"] == OTHER_REGION
    rows, pages = all_pages(s3, "list_buckets", "Buckets", PaginationConfig={"PageSize": 1})
    assert {row["Name"] for row in rows} == set(names) and pages >= len(names)
    assert other.list_buckets()["Buckets"] == []
    assert refused(s3.head_bucket, Bucket="near-bucket", ExpectedBucketOwner=OTHER_ACCOUNT) == ("403", 403)
    s3.delete_bucket(Bucket="near-bucket")
    assert refused(s3.delete_bucket, Bucket="near-bucket") == ("NoSuchBucket", 404)
    far.delete_bucket(Bucket="far-bucket")


def test_a_client_in_the_wrong_region_is_sent_to_the_right_one(sandbox):
    far = sandbox.client("s3", region=OTHER_REGION)
    far.create_bucket(Bucket="moved-bucket", CreateBucketConfiguration={"LocationConstraint": OTHER_REGION})
    answer, _ = raw(sandbox, "HEAD", "/moved-bucket")
    assert answer.status == 301 and answer.getheader("x-amz-bucket-region") == OTHER_REGION
    near = sandbox.client("s3", region=REGION)
    near.put_object(Bucket="moved-bucket", Key="k", Body=b"found")  # botocore follows the redirect by itself
    assert near.get_object(Bucket="moved-bucket", Key="k")["Body"].read() == b"found"


def raw(sandbox, method, path, headers=None, body=None, account=ACCOUNT, region=REGION):
    """A request that no SDK would send; the sandbox reads the caller from the credential scope and nothing else."""
    scope = f"AWS4-HMAC-SHA256 Credential=AKIA{account}/20261101/{region}/s3/aws4_request, SignedHeaders=host, Signature=0"
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(sandbox.url).netloc, timeout=30)
    connection.request(method, path, body=body, headers={"authorization": scope} | (headers or {}))
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer, text


def test_settings_of_a_bucket(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}]
        },
    )
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms" and rule["BucketKeyEnabled"] is True
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert put["ServerSideEncryption"] == "aws:kms" and put["SSEKMSKeyId"].startswith("arn:aws:kms:")
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert set(block.values()) == {True} and len(block) == 4
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block["BlockPublicAcls"] is True and block["RestrictPublicBuckets"] is False
    s3.delete_public_access_block(Bucket=bucket)
    assert refused(s3.get_public_access_block, Bucket=bucket) == ("NoSuchPublicAccessBlockConfiguration", 404)
    assert refused(s3.get_bucket_policy_status, Bucket=bucket) == ("NoSuchBucketPolicy", 404)
    assert refused(s3.get_bucket_policy, Bucket=bucket) == ("NoSuchBucketPolicy", 404)
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == ("NoSuchLifecycleConfiguration", 404)
    assert refused(s3.get_object_lock_configuration, Bucket=bucket) == ("ObjectLockConfigurationNotFoundError", 404)
    assert refused(s3.get_bucket_acl, Bucket=bucket) == ("NotImplemented", 501)


def test_objects_come_back_as_they_went_in(s3, bucket):
    body = bytes(range(256)) * 40
    put = s3.put_object(
        Bucket=bucket,
        Key="report.pdf",
        Body=body,
        ContentType="application/pdf",
        CacheControl="no-store",
        ContentDisposition="attachment",
        Metadata={"scan": "42", "Mixed-Case": "Value"},
        Tagging="a=b&c=d%20e",
    )
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    get = s3.get_object(Bucket=bucket, Key="report.pdf")
    assert get["Body"].read() == body and get["ContentLength"] == len(body)
    assert get["ContentType"] == "application/pdf" and get["CacheControl"] == "no-store"
    assert get["Metadata"] == {"scan": "42", "mixed-case": "Value"} and get["TagCount"] == 2
    head = s3.head_object(Bucket=bucket, Key="report.pdf")
    assert head["ContentLength"] == len(body) and head["ETag"] == put["ETag"]
    assert head["ServerSideEncryption"] == "AES256"
    part = s3.get_object(Bucket=bucket, Key="report.pdf", Range="bytes=10-19")
    assert part["Body"].read() == body[10:20] and part["ContentRange"] == f"bytes 10-19/{len(body)}"
    assert refused(s3.get_object, Bucket=bucket, Key="report.pdf", Range=f"bytes={len(body)}-") == ("InvalidRange", 416)
    assert refused(s3.get_object, Bucket=bucket, Key="report.pdf", IfMatch='"no"') == ("PreconditionFailed", 412)
    assert refused(s3.get_object, Bucket=bucket, Key="report.pdf", IfNoneMatch=put["ETag"]) == ("304", 304)
    assert refused(s3.get_object, Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    assert refused(s3.head_object, Bucket=bucket, Key="none") == ("404", 404)
    typed = s3.get_object(Bucket=bucket, Key="report.pdf", ResponseContentType="text/plain")
    assert typed["ContentType"] == "text/plain"


def test_tags_of_objects(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="a=1")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "1"}]
    tags = [{"Key": "x&y", "Value": "<z>"}, {"Key": "ü", "Value": ""}]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3, bucket, algorithm):
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(b"evidence"), ChecksumAlgorithm=algorithm)
    assert put["ChecksumType"] == "FULL_OBJECT" and put[member]
    get = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert get[member] == put[member]
    assert get["Body"].read() == b"evidence"  # botocore verifies the checksum while it reads
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[member] == put[member]
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"]
    )
    assert attributes["Checksum"][member] == put[member] and attributes["ObjectSize"] == 8
    assert attributes["ETag"] == hashlib.md5(b"evidence").hexdigest()
    wrong = {member: base64.b64encode(bytes(len(base64.b64decode(put[member])))).decode()}
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"evidence", **wrong) == ("BadDigest", 400)
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"other", ContentMD5="XUFAKrxLKna5cZ2REBfFkg==") == ("BadDigest", 400)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"evidence"


def test_a_trailing_checksum_is_decoded_and_verified(sandbox, s3, bucket):
    data = b"hello " * 1000
    crc = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": str(len(data)),
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-sdk-checksum-algorithm": "CRC32",
    }

    def send(trailer):
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (data[:100], data[100:]))
        body = chunks + b"0\r\n" + trailer + b"\r\n"
        return raw(sandbox, "PUT", f"/{bucket}/k", headers, body)

    answer, text = send(b"x-amz-checksum-crc32:AAAAAA==\r\n")
    assert answer.status == 400 and b"<Code>BadDigest</Code>" in text
    answer, text = send(b"")
    assert answer.status == 400 and b"<Code>MalformedTrailerError</Code>" in text
    answer, text = send(f"x-amz-checksum-crc32:{crc}\r\n".encode())
    assert answer.status == 200, text
    get = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert get["Body"].read() == data and get["ChecksumCRC32"] == crc and "ContentEncoding" not in get


def test_nothing_is_overwritten_under_if_none_match(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"one", IfNoneMatch="*")
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"two", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"two", IfMatch='"no"') == ("PreconditionFailed", 412)
    s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfMatch=etag)


def test_versions(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = [s3.put_object(Bucket=bucket, Key="k", Body=str(n).encode())["VersionId"] for n in range(3)]
    assert len(set(versions)) == 3
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)
    assert refused(s3.get_object, Bucket=bucket, Key="k", VersionId=marker["VersionId"]) == ("MethodNotAllowed", 405)
    assert refused(s3.get_object, Bucket=bucket, Key="k", VersionId="none") == ("NoSuchVersion", 404)
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=versions[1])["Body"].read() == b"1"
    listed, pages = all_pages(s3, "list_object_versions", "Versions", Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [row["VersionId"] for row in listed] == versions[::-1] and pages == 2
    markers = s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]
    assert [(row["VersionId"], row["IsLatest"]) for row in markers] == [(marker["VersionId"], True)]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    assert refused(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)


def test_listings_page_to_the_end(s3, bucket):
    keys = sorted(f"{folder}/{n:04}" for folder in ("a", "b", "c") for n in range(450))
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for operation in ("list_objects_v2", "list_objects"):
        rows, pages = all_pages(s3, operation, "Contents", Bucket=bucket)
        assert [row["Key"] for row in rows] == keys and pages == 2
        rows, pages = all_pages(s3, operation, "Contents", Bucket=bucket, Prefix="b/", PaginationConfig={"PageSize": 100})
        assert [row["Key"] for row in rows] == [key for key in keys if key.startswith("b/")] and pages == 5
        folders, pages = all_pages(s3, operation, "CommonPrefixes", Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
        assert [row["Prefix"] for row in folders] == ["a/", "b/", "c/"] and pages == 3
    assert s3.list_objects_v2(Bucket=bucket, StartAfter="c/0447")["KeyCount"] == 2
    owner = s3.list_objects_v2(Bucket=bucket, MaxKeys=1, FetchOwner=True)["Contents"][0]["Owner"]["ID"]
    assert owner == s3.list_buckets()["Owner"]["ID"]
    assert refused(s3.list_objects_v2, Bucket=bucket, ContinuationToken="nonsense") == ("InvalidArgument", 400)
    for start in range(0, len(keys), 1000):
        batch = [{"Key": key} for key in keys[start : start + 1000]]
        assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": batch})["Deleted"]) == len(batch)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("encoding", ["url", None])
def test_keys_of_any_text(s3, bucket, encoding):
    for key in EVIL_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    options = {"EncodingType": "url"} if encoding else {}
    listed = [row["Key"] for row in s3.list_objects_v2(Bucket=bucket, **options)["Contents"]]
    if encoding:  # asked for by hand, boto3 leaves the decoding to the caller
        listed = [urllib.parse.unquote_plus(key) for key in listed]
    assert listed == sorted(EVIL_KEYS, key=lambda key: key.encode())
    assert refused(s3.put_object, Bucket=bucket, Key="x" * 1025, Body=b"") == ("KeyTooLongError", 400)


def test_object_lock(sandbox, s3, locked):
    now = clock(sandbox)
    until = (now + datetime.timedelta(days=30)).replace(microsecond=0)
    configuration = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert configuration == {"ObjectLockEnabled": "Enabled"}
    put = s3.put_object(Bucket=locked, Key="k", Body=b"evidence", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    version = {"Bucket": locked, "Key": "k", "VersionId": put["VersionId"]}
    head = s3.head_object(Bucket=locked, Key="k")
    assert head["ObjectLockMode"] == "COMPLIANCE" and head["ObjectLockRetainUntilDate"] == until
    assert refused(s3.delete_object, **version) == ("AccessDenied", 403)
    assert refused(s3.delete_object, **version, BypassGovernanceRetention=True) == ("AccessDenied", 403)
    batch = s3.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "k", "VersionId": put["VersionId"]}]})
    assert batch["Errors"][0]["Code"] == "AccessDenied" and "Deleted" not in batch
    assert s3.get_object_retention(**version)["Retention"] == {"Mode": "COMPLIANCE", "RetainUntilDate": until}
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": until - datetime.timedelta(days=1)}
    assert refused(s3.put_object_retention, **version, Retention=sooner) == ("AccessDenied", 403)
    later = {"Mode": "COMPLIANCE", "RetainUntilDate": until + datetime.timedelta(days=1)}
    s3.put_object_retention(**version, Retention=later)
    assert s3.get_object_retention(**version)["Retention"] == later
    assert refused(s3.get_object_legal_hold, **version) == ("NoSuchObjectLockConfiguration", 404)
    s3.put_object_legal_hold(**version, LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(**version)["LegalHold"] == {"Status": "ON"}
    suspend = {"Status": "Suspended"}
    assert refused(s3.put_bucket_versioning, Bucket=locked, VersioningConfiguration=suspend) == ("InvalidBucketState", 409)
    default = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 7}}}
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=default)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == default
    governed = s3.put_object(Bucket=locked, Key="governed", Body=b"x")["VersionId"]
    head = s3.head_object(Bucket=locked, Key="governed")
    assert head["ObjectLockMode"] == "GOVERNANCE" and head["ObjectLockRetainUntilDate"] > now + datetime.timedelta(days=6)
    assert refused(s3.delete_object, Bucket=locked, Key="governed", VersionId=governed) == ("AccessDenied", 403)
    s3.delete_object(Bucket=locked, Key="governed", VersionId=governed, BypassGovernanceRetention=True)
    past = now - datetime.timedelta(days=1)
    assert refused(
        s3.put_object, Bucket=locked, Key="k2", Body=b"", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=past
    ) == ("InvalidArgument", 400)


def test_locks_need_a_bucket_with_object_lock(sandbox, s3, bucket):
    until = clock(sandbox) + datetime.timedelta(days=1)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", **lock) == ("InvalidRequest", 400)
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert refused(s3.get_object_retention, Bucket=bucket, Key="k") == ("InvalidRequest", 400)
    assert refused(s3.put_object_legal_hold, Bucket=bucket, Key="k", LegalHold={"Status": "ON"}) == ("InvalidRequest", 400)


def test_copies(sandbox, s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"evidence", Metadata={"m": "1"}, Tagging="t=1")
    copy = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a b/ü"})
    assert copy["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"evidence").hexdigest()}"'
    get = s3.get_object(Bucket=bucket, Key="copy")
    assert get["Body"].read() == b"evidence" and get["Metadata"] == {"m": "1"} and get["TagCount"] == 1
    source = {"Bucket": bucket, "Key": "copy"}
    assert refused(s3.copy_object, Bucket=bucket, Key="copy", CopySource=source) == ("InvalidRequest", 400)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"})
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"n": "2"}
    assert refused(s3.copy_object, Bucket=bucket, Key="x", CopySource={"Bucket": bucket, "Key": "none"}) == ("NoSuchKey", 404)
    other = sandbox.client("s3", account=OTHER_ACCOUNT)
    other.create_bucket(Bucket="thief-bucket")
    assert refused(other.copy_object, Bucket="thief-bucket", Key="k", CopySource=source) == ("AccessDenied", 403)


def test_multipart_uploads(s3, bucket):
    first, last = b"x" * (5 * 1024 * 1024), b"tail"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big", ChecksumAlgorithm="SHA256", Metadata={"m": "1"})
    named = {"Bucket": bucket, "Key": "big", "UploadId": upload["UploadId"]}
    parts = [
        s3.upload_part(**named, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256") for number, body in ((1, first), (2, last))
    ]
    assert [row["UploadId"] for row in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload["UploadId"]]
    listed, pages = all_pages(s3, "list_parts", "Parts", **named, PaginationConfig={"PageSize": 1})
    assert [row["Size"] for row in listed] == [len(first), 4] and pages == 2
    chosen = [
        {"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]} for number, part in enumerate(parts, 1)
    ]
    assert refused(s3.complete_multipart_upload, **named, MultipartUpload={"Parts": chosen[::-1]}) == ("InvalidPartOrder", 400)
    bad = [chosen[0], chosen[1] | {"ETag": '"no"'}]
    assert refused(s3.complete_multipart_upload, **named, MultipartUpload={"Parts": bad}) == ("InvalidPart", 400)
    done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": chosen}, IfNoneMatch="*")
    digests = b"".join(hashlib.sha256(body).digest() for body in (first, last))
    assert done["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(digests).digest()).decode() + "-2"
    md5s = b"".join(hashlib.md5(body).digest() for body in (first, last))
    assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-2"'
    get = s3.get_object(Bucket=bucket, Key="big")
    assert get["Body"].read() == first + last and get["Metadata"] == {"m": "1"}
    assert s3.get_object(Bucket=bucket, Key="big", PartNumber=2)["Body"].read() == last
    assert refused(s3.complete_multipart_upload, **named, MultipartUpload={"Parts": chosen}) == ("NoSuchUpload", 404)
    again = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    named = {"Bucket": bucket, "Key": "big", "UploadId": again}
    part = {"PartNumber": 1, "ETag": s3.upload_part(**named, PartNumber=1, Body=b"new")["ETag"]}
    completed = {"MultipartUpload": {"Parts": [part]}, "IfNoneMatch": "*"}
    assert refused(s3.complete_multipart_upload, **named, **completed) == ("PreconditionFailed", 412)
    s3.abort_multipart_upload(**named)
    assert refused(s3.list_parts, **named) == ("NoSuchUpload", 404)


def test_the_transfer_manager_splits_and_joins(s3, bucket, tmp_path):
    data = bytes(range(256)) * (9 * 4096)  # 9 MiB: more than one part
    s3.upload_fileobj(io.BytesIO(data), bucket, "big")
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-2"')
    s3.download_file(bucket, "big", str(tmp_path / "big"))
    assert (tmp_path / "big").read_bytes() == data


def test_presigned_addresses(sandbox, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"evidence")
    address = sandbox.client("s3", signature_version="s3v4").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    parts = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"evidence")
    connection.close()
