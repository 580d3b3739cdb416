"""The report in a browser: quick, usable with a keyboard and by ear, in two languages, on paper, whatever it holds."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest
from browser import DESKTOP, PHONE, chromium, visiting
from runfolder import FACTS, invented_companies, many_companies, write_checked_run, write_run, write_words

from chainbert.report import write_report

browser = pytest.fixture(scope="session")(chromium)

CHARTS = "document.querySelectorAll('[data-chart]').length"
DRAWN = "document.querySelectorAll('[data-chart] svg, [data-chart] canvas').length"
ROWS = "table.companies tbody"
MB = 1_000_000


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    facts = write_checked_run(folder)
    write_words(folder)
    return write_report(folder, facts | {"run_hash": "ab12" * 16, "created": "2026-11-24", "study": "invented"})


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """2,000 companies."""
    folder = tmp_path_factory.mktemp("many")
    companies, labels = many_companies(np.random.default_rng(7), 2000)
    write_run(folder, companies, labels, n_clusters=20)
    write_words(folder)
    return write_report(folder, FACTS)


def names_of(visit):
    return visit.page.locator(f"{ROWS} th").all_inner_texts()


def opening_seconds(browser, path):
    """From the request to the table's first rows, the best of three: a busy machine is no fault of the page."""
    taken = []
    for _ in range(3):
        before = time.perf_counter()
        with visiting(browser, path) as visit:
            visit.page.wait_for_selector(ROWS)
            taken.append(time.perf_counter() - before)
    return min(taken)


def test_two_thousand_companies_stay_small_and_open_quickly(browser, many):
    assert many.stat().st_size <= 3 * MB
    assert opening_seconds(browser, many) <= 2
    with visiting(browser, many) as visit:
        assert visit.count(ROWS) == 25
        assert visit.page.evaluate(CHARTS) > visit.page.evaluate(DRAWN)
        visit.page.fill("#search", "no text has this")
        text = json.loads(visit.page.locator("#script-words").text_content())["none"]
        visit.page.wait_for_function(
            "text => document.querySelector('.companies').textContent.includes(text)", arg=text
        )
        visit.page.click("#clear")
        assert "2,000 of 2,000" in visit.text("#hits")


@pytest.mark.slow
def test_ten_thousand_companies_stay_small_and_open_quickly(browser, tmp_path):
    companies, labels = many_companies(np.random.default_rng(7), 10_000)
    write_run(tmp_path, companies, labels, n_clusters=40)
    path = write_report(tmp_path, FACTS)
    assert path.stat().st_size <= 5 * MB
    assert opening_seconds(browser, path) <= 2
    with visiting(browser, path) as visit:
        visit.page.evaluate("document.querySelector('#map').scrollIntoView()")
        visit.page.wait_for_selector("[data-chart=map] canvas")
        first = visit.page.locator(f"{ROWS} .says td").first
        assert first.locator("mark").count() >= 1
        around = first.evaluate("cell => [...cell.childNodes].filter(one => one.nodeType === 3).map(one => one.data)")
        assert set(around) <= {" … "}


@pytest.mark.parametrize(
    ("scheme", "window", "language"),
    [("light", DESKTOP, "en"), ("dark", PHONE, "en"), ("dark", DESKTOP, "zh"), ("light", PHONE, "zh")],
)
def test_axe_finds_nothing(browser, report, scheme, window, language):
    with visiting(browser, report, viewport=window, color_scheme=scheme) as visit:
        page = visit.page
        if language == "zh":
            page.click("#switch")
            page.wait_for_selector("html[lang=zh]")
        page.click("[data-firms] >> nth=0")
        page.wait_for_selector("tr.list")
        page.evaluate("document.querySelectorAll('#gaps details, #methods details').forEach(one => one.open = true)")
        page.evaluate("document.querySelector('#map').scrollIntoView()")
        page.wait_for_selector("[data-chart=map] svg")
        assert visit.violations() == []
        assert visit.overflow() == 0


def test_charts_are_drawn_when_a_reader_comes_near_and_have_words(browser, report):
    with visiting(browser, report) as visit:
        assert visit.page.evaluate(DRAWN) < visit.page.evaluate(CHARTS)
        visit.page.evaluate("document.querySelector('#power').scrollIntoView()")
        visit.page.wait_for_selector("[data-chart=power] svg")
        box = visit.page.locator("[data-chart=power]")
        assert box.get_attribute("role") == "img"
        assert len(box.get_attribute("aria-label")) > 20


