from datetime import UTC, datetime

import pytest
from cryptography import x509

from hlm.core.errors import StorageError
from hlm.teleop.web.certificate import tls_context

NAMES = {"localhost", "127.0.0.1", "::1", "robot-lab"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "web_certificate.pem"


def names_in(path):
    names = x509.load_pem_x509_certificate(path.read_bytes()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return {
        *names.value.get_values_for_type(x509.DNSName),
        *map(str, names.value.get_values_for_type(x509.IPAddress)),
    }


def test_it_is_kept_so_that_it_is_accepted_once(path):
    tls_context(NAMES, path.parent)
    first = path.read_bytes()
    tls_context({"localhost"}, path.parent)
    assert path.read_bytes() == first
    assert names_in(path) == NAMES


def test_only_the_user_can_read_it(path):
    tls_context(NAMES, path.parent)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_new_name_makes_a_new_one_that_knows_the_old_names_too(path):
    tls_context({"localhost"}, path.parent)
    tls_context({"192.168.1.7"}, path.parent)
    assert names_in(path) == {"localhost", "192.168.1.7"}


def test_it_is_accepted_now_and_not_for_ever(path):
    tls_context(NAMES, path.parent)
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    assert certificate.not_valid_before_utc < datetime.now(UTC)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 825


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:100], lambda data: data[data.index(b"-----B") + 300 :]]
)
def test_a_damaged_one_is_made_anew(path, damage):
    tls_context(NAMES, path.parent)
    path.write_bytes(damage(path.read_bytes()))
    tls_context(NAMES, path.parent)
    assert names_in(path) == NAMES


def test_a_folder_that_cannot_be_written_is_one_line(path, unwritable):
    path.parent.mkdir()
    with unwritable(path.parent), pytest.raises(StorageError, match=r"could not write .*web_certificate\.pem"):
        tls_context(NAMES, path.parent)
