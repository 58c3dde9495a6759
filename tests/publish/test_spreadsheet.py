"""Real spreadsheet programs read what we write, and find no formula in it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from abm_scoring.publish.csv_out import write_csv
from abm_scoring.publish.words import Words
from abm_scoring.publish.xlsx_out import write_xlsx
from tests.publish.injections import FORMULAS
from tests.publish.lists import make_list

_GNUMERIC, _LIBREOFFICE = shutil.which("ssconvert"), shutil.which("soffice") or shutil.which("libreoffice")


def flat_ods(path: Path, folder: Path) -> str:
    """The file as a spreadsheet program understood it, with formulas where it saw them."""
    if _LIBREOFFICE:
        profile = f"-env:UserInstallation=file://{folder}/profile"
        command = [_LIBREOFFICE, profile, "--headless", "--convert-to", "fods", "--outdir", str(folder), str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return path.with_suffix(".fods").read_text(encoding="utf-8")
    if _GNUMERIC:
        out = folder / "read.gnumeric.xml"
        command = [_GNUMERIC, "--export-type=Gnumeric_XmlIO:sax:0", str(path), str(out)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return out.read_text(encoding="utf-8")
    pytest.skip("no spreadsheet program: apt-get install gnumeric, or libreoffice-calc")


def formulas(xml: str) -> list[str]:
    """Formulas of a flat OpenDocument file, or of Gnumeric's, whose text cells have a value type and formulas none."""
    of_libreoffice = re.findall(r'table:formula="[^"]*"', xml)
    of_gnumeric = [c for c in re.findall(r"<gnm:Cell [^>]*>[^<]*", xml) if "ValueType" not in c]
    return of_libreoffice + of_gnumeric


@pytest.fixture(scope="module")
def hostile() -> pd.DataFrame:
    published, _ = make_list(len(FORMULAS))
    texts = [c for c in published if published[c].dtype == object or pd.api.types.is_string_dtype(published[c].dtype)]
    return published.assign(**dict.fromkeys(texts, FORMULAS), **{"=1+1": list(FORMULAS)})


def test_the_probe_sees_a_formula(tmp_path: Path) -> None:
    (tmp_path / "live.csv").write_text("a,b\n=1+1,x\n2,y\n", encoding="utf-8")
    assert len(formulas(flat_ods(tmp_path / "live.csv", tmp_path))) == 1


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_the_csv_holds_no_formula(delimiter: str, hostile: pd.DataFrame, tmp_path: Path) -> None:
    write_csv(hostile, tmp_path / "list.csv", delimiter=delimiter)
    xml = flat_ods(tmp_path / "list.csv", tmp_path)
    assert "HYPERLINK" in xml, "the texts were read"
    assert formulas(xml) == []


def test_the_workbook_holds_no_formula(hostile: pd.DataFrame, tmp_path: Path) -> None:
    write_xlsx(hostile, tmp_path / "list.xlsx", Words("en"))
    xml = flat_ods(tmp_path / "list.xlsx", tmp_path)
    assert "HYPERLINK" in xml
    assert formulas(xml) == []
