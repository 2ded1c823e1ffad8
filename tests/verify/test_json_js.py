"""The re-serialized form is JavaScript's, byte for byte. The tables were made with Node.js 20."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.verify.json_js import MAX_BYTES, MAX_DEPTH, number, reserialize

NUMBERS = """
0=0 -0=0 0.0=0 -0.0=0 0e5=0 -0e-5=0 1=1 -1=-1 1.0=1 -1.50=-1.5 10=10 100=100 1e0=1 1E0=1 1e+0=1 1e2=100 1E+2=100
12e-1=1.2 0.1=0.1 0.10=0.1 0.5=0.5 -0.5=-0.5 1.5e1=15 123.456=123.456 3.141592653589793=3.141592653589793
3.14159265358979323846=3.141592653589793 0.1e1=1 100e-2=1 256.0E-4=0.0256
0.30000000000000004=0.30000000000000004 0.1234567890123456789=0.12345678901234568
1.7976931348623157e308=1.7976931348623157e+308 -1.7976931348623157e308=-1.7976931348623157e+308
1.7976931348623159e308=null 1e309=null -1e400=null 2.2250738585072014e-308=2.2250738585072014e-308 5e-324=5e-324
4e-324=5e-324 2e-324=0 1e-400=0 0.001=0.001 0.0001=0.0001 0.00001=0.00001 0.000001=0.000001 0.0000001=1e-7
1e-4=0.0001 1e-5=0.00001 1e-6=0.000001 1e-7=1e-7 1.5e-6=0.0000015 1.5e-7=1.5e-7 9.999999e-7=9.999999e-7
0.00000123=0.00000123 123e-8=0.00000123 123e-9=1.23e-7 -1e-7=-1e-7 1e-10=1e-10 1e-100=1e-100 1.25e-300=1.25e-300
999999999999999=999999999999999 1000000000000000=1000000000000000 9007199254740991=9007199254740991
9007199254740992=9007199254740992 9007199254740993=9007199254740992 9007199254740995=9007199254740996
-9007199254740993=-9007199254740992 12345678901234567890=12345678901234567000
18446744073709551615=18446744073709552000 18446744073709551616=18446744073709552000 1e15=1000000000000000
1e16=10000000000000000 1e17=100000000000000000 1e20=100000000000000000000 1e21=1e+21 1e22=1e+22
1.5e20=150000000000000000000 1.5e21=1.5e+21 -1e21=-1e+21 123456789012345680000=123456789012345680000
1234567890123456800000=1.2345678901234568e+21 99999999999999999999=100000000000000000000
999999999999999900000=999999999999999900000 999999999999999999999=1e+21 1000000000000000000000=1e+21
100000000000000000000000=1e+23 123456789.125e3=123456789125 1e23=1e+23 1.2e21=1.2e+21 4.35=4.35
0.000035=0.000035 35e-7=0.0000035 179769313486231570000000000000=1.7976931348623157e+29 1714867200=1714867200
1714867200.123=1714867200.123 0.0623=0.0623 1e1=10 5e-7=5e-7
"""

DOCUMENTS = [
    ("{}", "{}"),
    ("[]", "[]"),
    ("null", "null"),
    ("true", "true"),
    ("false", "false"),
    ('""', '""'),
    (" [ ] ", "[]"),
    ("\t{\r\n}\n", "{}"),
    ("[1,2]", "[1,2]"),
    ("[ 1 ,\n2 ]", "[1,2]"),
    ('{"a" : 1}', '{"a":1}'),
    ("[[],[[]],{}]", "[[],[[]],{}]"),
    ('{"a":{"b":[{"c":null}]}}', '{"a":{"b":[{"c":null}]}}'),
    ("[true,false,null]", "[true,false,null]"),
    ('[{"a":1},{"a":2}]', '[{"a":1},{"a":2}]'),
    ('"text"', '"text"'),
    ("42", "42"),
    ('{ "event": "ping",\n  "n": 1.0 }', '{"event":"ping","n":1}'),
    ('{"b":1,"a":2}', '{"b":1,"a":2}'),
    ('{"2":1,"1":2}', '{"1":2,"2":1}'),
    ('{"10":1,"9":2,"x":3,"1":4}', '{"1":4,"9":2,"10":1,"x":3}'),
    ('{"b":1,"0":2,"a":3}', '{"0":2,"b":1,"a":3}'),
    ('{"01":1,"1":2,"0":3,"00":4}', '{"0":3,"1":2,"01":1,"00":4}'),
    ('{"-1":1,"1":2,"-0":3}', '{"1":2,"-1":1,"-0":3}'),
    ('{"1.0":1,"1":2}', '{"1":2,"1.0":1}'),
    ('{"1e3":1,"5":2}', '{"5":2,"1e3":1}'),
    ('{" 1":1,"1":2}', '{"1":2," 1":1}'),
    ('{"4294967293":1,"3":2}', '{"3":2,"4294967293":1}'),
    ('{"a":0,"4294967294":1}', '{"4294967294":1,"a":0}'),
    ('{"a":0,"4294967295":1}', '{"a":0,"4294967295":1}'),
    ('{"4294967296":1,"4294967295":2,"4294967294":3}', '{"4294967294":3,"4294967296":1,"4294967295":2}'),
    ('{"9007199254740991":1,"b":2,"7":3}', '{"7":3,"9007199254740991":1,"b":2}'),
    ('{"\u0661":1,"1":2}', '{"1":2,"\u0661":1}'),
    (r'{"\u0031":1,"0":2}', '{"0":2,"1":1}'),
    ('{"12345678901":1,"1":0}', '{"1":0,"12345678901":1}'),
    ('{"__proto__":1,"a":2}', '{"__proto__":1,"a":2}'),
    ('{"__proto__":{"x":1}}', '{"__proto__":{"x":1}}'),
    ('{"constructor":1,"toJSON":2,"length":3}', '{"constructor":1,"toJSON":2,"length":3}'),
    ('{"":1,"a":""}', '{"":1,"a":""}'),
    ('{"2":{"b":1,"1":2},"1":[{"z":0,"0":1}]}', '{"1":[{"0":1,"z":0}],"2":{"1":2,"b":1}}'),
    ('{"a":1,"a":2}', '{"a":2}'),
    ('{"a":1,"b":2,"a":3}', '{"a":3,"b":2}'),
    ('{"a":1,"b":2,"a":{"c":1}}', '{"a":{"c":1},"b":2}'),
    ('{"1":1,"0":2,"1":3}', '{"0":2,"1":3}'),
    (r'{"a":1,"\u0061":2}', '{"a":2}'),
    ('{"a":{"x":1},"a":{"y":2}}', '{"a":{"y":2}}'),
    (r'"\"\\\/\b\f\n\r\t"', r'"\"\\/\b\f\n\r\t"'),
    (r'"\u0000\u0001\u0008\u0009\u000a\u000b\u000c\u000d\u001f\u0020"', r'"\u0000\u0001\b\t\n\u000b\f\r\u001f "'),
    (r'"\u007f\u0080\u00e9\u2028\u2029\ufeff\uffff"', '"\x7f\x80\xe9\u2028\u2029\ufeff\uffff"'),
    ('"\x7f"', '"\x7f"'),
    ('"é€😀"', '"é€😀"'),
    ('"\u2028\u2029"', '"\u2028\u2029"'),
    (r'"\u00E9\u20AC"', '"é€"'),
    (r'"\ud83d\ude00"', '"😀"'),
    (r'"\uD83D\uDE00"', '"😀"'),
    (r'"\ud800"', r'"\ud800"'),
    (r'"\uDFFF"', r'"\udfff"'),
    (r'"\ud83dx"', r'"\ud83dx"'),
    (r'"\ude00\ud83d"', r'"\ude00\ud83d"'),
    (r'"\ud83d\ud83d\ude00"', '"\\ud83d😀"'),
    (r'"\ud800\u0041"', r'"\ud800A"'),
    (r'"\udbff\udfff"', '"\U0010ffff"'),
    (r'{"\ud800":"\udc00"}', r'{"\ud800":"\udc00"}'),
    (r'{"\ud800":1,"\ud800":2}', r'{"\ud800":2}'),
    ('"</script>"', '"</script>"'),
    (r'"<\/script>"', '"</script>"'),
    ('"a/b"', '"a/b"'),
    ('"\ufeff"', '"\ufeff"'),
    ('"\xa0"', '"\xa0"'),
    (r'"\u0022"', r'"\""'),
    (r'"\u005c"', r'"\\"'),
    (r'"\u002f"', '"/"'),
    (r'"\u0027 &lt; <>&"', '"\' &lt; <>&"'),
    (
        '{"b":1.0,"10":-0,"2":1e16,"c":1e21,"d":1e-7,"e":12345678901234567890,"b":2,"s":"\\ud800é"}',
        '{"2":10000000000000000,"10":0,"b":2,"c":1e+21,"d":1e-7,"e":12345678901234567000,"s":"\\ud800é"}',
    ),
    (
        '{"type": "system.anomaly_detected", "data": "free text"}',
        '{"type":"system.anomaly_detected","data":"free text"}',
    ),
    ('{"type":"system.self_healing_triggered","data":[1,2]}', '{"type":"system.self_healing_triggered","data":[1,2]}'),
    ('{"type":"deployment.rollback","data":null}', '{"type":"deployment.rollback","data":null}'),
]

THROWS = [
    "",
    "   ",
    "{",
    "}",
    "[",
    "]",
    "[1",
    "[1,]",
    "[,1]",
    "[1 2]",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{,}",
    "{a:1}",
    "{'a':1}",
    '{"a":1 "b":2}',
    "{1:2}",
    "'a'",
    '"a',
    "nul",
    "True",
    "None",
    "undefined",
    "NaN",
    "[NaN]",
    "Infinity",
    "-Infinity",
    "[-Infinity]",
    "+1",
    "-",
    "--1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "1.e5",
    "1e",
    "1e+",
    "0x10",
    "1_000",
    "1,000",
    "\u0661",
    "[1]]",
    "{}{}",
    "1 2",
    "// c\n1",
    "/* c */1",
    "[1] x",
    "\ufeff{}",
    "\xa0{}",
    "\x0b1",
    "\x0c1",
    "\u20281",
    '"\n"',
    '"\t"',
    '"\x00"',
    '"\x1f"',
    r'"\x41"',
    r'"\a"',
    r'"\u12"',
    r'"\u12G4"',
    r'"\u+123"',
    r'"\u 123"',
    r'"\u1_23"',
    r'"\"',
    r'"\u"',
    r'"\U00e9"',
    '{"a":1}\x00',
]


@pytest.mark.parametrize("case", NUMBERS.split())
def test_a_number_goes_through_a_double_and_is_laid_out_as_in_javascript(case):
    written, printed = case.split("=")
    assert reserialize(written.encode()) == printed.encode()
    assert reserialize(f'[{{"n": {written} }}]'.encode()) == f'[{{"n":{printed}}}]'.encode()


@pytest.mark.parametrize(("written", "printed"), DOCUMENTS)
def test_a_document_is_what_json_stringify_makes_of_it(written, printed):
    assert reserialize(written.encode()) == printed.encode()


@pytest.mark.parametrize(("written", "printed"), DOCUMENTS)
def test_what_json_stringify_made_stays_as_it_is(written, printed):
    assert reserialize(printed.encode()) == printed.encode()


@pytest.mark.parametrize("text", THROWS)
def test_where_json_parse_throws_there_is_no_form(text):
    assert reserialize(text.encode()) is None


@pytest.mark.parametrize("body", [b"\xff", b'"\xc3"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b"\x00{\x00}", b"{\x00}\x00"])
def test_what_is_not_utf8_has_no_form(body):
    assert reserialize(body) is None


@pytest.mark.parametrize(("body", "has_form"), [
    (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, True),
    (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), False),
    (b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH, True),
    (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), False),
    (b"[" * 100_000, False),
    (b"[" * 100_000 + b"]" * 100_000, False),
    (b'{"a":' * 40_000, False),
    (b'"' + b"x" * (MAX_BYTES - 2) + b'"', True),
    (b'"' + b"x" * (MAX_BYTES - 1) + b'"', False),
    (b"[" + b" " * MAX_BYTES + b"]", False),
])  # fmt: skip
def test_the_work_for_a_stranger_is_bounded(body, has_form):
    assert (reserialize(body) is not None) is has_form


@pytest.mark.parametrize(("text", "printed"), [
    ("1" * 5_000, "null"),
    ("-" + "9" * 100_000, "null"),
    ("0." + "3" * 100_000, "0.3333333333333333"),
    ("1" + "0" * 20 + "." + "0" * 50_000, "100000000000000000000"),
    ("0." + "0" * 50_000 + "1", "0"),
    ("1e" + "9" * 1_000, "null"),
    ("1e-" + "9" * 1_000, "0"),
])  # fmt: skip
def test_a_number_may_be_as_long_as_it_likes(text, printed):
    assert reserialize(text.encode()) == printed.encode()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_the_same_double(value):
    printed = number(value)
    assert float(printed) == value
    assert not printed.endswith(".0")
    assert "e0" not in printed


@given(st.integers(0, 2**64 - 1))
def test_any_double_has_a_form(bits):
    (value,) = struct.unpack("d", struct.pack("Q", bits))
    assert json.loads(number(value)) in ({value, None} if value == value and abs(value) != float("inf") else {None})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(JSON, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_spacing_and_escapes_make_no_difference(document, indent, ascii_only):
    plain = reserialize(json.dumps(document).encode())
    dressed = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode(errors="surrogatepass")
    assert plain is not None
    assert json.loads(plain) == document
    assert reserialize(dressed) == plain
    assert reserialize(plain) == plain


@given(st.binary(max_size=200))
def test_any_bytes_have_a_form_or_none(body):
    form = reserialize(body)
    assert form is None or reserialize(form) == form


@given(st.text(alphabet='{}[]:,"\\u0123456789eE+-. \ud800tfn', max_size=60))
def test_almost_json_has_a_form_or_none(text):
    form = reserialize(text.encode(errors="replace"))
    assert form is None or reserialize(form) == form
