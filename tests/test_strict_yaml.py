from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm_scoring.errors import AbmError, AccessError, ConfigError, MissingInputError
from abm_scoring.strict_yaml import MAX_BYTES, MAX_DEPTH, Items, Keys, Node, Scalar, parse, read


def value_of(text: str) -> object:
    node = parse(f"key: {text}", "x.yaml")
    assert isinstance(node, Keys)
    scalar = node.nodes["key"]
    assert isinstance(scalar, Scalar)
    return scalar.value


@pytest.mark.fault(51)
@pytest.mark.parametrize(
    "text", ["NO", "no", "yes", "on", "off", "True", "TRUE", "False", "y", "NULL", "None", "Null", "NA", "nan"]
)
def test_words_that_other_readers_take_for_booleans_or_null_stay_text(text: str) -> None:
    assert value_of(text) == text


@pytest.mark.fault(51)
@pytest.mark.parametrize(
    "text", ["00123", "-007", "12:30", "1:2:3", "2026-01-31", "2026-01-31T06:00:00Z", "1_000", "0x1F", "0o17", "1e999"]
)
def test_ids_times_and_dates_stay_text(text: str) -> None:
    assert value_of(text) == text


def test_a_run_of_digits_too_long_for_a_quantity_stays_text() -> None:
    assert value_of("9" * 18) == int("9" * 18)
    assert value_of("9" * 19) == "9" * 19


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-5", -5),
        ("+5", 5),
        ("0.05", 0.05),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("'5'", "5"),
        ('"true"', "true"),
        ('""', ""),
    ],
)
def test_numbers_booleans_and_null_are_read(text: str, value: object) -> None:
    read_value = value_of(text)
    assert read_value == value
    assert type(read_value) is type(value)


def test_the_text_is_remembered_as_written() -> None:
    node = parse("key: 1.50", "x.yaml")
    assert isinstance(node, Keys)
    assert node.nodes["key"] == Scalar("1.50", True, "x.yaml:1")


def test_keys_and_entries_know_their_lines() -> None:
    node = parse("# head\na:\n  b:\n    - 1\n    - c: 2\n      d: 3\ne: [4,\n  5]\n", "x.yaml")
    assert lines(node) == {"": 2, ".a": 2, ".a.b": 3, ".a.b.0": 4, ".a.b.1": 5, ".a.b.1.c": 5, ".a.b.1.d": 6} | {
        ".e": 7,
        ".e.0": 7,
        ".e.1": 8,
    }


def lines(node: Node, path: str = "") -> dict[str, int]:
    found = {path: int(node.where.rpartition(":")[2])}
    inner = node.nodes.items() if isinstance(node, Keys) else enumerate(node.nodes) if isinstance(node, Items) else ()
    for step, child in inner:
        found |= lines(child, f"{path}.{step}")
    return found


@pytest.mark.fault(51)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", 'x.yaml:3: the key "a" appears twice (first on line 1) - keep one of them'),
        ("s:\n  - {k: 1,\n     k: 2}", 'x.yaml:3: the key "k" appears twice (first on line 2) - keep one of them'),
        ("a: &x 1\nb: *x", "x.yaml:1: anchors (&) and aliases (*) are refused - quote it or write it out"),
        ("a: 1\nb: *x", "x.yaml:2: anchors (&) and aliases (*) are refused - quote it or write it out"),
        ("a: *.csv", "x.yaml:1: not valid YAML: a value cannot begin with * or &; put it in quotes"),
        ("a: !!python/name:os.system", "x.yaml:1: tags (!) are refused - put the text in quotes"),
        ("a: !!int '5'", "x.yaml:1: tags (!) are refused - put the text in quotes"),
        ("a:\n\tb: 1", "x.yaml:2: not valid YAML: a tab; YAML is indented with spaces"),
        ("a: @b", "x.yaml:1: not valid YAML: a value cannot begin with @; put it in quotes"),
        ("a: 1\nb: c: d", 'x.yaml:2: not valid YAML: a second ":" in one line; put the text in quotes'),
        ('a: "b', "x.yaml:1: not valid YAML: a quote that is never closed"),
        ("a: [1, 2", "x.yaml:1: not valid YAML: a bracket that is never closed"),
        ("a: 1\n---\nb: 2", "x.yaml:2: not valid YAML: a second document after ---; a file holds one"),
        ("a: 1\nb\nc: 2", 'x.yaml:3: not valid YAML: a key without ":", or text over several lines without quotes'),
        ("a: 1\nb: x\0y", "x.yaml:2: the character U+0000 is not allowed"),
        ("? [a, b]\n: 1", "x.yaml:1: a key must be one word or text"),
        ('a: "\\uD800"', "x.yaml:1: half of a surrogate pair is not text"),
        ("[" * (MAX_DEPTH + 1), f"x.yaml:1: nested deeper than {MAX_DEPTH} levels"),
        ("[" * 100_000, f"x.yaml:1: nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.yaml")
    assert str(caught.value) == message
    assert caught.value.exit_code == 78


def test_the_deepest_allowed_nesting_is_read() -> None:
    assert isinstance(parse("[" * (MAX_DEPTH - 1) + "1" + "]" * (MAX_DEPTH - 1), "x.yaml"), Items)


def test_a_text_that_is_no_file_has_no_line_numbers() -> None:
    with pytest.raises(ConfigError, match=r"^--set a: not valid YAML"):
        parse("[1", "--set a", numbered=False)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@,?\t\n 0\u2028\ud800\0~", max_size=40))
@settings(max_examples=300)
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        parse(text, "x.yaml")
    except AbmError as error:
        assert str(error).startswith("x.yaml:")
        assert "\n" not in str(error)


@pytest.mark.fault(51)
def test_size_is_capped(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * MAX_BYTES)
    assert len(read(path)) == MAX_BYTES
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        read(path)


@pytest.mark.fault(26)
@pytest.mark.parametrize("encoding", ["cp1251", "utf-16"])
def test_other_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("a: 1\nname: Завод\n".encode(encoding))
    with pytest.raises(ConfigError, match=r"x\.yaml:\d: not UTF-8 text - save the file as UTF-8"):
        read(path)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    node = parse(read(path), "x.yaml")
    assert isinstance(node, Keys)
    assert list(node.nodes) == ["a", "b"]


def test_a_missing_file_or_a_folder_is_a_missing_input(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.yaml", tmp_path):
        with pytest.raises(MissingInputError) as caught:
            read(path)
        assert caught.value.exit_code == 66


def test_a_file_without_permission_is_an_access_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AccessError) as caught:
        read(tmp_path / "x.yaml")
    assert caught.value.exit_code == 77
