from phalanx.api.markup import Html, block, element, inline, join, prose, separated


def test_text_is_escaped_wherever_it_enters() -> None:
    nasty = "<b a='1'>&\""
    safe = "&lt;b a=&#x27;1&#x27;&gt;&amp;&quot;"

    assert join(nasty) == safe
    assert element("p", nasty, title=nasty) == f'<p title="{safe}">{safe}</p>'
    assert block(nasty) == f'<pre tabindex="0"><code>{safe}</code></pre>'
    assert separated([join(nasty), join(nasty)], "<") == f"{safe}&lt;{safe}"
    assert inline(f"`{nasty}` **{nasty}** {nasty}") == (
        f"<code>{safe}</code> <strong>{safe}</strong> {safe}"
    )


def test_markup_is_escaped_once() -> None:
    assert element("p", element("b", "&")) == "<p><b>&amp;</b></p>"
    assert join(Html("<i>")) == "<i>"


def test_attributes() -> None:
    assert element("a", class_="x", aria_label="y", href="") == '<a class="x" aria-label="y"></a>'
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_prose() -> None:
    assert prose("one\n  more ``x``\n\n**two**") == (
        "<p>one more <code>x</code></p><p><strong>two</strong></p>"
    )
    assert prose("") == ""
