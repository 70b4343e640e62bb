"""The programs that the outside clients talk to: `backproof sandbox`, `moto_server`, and `backproof` itself."""

import contextlib
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import boto3
import botocore.config
import pytest

HERE = pathlib.Path(__file__).parent
REPOSITORY = HERE.parent.parent
ACCOUNT = "111122223333"
OTHER_ACCOUNT = "444455556666"
REGION = "us-east-1"
OTHER_REGION = "eu-west-1"
START_SECONDS = 60
# What tells the tests where things are.
KEPT = ("BACKPROOF_BIN", "BACKPROOF_DEMO", "BACKPROOF_MINISTACK", "BACKPROOF_SAMPLES")

# Without a demo's folder there is nothing to open; asked for by name, that file then fails for want of tests.
collect_ignore = [] if os.environ.get("BACKPROOF_DEMO") else ["test_demo_outputs.py", "test_pack.py"]
if not {"BACKPROOF_DEMO", "BACKPROOF_SAMPLES", "SARIF_MULTITOOL"} <= os.environ.keys():
    collect_ignore.append("test_formats.py")
if "BACKPROOF_MINISTACK" not in os.environ:
    collect_ignore.append("test_third_judge.py")

# (service, operation) of every call that boto3 made to a sandbox; the last test asks whether any operation is missing.
CALLED = set()


def pytest_sessionstart(session):
    """Whatever login the person has must not leak into a test."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "BACKPROOF_")) and name not in KEPT:
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def binary():
    """The program under test: BACKPROOF_BIN, else the debug build."""
    named = os.environ.get("BACKPROOF_BIN")
    if named:
        return named
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    return str((REPOSITORY / target / "debug" / "backproof").resolve())


def fetch(url, method="GET", body=None, timeout=30):
    """One HTTP call without any AWS client."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        text = answer.read()
    return json.loads(text) if text else None


class Endpoint:
    """Something that speaks AWS on loopback."""

    def __init__(self, url):
        self.url = url

    def environment(self, account=ACCOUNT, region=REGION, **more):
        """What a program needs to talk to it, and nothing of this process's own login."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": f"AKIA{account}TEST",
            "AWS_SECRET_ACCESS_KEY": "not-a-secret",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        } | more

    def client(self, service, account=ACCOUNT, region=REGION, credentials=None, **options):
        """A boto3 client that tries once, unless the test says otherwise."""
        options.setdefault("retries", {"total_max_attempts": 1, "mode": "standard"})
        options.setdefault("connect_timeout", 10)
        options.setdefault("read_timeout", 60)
        keys = credentials or {"aws_access_key_id": f"AKIA{account}TEST", "aws_secret_access_key": "not-a-secret"}
        session = boto3.session.Session(region_name=region, **keys)
        client = session.client(service, endpoint_url=self.url, config=botocore.config.Config(**options))
        client.meta.events.register("before-call", remember)
        return client


def remember(model, **_):
    CALLED.add((model.service_model.signing_name, model.name))


class Sandbox(Endpoint):
    """`backproof sandbox`, with its control endpoints."""

    def __init__(self, printed):
        super().__init__(printed["AWS_ENDPOINT_URL"])
        self.printed = printed

    def control(self, path, method="GET", body=None):
        return fetch(f"{self.url}/_sandbox/{path}", method, body)

    def now(self):
        return self.control("clock")["now"]

    def advance(self, **time):
        units = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
        seconds = sum(units[unit] * number for unit, number in time.items())
        return self.control("clock", "POST", {"advance-seconds": seconds})["now"]

    def stats(self):
        return self.control("stats")

    @contextlib.contextmanager
    def fault(self, **fault):
        """A fault for the length of a `with`; underscores of its keys stand for hyphens."""
        self.control("faults", "POST", {key.replace("_", "-"): value for key, value in fault.items()})
        try:
            yield
        finally:
            self.control("faults", "DELETE")


@contextlib.contextmanager
def serve(world=HERE / "world.toml"):
    """Runs `backproof sandbox` until the end of the `with`; without a world: the organisation of the demo."""
    command = [binary(), "sandbox", "--port", "0", *(["--world", str(world)] if world else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = queue.Queue()
    talk = []
    readers = [
        threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True),
        threading.Thread(target=lambda: [talk.append(line) for line in process.stderr], daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        yield Sandbox(announced(process, lines, talk))
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def announced(process, lines, talk):
    """The environment that the sandbox prints when it is ready."""
    environment = {}
    end = time.monotonic() + START_SECONDS
    while not {"AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED"} <= environment.keys():
        try:
            line = lines.get(timeout=0.1)
        except queue.Empty:
            assert process.poll() is None, f"the sandbox ended with {process.returncode}: {''.join(talk)}"
            assert time.monotonic() < end, f"the sandbox did not start: {''.join(talk)}"
            continue
        name, _, value = line.removeprefix("export ").strip().partition("=")
        environment[name] = value.strip("'\"")
    return environment


@pytest.fixture(scope="module")
def sandbox():
    with serve() as running:
        yield running


@contextlib.contextmanager
def started(command, port, alive, **environment):
    """Somebody else's AWS on a loopback port, until the end of the `with`."""
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | environment
    )
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}{alive}", timeout=5).close()
                break
            assert process.poll() is None and time.monotonic() < end, f"{command[0]} did not start"
            time.sleep(0.2)
        yield Endpoint(url)
    finally:
        process.terminate()
        process.wait(timeout=10)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def moto():
    """`moto_server`, with the managed policies of AWS."""
    port = free_port()
    program = pathlib.Path(sys.executable).with_name("moto_server")
    with started([program, "-H", "127.0.0.1", "-p", port], port, "/moto-api/", MOTO_IAM_LOAD_MANAGED_POLICIES="true") as running:
        yield running


@pytest.fixture(scope="module")
def ministack(tmp_path_factory):
    """MiniStack. Left alone it listens on all addresses: here on loopback only, and in CI there is no other interface."""
    port, folder = free_port(), str(tmp_path_factory.mktemp("ministack"))
    places = {name: folder for name in ("HOME", "TMPDIR", "STATE_DIR", "S3_DATA_DIR")}
    own = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "DOCKER_HOST": "unix:///nowhere"}
    with started([os.environ["BACKPROOF_MINISTACK"]], port, "/_ministack/health", **places, **own) as running:
        assert listening(port) == {"0100007F"}, "it listens on more than loopback"
        yield running


def listening(port):
    """The addresses, as the kernel writes them, at which somebody listens to a port."""
    rows = []
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(FileNotFoundError):
            rows += pathlib.Path(name).read_text().splitlines()[1:]
    places = [(row.split()[1].split(":"), row.split()[3]) for row in rows]
    return {address for (address, number), state in places if int(number, 16) == port and state == "0A"}


@pytest.fixture
def backproof(tmp_path):
    """Runs the program against an endpoint, in an empty folder: `backproof(endpoint, "scan", "--to", "out")`."""

    def run(endpoint, *arguments, timeout=300, **environment):
        command = [binary(), *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, env=endpoint.environment(**environment), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
        )

    return run


def refused(call, *arguments, **parameters):
    """Error code and HTTP status of a call that must be refused."""
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        call(*arguments, **parameters)
    answer = refusal.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def all_pages(client, operation, key, **parameters):
    """Every row of a listing, and the number of pages that it took."""
    rows, pages = [], 0
    for page in client.get_paginator(operation).paginate(**parameters):
        rows.extend(page.get(key, []))
        pages += 1
    return rows, pages
