"""The bytes of files: what is damaged is refused, and writing leaves a whole file."""

import errno
import os
import pickle
import stat
import struct

import numpy as np
import pytest
import safetensors.numpy

from fastmlp import MLPRegressor
from fastmlp.persistence import FileError, load, save, write_atomically
from tests.files import (
    Forgery,
)

# ---- damage ----------------------------------------------------------------------------------------------------------


def refused(path, content):
    path.write_bytes(content)
    with pytest.raises(FileError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_truncated_files(path, content):
    for length in (*range(0, 64), *range(64, len(content), 97), len(content) - 1):
        message = refused(path, content[:length])
        assert "truncated" in message, (length, message)
    assert "1 bytes too many" in refused(path, content + b"\0")


def test_flipped_bits(path, content):
    """Flipped are the bits of the header's ends and of the checksum, and one bit in every part of the rest."""
    at = content.index(b'"checksum"')
    header = 8 + int.from_bytes(content[:8], "little")
    places = {*range(20), *range(at, at + 80), *range(header - 12, header + 8), *range(0, len(content), 61)}
    for place in sorted(places):
        for bit in range(8) if place < 20 or at <= place < at + 80 else [place % 8]:
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            refused(path, bytes(damaged))


@pytest.mark.parametrize(
    "make",
    [
        lambda: pickle.dumps(MLPRegressor()),
        lambda: b"\x00" * 4096,
        lambda: b"\xff" * 4096,
        lambda: os.urandom(4096),
        lambda: b'{"json": true}' * 10,
        lambda: safetensors.numpy.save({"a": np.zeros(3)}),
        lambda: safetensors.numpy.save({"a": np.zeros(3)}, {"format": "pt"}),
        lambda: b"PK\x03\x04" + b"\x00" * 100,
    ],
    ids=["pickle", "zeros", "ones", "random", "JSON", "safetensors", "PyTorch", "zip"],
)
def test_other_files(path, make):
    assert "is not a file of fastmlp" in refused(path, make())


def test_what_is_no_file(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        load(path)
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    with pytest.raises(FileError, match="no regular file"):
        load("/dev/zero")


def test_newer_versions(path, content):
    forged = Forgery(content)
    forged.metadata["version"] = "2"
    assert "written by a newer fastmlp, in version 2 of the format; known is 1" in refused(path, forged.content())
    forged.metadata["version"] = "one"
    assert "damaged" in refused(path, forged.content())


def test_headers_made_to_do_harm(path, content):
    """Each header is looked through before anything of its size is made."""
    header, data = content[8 : 8 + int.from_bytes(content[:8], "little")], content[8 + len(content) :]
    for text, message in [
        (header.replace(b'"shape":[5,4]', b'"shape":[5,NaN]'), "number NaN"),
        (header.replace(b'"shape":[5,4]', b'"shape":[5,1e999]'), "number 1e999"),
        (header.replace(b'"shape":[5,4]', b'"shape":[5,4.0]'), "has the shape"),
        (header.replace(b'"shape":[5,4]', b'"shape":[5,-4]'), "has the shape"),
        (header.replace(b'"shape":[5,4]', b'"shape":[99999999,99999999]'), "does not fit its"),
        (header.replace(b'"shape":[5,4]', b'"shape":[' + b"9" * 5000 + b"]"), "header cannot be read"),
        (header.replace(b'"shape":[5,4]', b'"dtype":"F64","shape":[5,4]'), "name twice"),
        (header.replace(b'"dtype":"F64"', b'"dtype":"F80"', 1), "does not describe"),
        (header.replace(b'"data_offsets":[0,', b'"data_offsets":[1,'), "does not fit|leave something out"),
        (b"[" * 100_000, "header cannot be read"),
        (b"{}", "metadata do not say so"),
        (b"null", "metadata do not say so"),
        (b"\xff" * 10, "header cannot be read"),
        (b'{"__metadata__":{"format":"fastmlp","version":"1"}}', "metadata lack"),
    ]:
        assert text != header
        path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + len(header) :] + data)
        with pytest.raises(FileError, match=message):
            load(path)
    for length in (2**63, 2**64 - 1, 10**9, len(content) + 1, 0, 1):
        refused(path, struct.pack("<Q", length) + content[8:])


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole(path):
    write_atomically(path, [b"before"])
    seen = []

    def chunks():
        for chunk in (b"one ", b"two"):
            seen.append((path.read_bytes(), len(os.listdir(path.parent))))
            yield chunk

    write_atomically(str(path), chunks())
    assert path.read_bytes() == b"one two"
    assert seen == [(b"before", 2), (b"before", 2)]
    assert os.listdir(path.parent) == [path.name]


def failing(code):
    def fail(*arguments):
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("exists", [False, True])
def test_errors_leave_what_was_there(path, monkeypatch, call, exists):
    if exists:
        path.write_bytes(b"before")
    monkeypatch.setattr(os, call, failing(errno.ENOSPC))
    with pytest.raises(OSError, match="intact" if exists else "there is no file") as caught:
        save(MLPRegressor(), path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert str(path) in str(caught.value)
    assert os.listdir(path.parent) == ([path.name] if exists else [])
    assert not exists or path.read_bytes() == b"before"


def test_an_error_of_the_chunks_leaves_what_was_there(path):
    path.write_bytes(b"before")

    def chunks():
        yield b"after"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, chunks())
    assert path.read_bytes() == b"before"
    assert os.listdir(path.parent) == [path.name]


def test_a_file_that_may_not_be_as_large(path, script):
    assert script(f"""
            import os, resource
            from fastmlp import MLPRegressor
            path = {str(path)!r}
            small, large = MLPRegressor(max_iter=1), MLPRegressor(hidden_layer_sizes=(500, 500))
            small.save(path)
            before = open(path, "rb").read()
            large.fit([[1.0], [2.0]], [1.0, 2.0])
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
            try:
                large.save(path)
            except OSError as error:
                print(error.errno, error.filename == path, "intact" in str(error))
            print(open(path, "rb").read() == before, os.listdir(os.path.dirname(path)))
        """).splitlines()[-2:] == [f"{errno.EFBIG} True True", f"True ['{path.name}']"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file") as caught:
        save(MLPRegressor(), tmp_path / "none" / "model")
    assert caught.value.filename == str(tmp_path / "none" / "model")


def test_permissions_are_those_that_open_gives(path):
    for mask in (0o022, 0o077, 0o002):
        before = os.umask(mask)
        try:
            path.unlink(missing_ok=True)
            save(MLPRegressor(), path)
            assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
        finally:
            os.umask(before)
    path.chmod(0o640)
    save(MLPRegressor(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_links_lead_to_what_is_written(tmp_path):
    (tmp_path / "folder").mkdir()
    link, target = tmp_path / "link", tmp_path / "folder" / "target"
    link.symlink_to(target)
    save(MLPRegressor(), link)
    assert link.is_symlink()
    assert load(target).get_params() == load(link).get_params()
    assert os.listdir(tmp_path / "folder") == ["target"]


def test_what_is_no_file_stays_as_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="Not a regular file while writing; what was there is intact"):
            save(MLPRegressor(), place)
    assert os.listdir(tmp_path) == ["pipe"]


def test_long_names(tmp_path):
    save(MLPRegressor(), tmp_path / ("ö" * 127))
    load(tmp_path / ("ö" * 127))
