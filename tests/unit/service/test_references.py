"""Which references are read, and which never: paths, hosts and the addresses behind their names."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from satseek.errors import ImageTooLarge, InvalidSettings, UnsafeReference
from satseek.imagery.hosts import is_public, listed
from satseek.service.addresses import NOT_LISTED, NOT_PUBLIC, fetch_address
from satseek.service.embedding import referred
from satseek.service.references import NOT_BELOW, check_references, fetch
from satseek.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"an image"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that may be read, beside one that may not."""
    (tmp_path / "open" / "2024").mkdir(parents=True)
    (tmp_path / "open" / "2024" / "a b.tif").write_bytes(CONTENT)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_bytes(b"hidden")
    return tmp_path / "open"


def allowed(root: Path, **more: Any) -> Settings:
    return Settings(reference_roots=(root,), **more)


def test_files_below_a_folder_are_read(root: Path) -> None:
    for reference in (
        f"{root}/2024/a b.tif",
        f"file://{root}/2024/a%20b.tif",
        f"file:{root}/2024/a b.tif",
    ):
        assert CONTENT == fetch(reference, allowed(root))


def test_nothing_is_read_unless_the_settings_name_something(root: Path) -> None:
    with pytest.raises(UnsafeReference, match="reads no references"):
        fetch(f"{root}/2024/a b.tif", Settings())


@pytest.mark.parametrize(
    "path",
    [
        "{root}/../secret/key",
        "{root}/2024/../../secret/key",
        "file://{root}/%2e%2e/secret/key",
        "file://{root}/2024%2f..%2f..%2fsecret/key",
        "{root}2/key",
        "{root}",
        "{root}/",
        "{root}/2024",
        "{root}/missing.tif",
        "{root}/2024/a b.tif/x",
        "{root}/" + "x" * 300,
        "file://{root}/a%00b",
        "/etc/passwd",
        "/vsicurl/http://example.org/a.tif",
        "/vsizip/{root}/2024/a b.tif",
    ],
)
def test_what_lies_elsewhere_looks_like_what_is_not_there(root: Path, path: str) -> None:
    (root.parent / "open2").mkdir()
    (root.parent / "open2" / "key").write_bytes(b"hidden")
    with pytest.raises(UnsafeReference) as caught:
        fetch(path.format(root=root), allowed(root))
    assert NOT_BELOW == str(caught.value)


@pytest.mark.parametrize(
    "reference",
    [
        "a.tif",
        "",
        "vsicurl:x",
        "s3://bucket/a.tif",
        "ftp://h/a",
        "file://elsewhere{root}/2024/a b.tif",
        "file:2024/a b.tif?x",
        "gopher://x",
        "zip:///a!b",
        "HTTP:\\\\h\\a",
        "/a\nb",
    ],
)
def test_what_is_neither_path_nor_address_is_refused(root: Path, reference: str) -> None:
    with pytest.raises(UnsafeReference):
        fetch(reference.format(root=root), allowed(root))


def test_links_are_not_followed_on_any_step(root: Path) -> None:
    (root / "out").symlink_to(root.parent / "secret")
    (root / "key").symlink_to(root.parent / "secret" / "key")
    (root / "inside").symlink_to(root / "2024")
    for path in ("out/key", "key", "inside/a b.tif"):
        with pytest.raises(UnsafeReference) as caught:
            fetch(f"{root}/{path}", allowed(root))
        assert NOT_BELOW == str(caught.value)


def test_the_folder_itself_may_be_a_link(root: Path) -> None:
    named = root.parent / "named"
    named.symlink_to(root)
    for path in (named, root):
        assert CONTENT == fetch(f"{path}/2024/a b.tif", allowed(named))


def test_what_is_no_regular_file_is_not_opened(root: Path) -> None:
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "sock"))
        for name in ("fifo", "sock"):
            with pytest.raises(UnsafeReference):
                fetch(f"{root}/{name}", allowed(root))
    with pytest.raises(UnsafeReference):
        fetch("/dev/null", allowed(root.__class__("/dev")))


def test_a_large_file_is_refused(root: Path) -> None:
    (root / "large").write_bytes(bytes(1025))
    (root / "fits").write_bytes(bytes(1024))
    settings = allowed(root, max_upload_bytes=1024)
    assert bytes(1024) == fetch(f"{root}/fits", settings)
    with pytest.raises(ImageTooLarge):
        fetch(f"{root}/large", settings)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07::1", True),
        ("64:ff9b::5db8:d70e", True),  # RFC 6052 around a public address
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("100.100.100.200", False),
        ("0.0.0.0", False),  # noqa: S104 (refused)
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("192.0.0.192", False),
        ("::", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:7f00:1::", False),  # 6to4 around 127.0.0.1
        ("2001:0:5db8:d70e::1", False),  # Teredo
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:  # noqa: FBT001
    assert public == is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "http://other.example/a",
        "http://imagery.example:81/a",
        "https://imagery.example:80/a",
        "http://user@imagery.example/a",
        "http://imagery.example@other.example/a",
        "http://imagery.example\\@other.example/a",
        "http://imagery.example:x/a",
        "http://2130706433/a",
        "http://0x7f000001/a",
        "http:///a",
        "http://[::1/a",
        "http://imagery.example.other/a",
        "http://xn--imagery.example/a",
        "http://ımagery.example/a",
    ],
)
def test_only_listed_hosts_are_asked(address: str) -> None:
    with pytest.raises(UnsafeReference) as caught:
        fetch_address(address, hosts=["imagery.example"], max_bytes=9)
    assert NOT_LISTED == str(caught.value)


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("localhost", "http://localhost/a"),  # a name must be public unless a network is given
        ("localhost=10.0.0.0/8", "http://localhost/a"),
        ("169.254.169.254", "http://169.254.169.254/latest/meta-data/"),
        ("169.254.169.254=0.0.0.0/0", "http://169.254.169.254/"),
        ("[fe80::1]", "http://[fe80::1]/"),
        ("[::ffff:169.254.169.254]", "http://[::ffff:169.254.169.254]/"),
        ("[::]", "http://[::]/"),
    ],
)
def test_addresses_behind_listed_names_are_checked(entry: str, address: str) -> None:
    with pytest.raises(UnsafeReference) as caught:
        fetch_address(address, hosts=[entry], max_bytes=9)
    assert NOT_PUBLIC == str(caught.value)


@pytest.mark.parametrize(
    "entry", ["", "a b=c", "h=nowhere", "h=10.0.0.1/8", "h:x", "http://h", "=::/0"]
)
def test_entries_that_make_no_sense_are_refused_at_the_start(entry: str) -> None:
    with pytest.raises(InvalidSettings):
        check_references(Settings(reference_hosts=(entry,)))


def test_entries_are_read() -> None:
    one = listed("Minio.Internal:9000=10.0.0.0/8")
    assert ("minio.internal", 9000, "10.0.0.0/8") == (one.host, one.port, str(one.network))
    assert ipaddress.ip_network("::1/128") == listed("[::1]:8080").network
    assert listed("imagery.example").network is None


def test_references_together_are_no_larger_than_an_upload(root: Path) -> None:
    settings = allowed(root, max_upload_bytes=100_000)
    (root / "large.tif").write_bytes(b"x" * 40_000)
    reference = str(root / "large.tif")
    assert [40_000] * 2 == [len(one) for one in referred([reference] * 2, settings)]
    with pytest.raises(ImageTooLarge, match="at most 100000 bytes together"):
        referred([reference] * 3, settings)
