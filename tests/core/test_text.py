"""Markdown becomes safe HTML, mentions become links where they may, and text is folded for comparing."""

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import excerpt, fold, handles, markdown, plain, raise_headings

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](data:text/html,<script>1</script>)",
    "[a](vbscript:x)",
    "![a](https://elsewhere.example/pixel.png)",
    "<a href='//x' style='position:fixed' onclick=x>",
    "<iframe src=/x></iframe>",
    '[a](https://x.example "t" onmouseover=alert(1))',
    "`</code><script>1</script>`",
    "<javascript:alert(1)>",
    'https://x.example/"onmouseover="alert(1)',
]
ALLOWED = {"href", "title", "rel", "class", "start"}


def elements(html: str) -> list[tuple[str, dict[str, str]]]:
    tree = html5lib.parseFragment(html, namespaceHTMLElements=False)
    return [(node.tag, dict(node.attrib)) for node in tree.iter() if isinstance(node.tag, str)][1:]


def is_harmless(html: str) -> None:
    for tag, attributes in elements(html):
        assert tag not in {"script", "img", "iframe", "style", "object", "h1", "h2"}
        assert attributes.keys() <= ALLOWED
        if tag == "a" and "href" in attributes:
            assert (
                attributes["href"].split(":")[0] in {"http", "https", "mailto", "tel"}
                or ":" not in (attributes["href"].split("/")[0])
            )
            assert attributes["rel"] == "nofollow noopener ugc"


@pytest.mark.parametrize("source", HOSTILE)
def test_nothing_hostile_passes(source: str) -> None:
    is_harmless(markdown(source))
    is_harmless(markdown(f"> - {source}\n\n| a |\n|---|\n| {source} |"))


@given(st.text(alphabet="<>[]()!`\"'&;:/=#*_~|\\@ \nahrefjvscipt.-1", max_size=80))
def test_no_text_at_all_makes_anything_but_words(source: str) -> None:
    is_harmless(markdown(source, {"a": "/people/a"}))


@pytest.mark.parametrize(
    "source", ["www.e.example\u202egpj.exe", "[a&#x202E;](/b\u2066)", "`\u202d` a &#8297;"]
)
def test_nothing_turns_the_direction_of_what_follows(source: str) -> None:
    html = markdown(source + " \u200fשלום\u200e")
    assert not set(html) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert "\u200fשלום\u200e" in html


def test_words_links_and_lists_are_shown() -> None:
    html = markdown("**a** ~~b~~ www.x.example/y. https://z.example/a_b_c\n\n3. x\n4. y")
    assert "<strong>a</strong>" in html
    assert "<s>b</s>" in html
    assert '<a href="https://www.x.example/y" ' in html
    assert ">www.x.example/y</a>." in html
    assert ">https://z.example/a_b_c</a>" in html
    assert '<ol start="3">' in html


LONG = 10_000
SHORT_TO_WRITE = [  # an example of each rule that makes more of few letters than they are
    "[a]: /" + "x" * (LONG // 2) + "\n\n" + "[a] " * (LONG // 8),
    '[a]: / "' + "x" * (LONG // 2) + '"\n\n' + "[a] " * (LONG // 8),
    "|a" * 128 + "|\n" + "|-" * 128 + "|\n" + "|\n" * 500,
    "\n\n".join(["> " * 18 + "a"] * (LONG // 38)),
    "\n\n".join([">" * 18 + "a"] * (LONG // 20)),
    ">-\n\n" * (LONG // 4),
    "> - > - > -\n\n" * (LONG // 13),
    *(
        piece * (LONG // len(piece))
        for piece in ("@a ", "[]()", "<a@b>", "www.a ", "https://&a ", "[a](b)", "[](é)", "[](<&lt;>)")
    ),
    *(
        piece * (LONG // len(piece))
        for piece in ("-\n+\n", "1.\n1)\n", ">\n\n", "#\n", "- #\n", "***\n", "```\n")
    ),
    *(piece * LONG for piece in "&<>\"'\0\n*`~"),
    *(
        start + "&" * LONG + end
        for start, end in (("[](/", ")"), ('[](/ "', '")'), ("www.", "a"), ("`", "`"))
    ),
    "*" * LONG + "a" + "*" * LONG,
    "\n".join("  " * depth + "- a" for depth in range(LONG // 100)),
]


@pytest.mark.parametrize("source", SHORT_TO_WRITE, ids=lambda source: repr(source[:12]))
def test_a_short_text_never_becomes_a_long_page(source: str) -> None:
    assert len(markdown(source, {"a": "/people/a"})) < 32 * len(source)


def test_a_link_without_words_says_its_address_and_a_heading_without_is_none() -> None:
    for source in ("[](https://a.example)", "[\u200b](https://a.example)"):
        assert markdown(source).endswith(">https://a.example</a></p>")
    assert markdown("# One\n\n#\n\n### Two") == "<h3>One</h3>\n<p></p>\n<h4>Two</h4>"


def test_headings_stay_below_the_title_and_skip_no_level() -> None:
    levels = [tag for tag, _ in elements(markdown("### a\n\n# b\n\n##### c\n\n## d")) if tag[0] == "h"]
    assert levels == ["h3", "h3", "h4", "h4"]
    assert raise_headings(markdown("# a\n\n## b")) == "<h2>a</h2>\n<h3>b</h3>"


def test_a_mention_is_a_link_only_where_its_address_is_given() -> None:
    source = "@Ana, (@zoe-b.c) not@ana `@ana` [@ana](https://x.example) @nobody."
    html = markdown(source, {"ana": "/people/ana", "zoe-b.c": "/people/zoe-b.c"})
    links = [attributes["href"] for tag, attributes in elements(html) if tag == "a"]
    assert links == ["/people/ana", "/people/zoe-b.c", "https://x.example"]
    assert "@nobody" in html
    assert handles(source) == {"ana", "zoe-b.c", "nobody"}


def test_folding_forgets_case_accents_ligatures_and_spaces() -> None:
    assert fold("  Œuvre\n d’ÉLÈVE  ") == "oeuvre d'eleve"
    assert fold("ﬁn") == "fin"
    assert fold("e\u0301te\u0301") == fold("été") == "ete"


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_an_excerpt_is_words_without_markup_cut_between_words() -> None:
    html = markdown("# One\n\ntwo **three** & <four>\n\n- five")
    assert plain(html) == "One two three & <four> five"
    assert excerpt(html, 12) == "One two…"
    assert (
        plain(markdown("Dit-on\u202f; \u00a0et\n18\u00a0h\u00a030\u202f?"))
        == "Dit-on\u202f; \u00a0et 18\u00a0h\u00a030\u202f?"
    )
