"""A preview shows all that a message says, and nothing that stands in it has a meaning to a browser."""

import re
from html.parser import HTMLParser

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.render.preview import Case, Shown, look, page
from bridge.render.slots import clean_url
from tests.fakes import reading
from tests.render import goldens
from tests.render.making import HOSTILE

VOID = {"meta", "hr", "rect", "path"}
ELEMENTS = {
    *("a", "article", "b", "blockquote", "body", "code", "dd", "details", "div", "dl", "dt", "em", "h1", "h2", "h3"),
    *("head", "header", "hr", "html", "li", "main", "meta", "nav", "ol", "p", "path", "pre", "rect", "s", "section"),
    *("small", "span", "strong", "style", "summary", "svg", "time", "title", "u"),
}
ATTRIBUTES = {
    *(
        "role",
        "aria-hidden",
        "aria-label",
        "aria-labelledby",
        "charset",
        "class",
        "content",
        "d",
        "datetime",
        "fill",
        "height",
    ),
    *("href", "http-equiv", "id", "lang", "name", "open", "rel", "stroke", "stroke-width", "target", "title"),
    *("viewbox", "width"),
}
TEXTS = st.one_of(
    st.text(max_size=60), st.sampled_from(HOSTILE), st.from_regex(r"[<>*_`~|\\\[\]()!@#:&;^a-c \n]{0,60}")
)


class Document(HTMLParser):
    """HTML taken apart; an element that is not closed where it was opened, or is not ours, is an error."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.links: list[str] = []
        self.classes: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    @property
    def text(self):
        return "".join(self.texts)

    def handle_starttag(self, tag, attrs):
        assert tag in ELEMENTS
        assert {name for name, _ in attrs} <= ATTRIBUTES
        known = dict(attrs)
        self.links += [known["href"]] if "href" in known else []
        self.classes += (known.get("class") or "").split()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)


def bare(text):
    """Without white space and without what may be a mark: what must be left of a text wherever it is shown."""
    return re.sub(r"[\s*_~`\\|>#<\[\]()\u200b-]", "", text)


def slack_texts(node):
    if isinstance(node, list):
        return [text for entry in node for text in slack_texts(entry)]
    if isinstance(node, dict):
        found = [node["text"]] if isinstance(node.get("text"), str) else []
        return found + [
            text for key, value in node.items() if key != "text" or not found for text in slack_texts(value)
        ]
    return []


def slack_pieces(body):
    """The texts that somebody sees, cut where a time stands: that is shown in the reader's way."""
    for text in slack_texts(body):
        for piece in re.split(r"<!date\^[^>]*>", text):
            shown = re.sub(r"<(?:[^<>|]*\|)([^<>]*)>", r"\1", piece)
            shown = re.sub(r"<!subteam\^(\w+)>", r"@\1", shown)
            yield shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def discord_pieces(body):
    texts = [body.get("content", ""), body.get("username", "")]
    for embed in body.get("embeds", ()):
        texts += [embed.get("title", ""), embed.get("description", "")]
        texts += [embed.get("footer", {}).get("text", ""), embed.get("author", {}).get("name", "")]
        texts += [text for each in embed.get("fields", ()) for text in (each["name"], each["value"])]
    texts += [button["label"] for row in body.get("components", ()) for button in row["components"]]
    for text in texts:
        for piece in re.split(r"<t:\d+:\w>|<@&?|(?<=\d)>", text):
            yield re.sub(r"\]\(https?://\S+?\)", "]", piece)


PIECES = {"slack": slack_pieces, "discord": discord_pieces}
READ = {"slack": reading.slack, "discord": reading.discord}


def golden(folder, kind):
    text = goldens.golden_file(folder, kind).read_text("utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@pytest.mark.parametrize("folder", goldens.FOLDERS)
@pytest.mark.parametrize("kind", ["slack", "discord"])
def test_of_no_message_anything_is_lost(folder, kind):
    for name, body in golden(folder, kind).items():
        document = Document(str(look(kind, body)))
        said = bare(document.text)
        assert [piece for piece in PIECES[kind](body) if bare(piece) not in said] == [], name
        read = READ[kind](body)
        assert sorted(document.links) == sorted(str(clean_url(url)) for url in read.links), name
        assert document.classes.count("mention") == len(read.pings), name


@pytest.mark.parametrize("folder", goldens.FOLDERS)
@pytest.mark.parametrize("kind", ["http", "inbox"])
def test_other_bodies_are_shown_as_they_are(folder, kind):
    for body in golden(folder, kind).values() if kind in goldens.targets(folder) else ():
        text = Document(str(look(kind, body))).text
        assert text == body if isinstance(body, str) else bare(body["title"]) in bare(text) if "title" in body else text


def test_a_page_of_all_that_happens_is_well_formed():
    cases = [
        Case(name, "occasion", [Shown(kind, kind, golden(goldens.OCCASIONS, kind)[name]) for kind in goldens.TARGETS])
        for name in golden(goldens.OCCASIONS, "slack")
    ]
    document = Document(page("Preview", cases))
    assert all(case.title in document.text for case in cases)


@given(TEXTS, TEXTS, st.sampled_from([*goldens.TARGETS, "pigeon"]))
@settings(max_examples=150, deadline=None)
def test_whatever_is_said_stays_text(one, other, kind):
    body = {
        "text": one,
        "content": other,
        "username": one,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": one}},
            {"type": "section", "text": {"type": "mrkdwn", "text": other}, "fields": [{"type": "mrkdwn", "text": one}]},
            {"type": other, "text": one},
            {"type": "actions", "elements": [{"type": "button", "text": {"text": one}, "url": other}]},
        ],
        "attachments": [{"color": one, "pretext": one, "title": other, "title_link": one, "text": one, "footer": one}],
        "embeds": [
            {
                "title": one,
                "url": other,
                "description": f"{one}{other}",
                "color": 7,
                "author": {"name": other, "url": one},
                "fields": [{"name": one, "value": other, "inline": True}],
                "footer": {"text": one},
                "timestamp": other,
            }
        ],
        "components": [{"type": 1, "components": [{"label": one, "url": other}]}],
    }
    document = Document(page(one, [Case(other, one, [Shown(one, kind, body, falls=(other,))])]))
    assert all(link.startswith(("http://", "https://", "#case-")) for link in document.links)


