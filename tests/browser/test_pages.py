"""Every page in a real browser: no request, no fault, readable on a telephone, on paper and by ear."""

from itertools import pairwise

import pytest

NAMES = ("clinic", "tiny", "network", "ingest", "models", "index")
CONTRAST = """() => {
  const line = (v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const lum = (c) => { const [r,g,b] = c.map(v => line(v / 255));
    return .2126*r + .7152*g + .0722*b };
  const rgb = (t) => t.match(/[\\d.]+/g).map(Number);
  const back = (e) => { for (let n = e; n; n = n.parentElement) {
    const c = rgb(getComputedStyle(n).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c.slice(0,3) }
    return [255,255,255] };
  const bad = [];
  for (const e of document.querySelectorAll('main *')) {
    if (e.closest('svg') || ![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const a = lum(rgb(getComputedStyle(e).color).slice(0,3)), b = lum(back(e));
    const ratio = (Math.max(a,b)+.05)/(Math.min(a,b)+.05);
    if (ratio < 4.5) bad.push([e.tagName, e.className, e.textContent.slice(0,30), ratio]);
  } return bad }"""


@pytest.fixture
def opened(browser, pages):
    """Open a page, and note every request and every word on the console."""
    contexts = []

    def show(name, *, width=1280, height=900, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on("console", lambda message: page.faults.append(message.text))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("requestfailed", lambda request: page.faults.append(request.url[:60]))
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(pages[name].as_uri())
        return page

    yield show
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_asked_of_anybody_and_nothing_fails(opened, name):
    page = opened(name)
    outside = [url for url in page.asked if not url.startswith(("file:", "data:"))]
    assert outside == []
    assert [url for url in page.asked if url.startswith("file:")] == [page.url]
    assert page.faults == []


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_the_page_does_not_scroll_sideways(opened, name, width):
    page = opened(name, width=width, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_drawn_and_described(opened, name):
    page = opened(name)
    pictures = page.evaluate("[...document.images].map(i => [i.alt, i.naturalWidth])")
    assert all(len(alt) > 30 and width > 0 for alt, width in pictures)
    if name in ("clinic", "network", "models"):
        assert pictures


@pytest.mark.parametrize("name", NAMES)
def test_headings_are_in_order_and_landmarks_are_there(opened, name):
    page = opened(name)
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert page.locator("main").count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("name", ["clinic", "network", "ingest", "models"])
def test_the_contents_lead_to_the_sections(opened, name):
    page = opened(name)
    missing = page.evaluate(
        "[...document.querySelectorAll('main a[href^=\"#\"]')].filter("
        "a => !document.getElementById(decodeURIComponent(a.hash.slice(1)))).map(a => a.hash)"
    )
    assert missing == []


@pytest.mark.parametrize("name", ["clinic", "tiny"])
def test_the_answer_and_what_needs_attention_are_on_the_first_screen(opened, name):
    page = opened(name)
    for part in (".answer", ".attention", ".tiles"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] + box["height"] <= 900, part


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_words_stand_out_from_their_ground(opened, name, scheme):
    assert opened(name, scheme=scheme).evaluate(CONTRAST) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_keyboard_reaches_the_report_first(opened, name):
    page = opened(name)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"


def test_the_telephone_gets_the_narrow_pictures(opened):
    wide = opened("clinic").evaluate("document.images[0].naturalWidth")
    narrow = opened("clinic", width=390).evaluate("document.images[0].naturalWidth")
    assert narrow < wide


def test_a_script_in_the_page_would_not_run(opened):
    page = opened("clinic")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran=1\">')")
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None


def test_print_is_a_few_pages(opened, tmp_path):
    paper = opened("clinic").pdf(format="A4", prefer_css_page_size=True)
    assert paper.startswith(b"%PDF")
    assert 3 <= paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page/") <= 7
