"""Java's .properties syntax; what each text means was printed by java.util.Properties of OpenJDK 17."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wlf.graph.maxwell.properties import Entry, PropertiesError, parse


def pairs(text: str) -> dict[str, str]:
    return {entry.key: entry.value for entry in parse(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b", {"a": "b"}),
        ("a = b ", {"a": "b "}),
        ("a: b", {"a": "b"}),
        ("a b", {"a": "b"}),
        ("a", {"a": ""}),
        ("  a\t:\t=b", {"a": "=b"}),
        ("a==b=c", {"a": "=b=c"}),
        ("# a=b\n ! c=d\n\n \t\nk=v", {"k": "v"}),
        ("a=b # no comment", {"a": "b # no comment"}),
        ("a=b,\\\n   c,\\\r\n\t d", {"a": "b,c,d"}),
        ("a=b\\\\\nc=d", {"a": "b\\", "c": "d"}),
        ("a=b\\\n# still the value", {"a": "b# still the value"}),
        ("# a comment is not continued \\\nb=c", {"b": "c"}),
        ("a\\ b\\=c\\:d=e", {"a b=c:d": "e"}),
        ("a=\\t\\n\\u0041\\u00e9\\q\\:", {"a": "\t\nA\u00e9q:"}),
        ("a=\\ud83d\\ude00", {"a": "😀"}),
        ("a=b\\", {"a": "b"}),
        ("a=1\ra=2", {"a": "2"}),
        ("filter=exclude: *.*, include: d./a\\\\d{1,3}/", {"filter": "exclude: *.*, include: d./a\\d{1,3}/"}),
        ("=b", {"": "b"}),
        ("", {}),
        ("\\\n", {"": ""}),
    ],
)
def test_a_text_means_what_it_means_in_java(text: str, expected: dict[str, str]) -> None:
    assert pairs(text) == expected


def test_an_entry_knows_its_line_and_an_earlier_one_of_the_same_key_is_kept() -> None:
    assert parse("# c\na=1\\\n2\n\na=3") == [Entry("a", "12", 2), Entry("a", "3", 5)]


def test_a_broken_escape_is_an_error_with_its_line() -> None:
    with pytest.raises(PropertiesError, match=r"expected four hexadecimal digits after \\u, got '00g'") as caught:
        parse("a=1\nb=\\u00g")
    assert caught.value.line == 2


@given(st.text(alphabet=st.sampled_from("ab=: \t\f\\u0041#!\r\n") | st.characters()))
def test_every_other_text_is_a_file_of_properties(text: str) -> None:
    try:
        entries = parse(text)
    except PropertiesError:
        return
    assert all(1 <= entry.line <= len(text) + 1 for entry in entries)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20), max_size=4))
def test_what_is_escaped_comes_back(options: dict[str, str]) -> None:
    def escaped(text: str) -> str:
        units = text.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))

    assert pairs("\n".join(f"{escaped(key)}={escaped(value)}" for key, value in options.items() if key)) == {
        key: value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        for key, value in options.items()
        if key
    }