@pytest.mark.parametrize(
    ("kind", "text", "html"),
    [
        ("slack", "*b* _i_ ~s~ `c` a*b*c", "<strong>b</strong> <em>i</em> <s>s</s> <code>c</code> a*b*c"),
        ("slack", "*\u200bb*\u200b &lt;b&gt; &amp;amp;", "*\u200bb*\u200b &lt;b&gt; &amp;amp;"),
        ("slack", "```a *b*\nc```", "<pre>a *b*\nc</pre>"),
        ("slack", "> said\nnot", "<blockquote>said</blockquote>not"),
        ("slack", "<!here> <@U1> <#C1|qa>", "@here @U1 #qa"),
        ("slack", ":tada: :unheard_of:", "🎉 :unheard_of:"),
        ("slack", "<!date^1773489600^{date_short_pretty} {time}|x>", "Mar 14, 2026 12:00"),
        ("slack", "<!date^99999999999999^{time}|long ago>", "long ago"),
        ("slack", "<javascript:alert|x>", "x"),
        ("discord", "**b** *i* __u__ ~~s~~ ||h|| `c`", "<strong>b</strong> <em>i</em> <u>u</u> <s>s</s> "),
        ("discord", r"\*\*b\*\* **a\*\*b**", r"**b** <strong>a**b</strong>"),
        ("discord", "```py\nx = 1\n```", "<pre>x = 1</pre>"),
        ("discord", "# big\n-# small\n> said\n- one", "big</div><small>small</small><blockquote>said</blockquote>"),
        ("discord", "<@42> <@&7> @everyone <#1> <:ok:5>", "@42 @role 7 @everyone #1 :ok:"),
        ("discord", "<t:1773489600:f> <t:1773489600>", "14 March 2026 12:00 14 March 2026 12:00"),
        ("discord", r"[a \[b\]](https://example.com/)", ">a [b]</a>"),
        ("discord", "[x](javascript:alert)", "[x](javascript:alert)"),
        ("discord", "see https://example.com/a.", ">https://example.com/a</a>."),
    ],
)
def test_marks_are_read_as_the_platform_reads_them(kind, text, html):
    made = str(look(kind, {"text": text} if kind == "slack" else {"content": text}))
    assert html in made or html in Document(made).text


@pytest.mark.parametrize("kind", ["slack", "discord"])
@pytest.mark.parametrize("marks", ["*", "**_", "_", "~~", "||", "`", "```", "[", "<", "\\", "**a__b", ">"])
def test_thousands_of_marks_take_no_long_time(kind, marks):
    text = marks * (4_000 // len(marks))
    body = {"text": text} if kind == "slack" else {"embeds": [{"description": text}]}
    assert Document(str(look(kind, body)))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("slack", {"blocks": [{"type": "image", "image_url": "https://e.example/a.png", "alt_text": "a <b> chart"}]}),
        (
            "slack",
            {
                "blocks": [
                    {
                        "type": "section",
                        "text": {"type": "mrkdwn", "text": "x"},
                        "accessory": {
                            "type": "image",
                            "image_url": "https://e.example/a.png",
                            "alt_text": "a <b> chart",
                        },
                    }
                ]
            },
        ),
        ("slack", {"attachments": [{"fallback": "a <b> chart", "image_url": "https://e.example/a.png"}]}),
        ("discord", {"embeds": [{"image": {"url": "https://e.example/a.png", "description": "a <b> chart"}}]}),
    ],
)
def test_a_picture_is_a_frame_with_its_text_and_is_never_loaded(kind, body):
    document = Document(page("p", [Case("c", "", [Shown(kind, kind, body)])]))
    assert "picture" in document.classes
    assert "a <b> chart" in document.text
    assert "https://e.example/a.png" in document.text
    assert "https://e.example/a.png" not in document.links


@pytest.mark.parametrize("odd", [None, 3, [], {"url": None}, "x"])
def test_an_odd_picture_is_no_error(odd):
    assert Document(str(look("discord", {"embeds": [{"title": "t", "image": odd, "thumbnail": odd}]}))).text
    assert Document(str(look("slack", {"blocks": [{"type": "image", "image_url": odd, "alt_text": odd}]}))).text


def test_blocks_that_nobody_knows_are_shown_as_they_are_written():
    assert '"rows": "seven"' in Document(str(look("slack", {"blocks": [{"type": "table", "rows": "seven"}]}))).text
