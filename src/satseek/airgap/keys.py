"""A key → a signature, a yes or no, a fingerprint: the only file that knows the algorithm.

Ed25519 (RFC 8032) in the files that OpenSSL reads, so that whoever installs needs openssl alone:
``openssl pkeyutl -verify -rawin``.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from satseek.errors import Conflict, DamagedData, DependencyMissing, FolderNotFound, NotFound

if TYPE_CHECKING:
    from pathlib import Path

PUBLIC_SUFFIX = ".pub"


def make_keys(file: Path) -> str:
    """Write a new private key, for its owner's eyes alone, and the public one to ``FILE.pub``.

    Returns:
        The fingerprint of the public key.

    Raises:
        Conflict: one of the files is there: what was signed with it could never be checked again.
        FolderNotFound: there is no folder to write into.
        DependencyMissing: without cryptography (extra auth).
    """
    serialization, ed25519, _ = _cryptography()
    public_file = public_beside(file)
    for one in (file, public_file):
        if one.exists():
            raise Conflict(f"{one}: expected no file there yet; a key is never replaced")
    if not file.parent.is_dir():
        raise FolderNotFound(f"{file.parent}: expected a folder to write {file.name} into")
    key = ed25519.Ed25519PrivateKey.generate()
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(private)
    public_file.write_bytes(public)
    return fingerprint(public, where=public_file)


def public_beside(file: Path) -> Path:
    """Where the public half of a private key's file lies."""
    return file.with_name(file.name + PUBLIC_SUFFIX)


def sign(content: bytes, key: Path) -> tuple[bytes, bytes]:
    """Sign bytes.

    Returns:
        The signature, 64 bytes, and the public key in PEM.

    Raises:
        NotFound: there is no such file.
        DamagedData: it is no private key of Ed25519 without a passphrase.
        DependencyMissing: without cryptography (extra auth).
    """
    serialization, ed25519, _ = _cryptography()
    text = _read(key)
    try:
        private = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError) as error:  # TypeError: it has a passphrase
        raise DamagedData(f"{key}: expected a private key without passphrase: {error}") from error
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise DamagedData(f"{key}: expected a key of Ed25519, such as `satseek bundle key` makes")
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.sign(content), public


def is_signed(content: bytes, signature: bytes, key: Path) -> bool:
    """Whether a public key's owner signed exactly these bytes.

    Raises:
        NotFound: there is no such file.
        DamagedData: it is no public key of Ed25519.
        DependencyMissing: without cryptography (extra auth).
    """
    _, _, is_another_s = _cryptography()
    try:
        _public(_read(key), where=key).verify(signature, content)
    except is_another_s:
        return False
    return True


def fingerprint_of(key: Path) -> str:
    """Read a public key's file and give its fingerprint.

    Raises:
        NotFound: there is no such file.
        DamagedData: it is no public key of Ed25519.
        DependencyMissing: without cryptography (extra auth).
    """
    return fingerprint(_read(key), where=key)


def fingerprint(public: bytes, *, where: Path) -> str:
    """SHA-256 of a public key's SubjectPublicKeyInfo, 64 hex digits.

    The same as ``openssl pkey -pubin -in KEY -outform DER | sha256sum``.

    Args:
        public: In PEM.
        where: The file that an error names.

    Raises:
        DamagedData: it is no public key of Ed25519.
    """
    serialization, _, _ = _cryptography()
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    content = _public(public, where=where).public_bytes(serialization.Encoding.DER, spki)
    return hashlib.sha256(content).hexdigest()


def _public(text: bytes, *, where: Path) -> Any:
    serialization, ed25519, _ = _cryptography()
    try:
        key = serialization.load_pem_public_key(text)
    except ValueError as error:
        raise DamagedData(f"{where}: expected a public key in PEM: {error}") from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise DamagedData(f"{where}: expected a public key of Ed25519")
    return key


def _read(file: Path) -> bytes:
    if not file.is_file():
        raise NotFound(f"{file}: expected a key's file, found none")
    return file.read_bytes()


def _cryptography() -> tuple[Any, Any, type[Exception]]:
    """What writes keys, the algorithm, and what it raises of a signature that is another's."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 (an extra)
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 (an extra)
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    except ImportError as error:
        raise DependencyMissing(
            "keys and signatures need cryptography: pip install 'satseek[auth]'"
        ) from error
    return serialization, ed25519, InvalidSignature
