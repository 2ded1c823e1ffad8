"""A template that fails: the message goes out all the same, a metric counts each rung, and an alarm names the file."""

import json

import pytest

from bridge.metrics import REGISTRY
from tests.bridges import config, told
from tests.fakes.asgi import App
from tests.fakes.server import serving

TARGETS = """
templates: {folder}
targets:
  chat: {{type: http, url: "{chat}/in", format: template}}
  watch: {{type: http, url: "{watch}/in", format: template}}
routes:
  - {{name: hooks, match: {{source: mobile}}, to: [chat], template: {template}}}
  - {{name: alarms, match: {{source: bridge}}, to: [watch]}}
"""
FAILS = "body:\n  text: '{{ result.counts.total / 0 }}'"


def counted():
    return REGISTRY.get_sample_value("drawbridge_render_falls_total", {"target": "chat"}) or 0


@pytest.fixture
def story(tmp_path):
    """Run a hook through a bridge with such a template; the bodies at both targets, and how many falls were counted."""

    def run(template, alarms=1, **files):
        folder = tmp_path / "mine"
        for name, text in files.items():
            (folder / "http").mkdir(parents=True, exist_ok=True)
            (folder / "http" / f"{name}.yaml").write_text(text, encoding="utf-8")
        chat, watch = App(), App()

        async def hooks(bridge):
            await bridge.sample("mobile", "failed")
            await bridge.settled(1)
            await bridge.alarms_settled(alarms)

        before = counted()
        with serving(chat) as one, serving(watch) as two:
            told(config(tmp_path, TARGETS.format(folder=folder, chat=one, watch=two, template=template)), hooks)
        said = [[json.loads(request.body) for request in app.requests] for app in (chat, watch)]
        return (*said, counted() - before)

    return run


def test_a_failed_template_is_counted_and_an_alarm_names_its_file_and_line(story):
    (body,), (alarm,), falls = story("mine", mine=FAILS)
    assert body["title"] == "My App (android)"
    assert "template http/mine: " in body["note"]
    assert falls == 1
    assert alarm["title"] == "Template http/mine failed"
    assert "http/mine.yaml:2:9: ZeroDivisionError" in alarm["summary"]
    assert "drawbridge check" in alarm["summary"]


def test_an_alarm_whose_own_template_fails_goes_out_and_raises_no_further_one(story):
    (_,), (alarm,), falls = story("mine", mine=FAILS, alarm=FAILS)
    assert alarm["title"] == "Template http/mine failed"
    assert "template http/alarm: " in alarm["note"]
    assert falls == 1
