"""Every message that is shown in `goldens/` is still made so, and both targets and their own libraries take it."""

import pytest
import yaml

from tests.render import goldens
from tests.render.making import problems

PLACES = [
    (folder, target_type)
    for folder in goldens.FOLDERS
    for target_type in goldens.targets(folder)
    if folder in goldens.FULLY or goldens.golden_file(folder, target_type).parent.is_dir()
]
AGAIN = "it changed; write it anew with `python -m tests.render.goldens`, and read the difference"


@pytest.mark.parametrize(("folder", "target_type"), PLACES)
def test_the_messages_are_those_that_were_reviewed(folder, target_type):
    said = goldens.golden_file(folder, target_type).read_text(encoding="utf-8")
    reviewed = yaml.load(said, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    made = {name: goldens.plain(message.body) for name, _, message in goldens.rendered(folder, target_type)}
    assert list(made) == list(reviewed), AGAIN
    for name, body in made.items():
        assert body == reviewed[name], f"{name}: {AGAIN}"


@pytest.mark.parametrize("folder", goldens.FOLDERS)
@pytest.mark.parametrize("target_type", ["slack", "discord"])
def test_every_message_is_taken(folder, target_type):
    for name, _, message in goldens.rendered(folder, target_type):
        assert problems(target_type, message) == [], name


@pytest.mark.parametrize("target_type", goldens.TARGETS)
def test_the_layouts_need_no_lower_rung(target_type):
    for folder in goldens.FOLDERS:
        for name, _, message in goldens.rendered(folder, target_type) if target_type in goldens.targets(folder) else ():
            expected = name in ("a template that does not exist", "nothing can be read")
            assert bool(message.falls) is expected, name


@pytest.mark.parametrize("vendor", goldens.FULLY)
def test_of_the_vendors_that_all_is_made_for_every_change_is_shown(vendor):
    """Other tests than before fail only where the vendor says which failed: Autosana alone does."""
    shown = {view.result["history"]["transition"] for _, view in goldens.vendor_views(vendor)}
    expected = {"first", "broke", "still_failing", "fixed", "still_passing", "none"}
    assert shown == expected | ({"failures_changed"} if vendor == "autosana" else set())