def test_chinese_is_no_tofu(browser, report):
    """Pixels of 中 differ from those of characters that no font has."""
    probe = """() => {
      const ink = (text) => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 60, height: 60 });
        const pen = canvas.getContext("2d");
        pen.font = `40px ${getComputedStyle(document.documentElement).fontFamily}`;
        pen.fillText(text, 5, 45);
        return canvas.toDataURL();
      };
      return ["中", "链", "\\u25a1", "\\uffff"].map(ink);
    }"""
    with visiting(browser, report) as visit:
        drawn = visit.page.evaluate(probe)
        assert len({*drawn[:3]}) == 3
        assert drawn[3] not in drawn[:2]


def test_the_switch_changes_the_language_and_keeps_what_the_reader_did(browser, report):
    with visiting(browser, report) as visit:
        page = visit.page
        page.fill("#search", "链")
        page.click("th[data-column=city] button")
        page.locator("#shares details").first.evaluate("part => part.open = true")
        page.click("#clusters [data-firms] >> nth=0")
        page.evaluate("document.querySelector('#shares h3').scrollIntoView()")
        page.wait_for_selector("#shares [data-chart] svg")
        before, rows = page.locator("#shares h3").first.bounding_box(), names_of(visit)
        page.click("#switch")
        page.wait_for_selector("html[lang=zh]")
        page.wait_for_selector(ROWS)
        assert visit.text("#verdict h2") == "各城市是否正在向 Beijing 靠拢？"
        assert page.evaluate("document.activeElement.id") == "switch"
        assert abs(page.locator("#shares h3").first.bounding_box()["y"] - before["y"]) < 4
        assert page.input_value("#search") == "链"
        assert names_of(visit) == rows
        assert page.get_attribute("th[data-column=city]", "aria-sort") == "ascending"
        assert page.locator("#shares details").first.get_attribute("open") is not None
        assert visit.count("#clusters tr.list") == 1
        page.click("#switch")
        page.wait_for_selector("html[lang=en]")
        assert "Are the cities moving" in visit.text("#verdict h2")


def test_no_message_of_the_page_is_left_in_english(browser, report):
    with visiting(browser, report) as visit:
        english = set(visit.page.locator("h2, thead th, summary, button, label > span").all_inner_texts())
        visit.page.click("#switch")
        visit.page.wait_for_selector("html[lang=zh]")
        chinese = set(visit.page.locator("h2, thead th, summary, button, label > span").all_inner_texts())
        data = {
            "Beijing",
            "Shanghai",
            "Shenzhen",
            "customer",
            "market",
            "application",
            "p",
            "AUC",
            "MMD",
            "sha256",
            "n",
        }
        same = {one.strip() for one in english & chinese if any(letter.isalpha() for letter in one)}
        assert {one for one in same if one.lstrip("●■▲ ") not in data} == set()


def test_the_page_opens_in_the_language_of_the_study(browser, tmp_path):
    path = write_report(tmp_path, write_run(tmp_path), language="zh")
    with visiting(browser, path) as visit:
        assert visit.page.get_attribute("html", "lang") == "zh"
        assert visit.text("#switch") == "English"
        visit.page.click("#switch")
        visit.page.wait_for_selector("html[lang=en]")
        assert visit.text("#numbers h2") == "What was read"


def test_the_table_is_searched_filtered_and_sorted(browser, report):
    with visiting(browser, report) as visit:
        page = visit.page
        assert (visit.count(ROWS), visit.text("#hits")) == (25, "30 of 30 companies and years")
        page.click("#after")
        assert visit.count(ROWS) == 5
        page.select_option("[data-filter=city]", "Shenzhen")
        shown = page.locator(f"{ROWS} tr:first-child td:nth-child(2)").all_inner_texts()
        assert shown == ["Shenzhen"] * 7
        page.click("th[data-column=founded] button")
        years = page.locator(f"{ROWS} tr:first-child td:nth-child(3)").all_inner_texts()
        assert years == sorted(years)
        page.click("th[data-column=founded] button")
        assert page.locator(f"{ROWS} tr:first-child td:nth-child(3)").all_inner_texts() == years[::-1]
        assert page.get_attribute("th[data-column=founded]", "aria-sort") == "descending"
        page.fill("#search", "钱包 private")
        assert 0 < visit.count(ROWS) < 7
        assert all("钱包" in one for one in page.locator(f"{ROWS} .says").all_inner_texts())
        page.fill("#search", "nothing has this")
        assert "No company matches" in visit.text("table.companies tbody")
        page.click("#clear")
        assert visit.text("#hits") == "30 of 30 companies and years"


