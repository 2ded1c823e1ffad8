"""Each built-in vendor as YAML: it loads as a private vendor and gives what the built-in one gives without Python."""

from pathlib import Path

import pytest

from bridge import vendors
from bridge.config.config import Source
from bridge.config.describe import as_yaml, described, dump
from bridge.normalize import as_json
from bridge.render import evaluate
from bridge.verify import verify
from tests.config.samples import read
from tests.vendors.cases import RECEIVED_AT, SAMPLES
from tests.vendors.cases import read as result_of
from tests.vendors.test_contract import sent
from tests.verify.schemes import secrets_of

FILE = """
public_url: https://hooks.example.com
sources:
  door: {vendor: mine, %s}
"""


def reread(folder: Path, name: str) -> Source:
    """The source of a configuration that describes the built-in vendor of that name as its own."""
    vendor = vendors.load(name)
    if vendor.signature:
        _, secret = secrets_of(vendor.signature)
        door = dump({"secret": secret}).strip()
    else:
        door = "verify: none"
    return read(folder, as_yaml(vendor, "mine") + FILE % door, {}).sources["door"]


@pytest.mark.parametrize("name", vendors.names())
def test_a_built_in_vendor_reads_back_as_it_was(name, tmp_path):
    assert described(reread(tmp_path, name).vendor) == described(vendors.load(name))


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_its_samples_verify_and_give_the_same_results(name, sample, tmp_path):
    built_in, mine = vendors.load(name), reread(tmp_path, name)
    if built_in.signature and mine.scheme:
        received, secret = sent(name, sample, built_in.signature)
        assert verify(received, mine.scheme, [secret], RECEIVED_AT).verification.verified
    plain = built_in.model_copy(update={"understand": None})
    body, headers = vendors.samples(name)[sample], vendors.sample_headers(name, sample)
    ours = as_json(result_of(mine.vendor, body, evaluate=evaluate, headers=headers))
    theirs = as_json(result_of(plain, body, evaluate=evaluate, headers=headers))
    assert ours | {"vendor": name} == theirs
    if built_in.understand is None:
        assert theirs == as_json(result_of(built_in, body, evaluate=evaluate, headers=headers))


def test_what_is_python_is_said_in_a_comment():
    assert "is Python and not here" in as_yaml(vendors.load("autosana"), "mine")
    assert "is Python" not in as_yaml(vendors.Vendor(title="Plain"), "mine")


@pytest.mark.parametrize("text", ["${HOME}", "on", "0x1f", "1e3", "no: yes", "{{ payload.a }}", "a\nb", "~", "007", ""])
def test_texts_read_back_as_they_are(text, tmp_path):
    written = dump({"vendors": {"mine": {"title": text or "x", "result": {"summary": [text]}}}})
    source = read(tmp_path, f"{written}sources:\n  door: {{vendor: mine, verify: none}}\n", {})
    assert source.vendors["mine"].result == {"summary": (text,)}
