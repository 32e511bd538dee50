from pathlib import Path
from zipfile import Path as ZipPath
from zipfile import ZipFile

from customer_mart import __version__
from customer_mart.fingerprint import fingerprint, package_version

# printf 'a.py 2\n1\nbelow/b.yml 2\n2\n' | sha256sum
OF_TWO_FILES = "c3176f4b3f06"


def _package(folder: Path) -> Path:
    (folder / "below").mkdir(parents=True)
    (folder / "a.py").write_bytes(b"1\n")
    (folder / "below" / "b.yml").write_bytes(b"2\n")
    return folder


def test_the_hash_is_of_code_and_contracts_with_their_names(tmp_path: Path) -> None:
    package = _package(tmp_path / "package")
    assert fingerprint(package) == OF_TWO_FILES
    (package / "a.pyc").write_bytes(b"compiled")
    assert fingerprint(package) == OF_TWO_FILES
    (package / "a.py").rename(package / "c.py")
    assert fingerprint(package) != OF_TWO_FILES


def test_a_zip_has_the_hash_of_its_files(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "package.zip", "w") as zipped:
        # In another order.
        zipped.writestr("package/below/b.yml", b"2\n")
        zipped.writestr("package/a.py", b"1\n")
    assert fingerprint(ZipPath(tmp_path / "package.zip", "package/")) == OF_TWO_FILES


def test_the_packages_version_says_which_code_it_is() -> None:
    version, _, code = package_version().partition("+")
    assert version == __version__
    assert len(code) == 12
    assert set(code) <= set("0123456789abcdef")
