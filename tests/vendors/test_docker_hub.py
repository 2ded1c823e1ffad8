"""Docker Hub's quirks, by name. https://docs.docker.com/docker-hub/repos/manage/webhooks/"""

from bridge.normalize import as_json
from tests.vendors.cases import read, sample


def test_the_callback_is_neither_called_nor_shown():
    assert "callback" not in str(as_json(sample("docker_hub", "push")))


def test_an_image_is_named_as_one_pulls_it():
    assert sample("docker_hub", "push").title == "acme/shop:2.4.0 pushed"
    assert sample("docker_hub", "push-without-tag").title == "acme/shop pushed"


def test_a_body_that_names_no_image_is_unknown():
    assert read("docker_hub", {"push_data": {"tag": "latest"}}).outcome == "unknown"
