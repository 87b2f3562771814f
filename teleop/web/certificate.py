"""A certificate that this machine makes for itself, since no authority vouches for addresses of a local network."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_state_path

from hlm.core.files import storage_errors
from hlm.teleop.web.network import is_address

if TYPE_CHECKING:
    from cryptography import x509

# Apple's devices accept no certificate that is valid for longer.
_VALID = timedelta(days=825)
# Clocks of headsets are not always right.
_VALID_BEFORE = timedelta(days=1)
_RENEWED_BEFORE_END = timedelta(days=7)


def tls_context(names: Collection[str], folder: Path | None = None) -> ssl.SSLContext:
    """What a server needs to speak HTTPS.

    The certificate is kept and used again, so that a browser has to be told only once that it is right. A new one is
    made when it ends, or when a name is missing.

    Args:
        names: names and addresses that it vouches for.
        folder: where key and certificate are kept, readable by the user alone; `hlm` in the user's state folder by
            default, which is `$XDG_STATE_HOME` on Linux.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = (user_state_path("hlm") if folder is None else folder) / "web_certificate.pem"
    now = datetime.now(UTC)
    known = _read(path)
    if known is None or known.not_valid_after_utc < now + _RENEWED_BEFORE_END or not set(names) <= _names(known):
        _make(path, {*names, *(_names(known) if known else ())}, now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with storage_errors("read", path):
        context.load_cert_chain(path)
    return context


def _read(path: Path) -> x509.Certificate | None:
    """The certificate in a file with a key; None where there is none that can be used."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        data = path.read_bytes()
        certificate = x509.load_pem_x509_certificate(data)
        fits = load_pem_private_key(data, None).public_key() == certificate.public_key()
    except (OSError, ValueError, TypeError):
        return None
    return certificate if fits else None


def _names(certificate: x509.Certificate) -> set[str]:
    from cryptography import x509

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}


def _make(path: Path, names: Collection[str], now: datetime) -> None:
    """Write a new key and its certificate to one file, so that they always fit each other."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hlm on this machine")])
    entries = [x509.IPAddress(ip_address(name)) if is_address(name) else x509.DNSName(name) for name in sorted(names)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID_BEFORE)
        .not_valid_after(now - _VALID_BEFORE + _VALID)
        .add_extension(x509.SubjectAlternativeName(entries), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_secret(path, secret + certificate.public_bytes(serialization.Encoding.PEM))


def _write_secret(path: Path, data: bytes) -> None:
    """Write a file that nobody but the user can read at any moment."""
    with storage_errors("write", path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # with mode 600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
