"""Bytes of files: compression and archives, which are known by their content."""

import gzip
import zipfile

import pytest

from fastmlp.tables import TableError, read_table

pd = pytest.importorskip("pandas")


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zip"])
def test_compressed(tmp_path, ending):
    path = tmp_path / f"table.csv.{ending}"
    pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}).to_csv(path, index=False)
    assert read_table(path)[0].to_dict("list") == {"x": ["1", "2"], "y": ["a", "b"]}


def test_what_a_file_is_by_its_content(tmp_path, write):
    """Compression and Parquet are known by the first bytes, whatever the name."""
    pyarrow = pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": [1, 2], "y": ["a", "b"]})
    frame.to_parquet(tmp_path / "t.parquet")
    content = (tmp_path / "t.parquet").read_bytes()
    for name, bytes_ in (("t.csv", content), ("t.parquet.gz", gzip.compress(content)), ("t", gzip.compress(content))):
        assert read_table(write(bytes_, name))[0].to_dict("list") == frame.to_dict("list")
    plain = b"x,y\n1,a\n2,b\n"
    zstd = pyarrow.compress(plain, codec="zstd", asbytes=True)
    for name, bytes_ in (("t.csv", gzip.compress(plain)), ("t.csv.gz", plain), ("t.csv.zst", zstd), ("t.dat", zstd)):
        assert read_table(write(bytes_, name))[0].to_dict("list") == {"x": ["1", "2"], "y": ["a", "b"]}


def test_refused_archives(tmp_path):
    for member, message in (("[Content_Types].xml", "is a workbook"), ("a.csv", "holds 2 files, and a table is one")):
        with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
            archive.writestr(member, "x,y\n1,2\n")
            archive.writestr("b.csv", "x,y\n1,2\n")
        with pytest.raises(TableError, match=message):
            read_table(tmp_path / "t.zip")