def test_every_number_opens_the_companies_behind_it(browser, report):
    with visiting(browser, report) as visit:
        page = visit.page
        button = page.locator("#table-1 .entry [data-firms]").first
        share = int(button.locator("xpath=../small").first.inner_text().split("·")[1].split("of")[0])
        button.click()
        assert button.get_attribute("aria-expanded") == "true"
        assert visit.count("#table-1 tr.list li") == share
        page.click("#table-1 tr.list button")
        assert page.locator(ROWS).count() == share
        assert not page.locator("#only").is_hidden()
        page.click("#only button")
        assert visit.count(ROWS) == 25
        size = page.locator("#clusters [data-firms]").first
        size.click()
        assert visit.count("#clusters tr.list li") == int(size.inner_text())
        page.click("#clusters tr.list li a >> nth=0")
        page.wait_for_selector("tbody.here")
        assert page.evaluate("document.activeElement.tagName") == "TBODY"
        page.locator("#words [data-firms]").first.click()
        assert visit.count("#words tr.list li") == int(
            page.locator("#words .entry small").first.inner_text().split("·")[1].split("of")[0]
        )


def test_a_dot_of_the_map_leads_to_its_company(browser, report):
    with visiting(browser, report) as visit:
        page = visit.page
        page.evaluate("document.querySelector('#map').scrollIntoView()")
        dot = page.locator("[data-chart=map] .mark-symbol.role-mark path").first
        dot.hover(force=True)
        assert not page.locator("#tip").is_hidden()
        page.keyboard.press("Escape")
        assert page.locator("#tip").is_hidden()
        dot.click(force=True)
        page.wait_for_selector("tbody.here")


def test_an_address_leads_to_a_company_and_a_link_back_does(browser, report):
    with visiting(browser, report) as visit:
        visit.page.goto(visit.address + "#c29")
        visit.page.reload()
        visit.page.wait_for_selector("#c29.here")
        assert visit.text("#page") == "Page 2 of 2"


def test_everything_works_by_keyboard(browser, report):
    with visiting(browser, report) as visit:
        page = visit.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == "#verdict"
        page.focus("th[data-column=city] button")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        page.keyboard.press("Enter")
        assert outline != "none" or page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        assert page.get_attribute("th[data-column=city]", "aria-sort") == "ascending"
        page.focus(f"{ROWS} th a >> nth=0")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('tbody')?.id ?? document.activeElement.id") != ""
        page.focus("#table-1 [data-firms] >> nth=0")
        page.keyboard.press("Space")
        page.wait_for_selector("tr.list")


def test_the_contents_fold_on_a_phone_and_follow_on_a_desktop(browser, report):
    with visiting(browser, report, viewport=PHONE) as visit:
        assert visit.page.locator("#toc").is_hidden()
        visit.page.click("#contents")
        assert visit.page.locator("#toc").is_visible()
        visit.page.keyboard.press("Escape")
        assert visit.page.locator("#toc").is_hidden()
    with visiting(browser, report) as visit:
        visit.page.click("#toc a[href='#clusters']")
        visit.page.wait_for_function("() => document.querySelector('#toc [aria-current]')?.hash === '#clusters'")


@pytest.mark.parametrize("width", [320, 390, 768])
def test_the_page_is_never_wider_than_the_window(browser, report, width):
    with visiting(browser, report, viewport={"width": width, "height": 800}) as visit:
        visit.page.evaluate("page.drawAll()")
        visit.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert visit.overflow() == 0


def test_paper_is_white_and_has_every_chart(browser, report, tmp_path):
    with visiting(browser, report, color_scheme="dark") as visit:
        page = visit.page
        page.wait_for_function("() => window.vegaEmbed !== undefined")
        page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
        assert page.evaluate(DRAWN) == page.evaluate(CHARTS)
        assert not page.locator("details.rests").first.evaluate("part => part.open")
        page.emulate_media(media="print")
        root = "getComputedStyle(document.documentElement)"
        assert page.evaluate(f"{root}.backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate(f"{root}.color") == "rgb(0, 0, 0)"
        assert page.locator("nav.side").is_hidden()
        assert "On paper: 25 of 30 companies" in visit.text("#paper-note")
    content = (tmp_path / "page.pdf").read_bytes()
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") >= 5 or content.count(b"/Type/Page") >= 5


@pytest.mark.parametrize(("choice", "rows"), [("all", 30), ("page", 25)])
def test_a_reader_chooses_which_companies_are_printed(browser, report, choice, rows):
    with visiting(browser, report) as visit:
        visit.page.select_option("#on-paper", choice)
        visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert visit.count(ROWS) == rows
        visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert visit.count(ROWS) == 25


def test_the_theme_can_be_turned(browser, report):
    with visiting(browser, report) as visit:
        paper = "getComputedStyle(document.documentElement).backgroundColor"
        light = visit.page.evaluate(paper)
        visit.page.click("#theme")
        assert visit.page.evaluate(paper) != light
        assert visit.page.get_attribute("#theme", "aria-pressed") == "true"
        visit.page.click("#theme")
        assert visit.page.evaluate(paper) == light


def test_the_citation_can_be_copied(browser, report):
    with visiting(browser, report, permissions=["clipboard-read", "clipboard-write"]) as visit:
        visit.page.click("[data-copy=cite-bibtex]")
        visit.page.wait_for_function("() => document.querySelector('[data-copy=cite-bibtex]').textContent === 'Copied'")
        copied = visit.page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("@misc{invented,")
        assert "run hash ab12" in copied


def test_without_a_script_the_words_and_the_companies_are_there(browser, report, many):
    with visiting(browser, report, ready=False, java_script_enabled=False) as visit:
        assert visit.count("table.plain tbody tr") == 30
        assert visit.page.locator("#toc").is_visible()
        assert visit.page.locator(".browse").is_hidden()
        assert visit.overflow() == 0
    with visiting(browser, many, ready=False, java_script_enabled=False) as visit:
        assert visit.count("table.plain") == 0
        assert "needs JavaScript" in visit.text("#companies noscript, #companies .note")


HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "\"'><b onmouseover=alert(4)>",
    "=HYPERLINK(1)",
    "{named}",
    "שלום עולם",
    "🚀链🚀",
    "a\x00b",
    "\u202eright to left",
)


def test_a_company_or_a_city_may_be_called_anything(browser, tmp_path):
    companies = invented_companies(np.random.default_rng(7))
    for place, name in enumerate(HOSTILE):
        companies.loc[place, ["id", "name", "city"]] = [name, name, name]
        companies.loc[place, "text"] = f"{name} {companies.loc[place, 'text']}"
    companies.loc[20, "name"] = "__proto__"
    companies.loc[11, "text"] = "无关的话。" * 200_000 + companies.loc[11, "text"]
    facts = write_run(tmp_path, companies)
    path = write_report(tmp_path, facts | {"title": HOSTILE[0], "note": "lone \ud83d half"})
    with visiting(browser, path) as visit:
        page = visit.page
        page.select_option("[data-filter=city]", HOSTILE[0])
        assert names_of(visit) == [HOSTILE[0]]
        page.select_option("[data-filter=city]", "")
        for name in HOSTILE:
            page.fill("#search", name.replace("\x00", "\ufffd").split()[0])
            assert visit.count(f"{ROWS} th") >= 1
        assert page.locator(f"{ROWS} bdi").first.get_attribute("dir") == "auto"
        page.evaluate("page.drawAll()")
        page.evaluate("document.querySelector('#clusters [data-firms]').click()")
        page.wait_for_selector("tr.list")
        page.click("#switch")
        page.wait_for_selector("html[lang=zh]")
        assert visit.overflow() == 0
        assert visit.violations() == []


def cities(count):
    def change(companies):
        companies["city"] = [f"City {place % count:02d}" for place in range(len(companies))]

    return change


def refuse(companies):
    companies["status"] = "no text"


@pytest.mark.parametrize("change", [cities(1), cities(40), refuse], ids=["one city", "forty cities", "nothing usable"])
def test_a_page_of_few_or_many_or_nothing(browser, tmp_path, change):
    companies = invented_companies(np.random.default_rng(7), 80)
    change(companies)
    write_run(tmp_path, companies)
    nothing = {"reference": "City 00", "time": "founded", "gaps": [], "trends": [], "direction": [], "verdict": {}}
    (tmp_path / "convergence.json").write_text(json.dumps(nothing), encoding="utf-8")
    with visiting(browser, write_report(tmp_path, FACTS), viewport=PHONE) as visit:
        assert "there is no verdict" in visit.text("#verdict")
        visit.page.evaluate("page.drawAll()")
        assert visit.overflow() == 0
        visit.page.click("#switch")
        visit.page.wait_for_selector("html[lang=zh]")


def test_a_city_with_one_firm(browser, tmp_path):
    companies = invented_companies(np.random.default_rng(7))
    companies.loc[0, "city"] = "Chengdu"
    write_run(tmp_path, companies)
    write_words(tmp_path)
    with visiting(browser, write_report(tmp_path, FACTS)) as visit:
        visit.page.select_option("[data-filter=city]", "Chengdu")
        assert visit.count(ROWS) == 1
        assert pd.read_parquet(tmp_path / "companies.parquet")["city"].eq("Chengdu").sum() == 1
