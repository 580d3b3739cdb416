import itertools
import json
import re
import time
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import vl_convert
from font_files import make_font
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.errors import ConfigError, DataError
from chainbert.wording import fonts
from chainbert.wording.cloud import Cloud, comparison_cloud
from chainbert.wording.folding import is_han
from chainbert.wording.packing import Sectors, pack

COLOURS = {"Lu": "#000000", "Wei": "#7a2e8f", "Yan": "#3b8fd9"}
HAN = "区块链供应金融数据平台服务智能合约政务监管跨境支付物联网电子证照可信计算"
LATIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789-&+"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def font(tmp_path_factory):
    return make_font(tmp_path_factory.mktemp("font") / "both.ttf", LATIN + HAN)


@pytest.fixture(autouse=True)
def only_this_font(monkeypatch):
    monkeypatch.setattr(fonts, "font_folders", list)


def terms(n: int, groups=tuple(COLOURS), seed=0) -> pd.DataFrame:
    """``n`` terms of each group in both scripts, none twice."""
    rng = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < n * len(groups):
        letters, longest = (HAN, 5) if rng.random() < 0.5 else (LATIN[:26], 12)
        found["".join(rng.choice(list(letters), int(rng.integers(2, longest))))] = None
    owner = np.repeat(groups, n)
    return pd.DataFrame({"term": list(found), "group": owner, "weight": 1.5 + rng.gamma(1.2, 1.4, len(owner))})


def draw(rows: pd.DataFrame, font, seed=1, **options) -> Cloud:
    return comparison_cloud(
        rows, colours=options.pop("colours", COLOURS), rng=np.random.default_rng(seed), font=font, **options
    )


def glyph_boxes(cloud: Cloud):
    """(word, left, top, right, bottom) in px of every glyph that is not turned."""
    for place, word in enumerate(cloud.words):
        at = word.start_x
        for one in word.term:
            glyph = cloud.glyphs[one]
            if glyph.path:
                yield (
                    place,
                    at + glyph.left * word.size,
                    word.start_y - glyph.top * word.size,
                    at + glyph.right * word.size,
                    word.start_y - glyph.bottom * word.size,
                )
            at += glyph.advance * word.size


def overlaps(boxes: np.ndarray, owner: np.ndarray) -> int:
    """Pairs of boxes (left, top, right, bottom) of two owners that have a common area."""
    left, top, right, bottom = boxes.T
    wide = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    tall = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    return int(((wide > 1e-6) & (tall > 1e-6) & (owner[:, None] < owner)).sum())


def word_boxes(cloud: Cloud) -> np.ndarray:
    return np.array([(one.x, one.y, one.x + one.width, one.y + one.height) for one in cloud.words])


@pytest.fixture(scope="module")
def large(font):
    return draw(terms(66), font)


def test_no_two_glyphs_of_200_words_overlap_and_all_lie_in_the_picture(large):
    cloud = large
    assert len(cloud.words) == 198
    found = np.array(list(glyph_boxes(cloud)))
    assert overlaps(found[:, 1:], found[:, 0]) == 0
    boxes = word_boxes(cloud)
    assert overlaps(boxes, np.arange(len(boxes))) == 0
    assert boxes.min() >= 0
    assert boxes[:, 2].max() <= cloud.width
    assert boxes[:, 3].max() <= cloud.height


def test_a_words_box_holds_its_glyphs(font):
    cloud = draw(terms(20), font)
    for place, left, top, right, bottom in glyph_boxes(cloud):
        word = cloud.words[place]
        assert word.x - 2e-3 <= left
        assert right <= word.x + word.width + 2e-3
        assert word.y - 2e-3 <= top
        assert bottom <= word.y + word.height + 2e-3


def test_the_picture_is_filled(large):
    cloud = large
    boxes = word_boxes(cloud)
    area = sum(one.width * one.height for one in cloud.words)
    assert area > 0.55 * np.pi / 4 * cloud.width * cloud.height
    # Its middle is the picture's, and its corners are empty: an ellipse.
    middle = (boxes[:, :2].min(axis=0) + boxes[:, 2:].max(axis=0)) / 2
    assert middle == pytest.approx([450, 280], abs=1)
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2 / 450 - 1, (boxes[:, 1] + boxes[:, 3]) / 2 / 280 - 1
    assert np.hypot(x, y).max() < 1.1


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.tuples(st.floats(1, 300), st.floats(1, 60)), min_size=1, max_size=15),
    st.integers(1, 4),
    st.integers(0, 9),
)
def test_packed_boxes_never_overlap(sizes, groups, seed):
    boxes = np.array(sizes)
    owner = np.arange(len(boxes)) % groups
    corners = pack(boxes, owner, Sectors.of([1.0] * groups), 1.6, np.random.default_rng(seed))
    assert overlaps(np.column_stack([corners, corners + boxes]), np.arange(len(boxes))) == 0


def test_letters_grow_with_the_weight_on_one_scale_for_all_groups(font):
    rows = terms(30)
    rows["weight"] = np.tile(np.arange(30, 0, -1.0), 3)
    words = draw(rows, font).words
    for one, other in itertools.combinations(words, 2):
        if one.weight == other.weight:
            assert one.size == other.size
        elif one.weight > other.weight:
            assert one.size >= other.size
    assert words[0].size > 2 * words[-1].size


def test_no_letter_is_too_small_to_read_and_what_has_no_room_is_said(font):
    cloud = draw(terms(334), font, max_words=1002, legible=16)
    assert min(one.size for one in cloud.words) >= 16
    assert 60 < len(cloud.words) < 1000
    assert f"{len(cloud.words)} of 1002 terms have room in the cloud in letters that can be read." in cloud.notes
    counts = pd.Series([one.group for one in cloud.words]).value_counts()
    assert counts.nunique() == 1


def test_words_are_split_evenly_between_the_groups(font):
    rows = terms(40)
    rows.loc[rows["group"] == "Lu", "weight"] += 3
    cloud = draw(rows, font, max_words=60)
    assert pd.Series([one.group for one in cloud.words]).value_counts().to_dict() == {"Lu": 20, "Wei": 20, "Yan": 20}
    best = rows[rows["group"] == "Wei"].nlargest(20, "weight")["term"]
    assert {one.term for one in cloud.words if one.group == "Wei"} == set(best)


def test_every_group_has_its_own_side(font):
    two = draw(terms(40, ("Lu", "Wei")), font)
    middle = {
        name: np.mean([one.x + one.width / 2 for one in two.words if one.group == name]) for name in ("Lu", "Wei")
    }
    assert middle["Lu"] < 350
    assert middle["Wei"] > 550
    three = draw(terms(40), font)
    for name in COLOURS:
        own = np.array([(one.x + one.width / 2, one.y + one.height / 2) for one in three.words if one.group == name])
        others = np.array([(one.x + one.width / 2, one.y + one.height / 2) for one in three.words if one.group != name])
        near = np.hypot(*((own - own.mean(axis=0)) / (450, 280)).T)
        far = np.hypot(*((others - own.mean(axis=0)) / (450, 280)).T)
        assert np.median(near) < 0.7 * np.median(far)


def test_the_same_rows_in_any_order_give_the_same_bytes(font):
    rows = terms(15)
    rows.loc[:8, "weight"] = 2.0
    first = draw(rows, font).svg()
    assert draw(rows.sample(frac=1, random_state=3), font).svg() == first
    assert draw(rows.iloc[::-1], font).svg() == first
    assert draw(rows, font, seed=2).svg() != first


def test_a_term_stands_once_where_it_weighs_most_and_only_weights_above_0_count(font):
    rows = pd.DataFrame(
        [
            ("data", "Lu", 2.0),
            ("data", "Wei", 3.0),
            ("data", "Wei", 1.0),
            ("tax", "Lu", -1.0),
            ("port", "Lu", np.nan),
            ("fund", "Lu", 0.0),
            ("cloud", "Lu", 1.0),
            (" ", "Yan", 1.0),
        ],
        columns=["term", "group", "weight"],
    )
    cloud = draw(rows, font)
    assert [(one.term, one.group, one.weight) for one in cloud.words] == [("data", "Wei", 3.0), ("cloud", "Lu", 1.0)]
    assert cloud.notes == ("No term stands in the cloud for Yan.",)


def test_turned_words_stand_upright_and_overlap_nothing(font):
    cloud = draw(terms(30), font, turned=0.4)
    turned = [one for one in cloud.words if one.rotated]
    assert 15 < len(turned) < 60
    assert all(one.height == pytest.approx(one.length, rel=0.1) for one in turned)
    boxes = word_boxes(cloud)
    assert overlaps(boxes, np.arange(len(boxes))) == 0
    assert "rotate(-90)" in cloud.svg()
    assert "rotate(-90 " in cloud.live_svg()


def test_json_gives_an_equal_cloud_that_needs_no_font(font):
    cloud = draw(terms(20), font)
    again = Cloud.from_json(cloud.to_json())
    assert again == cloud
    assert again.svg() == cloud.svg()
    assert again.to_json() == cloud.to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "chainbert cloud 9"}', '{"format": "chainbert cloud 1"}'])
def test_a_damaged_file_is_refused(text):
    with pytest.raises(DataError, match=r"cloud: cannot be read \(.+\)\. Delete the file and run the study again"):
        Cloud.from_json(text)


def test_the_standalone_picture_is_outlines_with_a_name_and_a_description(font):
    cloud = draw(terms(20), font)
    root = ET.fromstring(cloud.svg("Words <of> cities", "Large & small"))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "cloud-title cloud-description"
    assert root.find(f"{SVG}title").text == "Words <of> cities"
    assert root.find(f"{SVG}desc").text == "Large & small"
    assert not root.findall(f".//{SVG}text")
    outlines = [path.get("id") for path in root.findall(f"{SVG}defs/{SVG}path")]
    assert len(outlines) == len(set(outlines))
    uses = {use.get("href").removeprefix("#") for use in root.iter(f"{SVG}use")}
    assert uses == set(outlines)
    assert {group.get("fill") for group in root.findall(f"{SVG}g")} == set(COLOURS.values())
    named = [title.text for title in root.iter(f"{SVG}title")][1:]
    assert sorted(named) == sorted(f"{one.term} ({one.group}, {one.weight:.2f})" for one in cloud.words)


def test_every_character_of_every_word_is_drawn_in_its_place(font):
    cloud = draw(terms(20), font)
    root = ET.fromstring(cloud.svg())
    paths = {path.get("id"): path.get("d") for path in root.findall(f"{SVG}defs/{SVG}path")}
    drawn = {}
    for word in root.iter(f"{SVG}g"):
        title = word.find(f"{SVG}title")
        if title is not None:
            term = title.text.split(" (")[0]
            drawn[term] = [paths[use.get("href")[1:]] for use in word.findall(f"{SVG}use")]
    for word in cloud.words:
        assert drawn[word.term] == [cloud.glyphs[one].path for one in word.term]


def test_the_live_picture_is_text_of_the_measured_length_in_the_groups_css_colour(font):
    cloud = draw(terms(20), font)
    svg = cloud.live_svg(lambda group: f"var(--city-{list(COLOURS).index(group)})", 'Words "a" & b')
    root = ET.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == 'Words "a" & b'
    assert [group.get("style") for group in root.findall("g")] == [f"fill:var(--city-{n})" for n in range(3)]
    texts = {one.text: one for one in root.iter("text")}
    assert set(texts) == {one.term for one in cloud.words}
    for word in cloud.words:
        text = texts[word.term]
        assert text.get("data-term") == word.term
        assert text.get("lengthAdjust") == "spacingAndGlyphs"
        assert float(text.get("textLength")) == pytest.approx(word.length, abs=0.01)
        assert float(text.get("font-size")) == pytest.approx(word.size, abs=0.01)
        assert (text.get("lang") == "zh-Hans") == any(map(is_han, word.term))
    assert "fill:#7a2e8f" in cloud.live_svg()


def test_markup_in_terms_and_groups_is_text(tmp_path):
    font = make_font(tmp_path / "all.ttf", LATIN + "<>/&\"'")
    rows = pd.DataFrame(
        [("<script>", "a\"><b>'&", 2.0), ('r&d"', "a\"><b>'&", 1.0)], columns=["term", "group", "weight"]
    )
    cloud = draw(rows, font, colours={"a\"><b>'&": "#000"})
    for svg in (cloud.svg(), cloud.live_svg(label="a\x00\"><b>'&")):
        assert "<script" not in svg
        assert "<b>" not in svg
        ET.fromstring(svg)
    assert ET.fromstring(cloud.live_svg()).find("g/text").text == "<script>"


def test_files_are_written_whole_and_the_pdf_is_vector(font, tmp_path):
    cloud = draw(terms(20), font)
    assert cloud.save(tmp_path / "sub" / "cloud.svg", "Title").read_text(encoding="utf-8") == cloud.svg("Title")
    png = cloud.save(tmp_path / "cloud.PNG").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(png[16:20], "big") == 2700
    pdf = cloud.save(tmp_path / "cloud.pdf").read_bytes()
    assert pdf[:5] == b"%PDF-"
    assert b"/Subtype /Image" not in pdf
    assert b"/Font" not in pdf
    with pytest.raises(ConfigError, match=r"found the ending '\.gif'; a cloud is written as \.svg, \.png or \.pdf"):
        cloud.save(tmp_path / "cloud.gif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cloud.PNG", "cloud.pdf", "sub"]


def test_a_phones_cloud_is_made_of_the_heaviest_words_without_a_font(large):
    cloud = Cloud.from_json(large.to_json())
    small = cloud.reshaped(340, 480, max_words=60, rng=np.random.default_rng(0))
    assert (small.width, small.height) == (340, 480)
    assert 30 <= len(small.words) <= 60
    assert min(one.size for one in small.words) >= 11
    heaviest = [one.term for one in cloud.words if one.group == "Lu"][: sum(one.group == "Lu" for one in small.words)]
    assert [one.term for one in small.words if one.group == "Lu"] == heaviest
    boxes = word_boxes(small)
    assert overlaps(boxes, np.arange(len(boxes))) == 0
    assert boxes[:, 2].max() <= 340
    assert boxes[:, 3].max() <= 480


def test_without_a_chinese_font_the_english_terms_are_drawn_and_the_others_named(tmp_path):
    latin = make_font(tmp_path / "latin.ttf", LATIN)
    rows = pd.DataFrame(
        [
            ("区块链", "Lu", 3.0),
            ("ledger", "Lu", 2.0),
            ("数据", "Wei", 2.0),
            ("AI 平台", "Wei", 1.0),
            ("port", "Wei", 1.0),
        ],
        columns=["term", "group", "weight"],
    )
    cloud = draw(rows, latin)
    assert [one.term for one in cloud.words] == ["ledger", "port"]
    (note, _) = cloud.notes
    assert note.startswith("No font on this machine has these Chinese terms, which are left out of the cloud: 区块链, ")
    assert "AI 平台" in note
    assert "apt-get install fonts-noto-cjk" in note
    assert set("区块链数据平台") & set(cloud.svg()) == set()


def test_no_font_at_all_leaves_an_empty_picture_that_says_so():
    cloud = draw(terms(3), None)
    assert cloud.words == ()
    assert any("No font on this machine" in note for note in cloud.notes)
    ET.fromstring(cloud.svg())
    ET.fromstring(cloud.live_svg())


def test_emoji_right_to_left_and_endless_terms_are_left_out_and_named(font):
    rows = pd.DataFrame(
        [("😀", "Lu", 9.0), ("سلسلة", "Lu", 8.0), ("x" * 300, "Lu", 7.0), ("ledger", "Lu", 1.0)],
        columns=["term", "group", "weight"],
    )
    cloud = draw(rows, font, colours={"Lu": "#000"})
    assert [one.term for one in cloud.words] == ["ledger"]
    assert cloud.notes == (
        "No font on this machine has these terms, which are left out of the cloud: 😀.",
        "Terms from right to left or with joined letters are left out of the cloud: سلسلة.",
        "Terms that are too long for the picture are left out of the cloud: xxxxxxxxxxxx….",
    )


def test_controls_that_turn_text_do_not_turn_the_note(font):
    rows = pd.DataFrame([("a\u202eb", "Lu", 2.0), ("ledger", "Lu", 1.0)], columns=["term", "group", "weight"])
    cloud = draw(rows, font, colours={"Lu": "#000"})
    assert [one.term for one in cloud.words] == ["ledger"]
    assert "a\ufffdb" in cloud.notes[0]


def test_of_many_terms_that_cannot_be_drawn_the_first_are_named(font):
    rows = pd.DataFrame({"term": [chr(0x4E00 + n) for n in range(40)], "group": "Lu", "weight": range(40, 0, -1)})
    (note, *_) = draw(rows, font).notes
    assert " … (+ 28). To see them" in note


def test_a_long_term_is_smaller_than_its_weight_says_not_as_wide_as_the_picture(font):
    rows = terms(20)
    rows.loc[0, ["term", "weight"]] = ["supply chain finance platform of ports", 30.0]
    cloud = draw(rows, font)
    longest = next(one for one in cloud.words if " " in one.term)
    assert longest.width <= 0.7 * cloud.width
    assert longest.size < max(one.size for one in cloud.words)


@pytest.mark.parametrize(("n", "groups"), [(1, ("Lu",)), (1, ("Lu", "Wei", "Yan")), (40, ("Lu",)), (2, ("Wei", "Yan"))])
def test_few_terms_and_few_groups(font, n, groups):
    cloud = draw(terms(n, groups), font)
    assert len(cloud.words) == n * len(groups)
    assert max(one.size for one in cloud.words) <= 0.2 * cloud.height + 0.01
    boxes = word_boxes(cloud)
    assert overlaps(boxes, np.arange(len(boxes))) == 0
    ET.fromstring(cloud.svg())


def test_no_term_gives_an_empty_picture(font):
    cloud = draw(pd.DataFrame({"term": [], "group": [], "weight": []}), font)
    assert cloud.words == ()
    assert cloud.notes == ("There is no term for the cloud.",)
    ET.fromstring(cloud.svg())


def test_what_cannot_be_drawn_as_asked_is_refused(font):
    rows = terms(2)
    with pytest.raises(DataError, match="columns term, group found; weight is missing"):
        draw(rows[["term", "group"]], font)
    with pytest.raises(DataError, match="no colour for Wei, Yan; colours has Lu"):
        draw(rows, font, colours={"Lu": "#000"})
    with pytest.raises(DataError, match="an infinite weight found"):
        draw(rows.assign(weight=np.inf), font)
    with pytest.raises(ConfigError, match="width 0, height 560, max_words 200 found; all must be above 0"):
        draw(rows, font, width=0)


def test_the_fonts_of_this_machine_draw_both_scripts_without_a_box(monkeypatch):
    monkeypatch.undo()
    rows = pd.DataFrame(
        [("区块链", "Lu", 3.0), ("supply chain", "Lu", 2.0), ("供应链金融", "Wei", 2.0)],
        columns=["term", "group", "weight"],
    )
    cloud = draw(rows, None)
    if len(cloud.words) < 3:
        pytest.skip("no Chinese font on this machine")
    pictures = set()
    for one in "区块链供应金融suplychain":
        path = f'<path transform="translate(100 900)" d="{cloud.glyphs[one].path}"/>'
        pictures.add(
            vl_convert.svg_to_png(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1200 1200">{path}</svg>')
        )
    assert len(pictures) == len(set("区块链供应金融suplychain"))


@pytest.mark.slow
def test_200_words_of_three_groups_take_3_seconds_at_most(font):
    rows = terms(66)
    started = time.perf_counter()
    draw(rows, font).svg()
    assert time.perf_counter() - started < 3


def test_the_json_is_one_line_of_plain_data(font):
    content = json.loads(draw(terms(3), font).to_json())
    assert set(content) == {"format", "words", "colours", "width", "height", "glyphs", "notes"}
    assert re.fullmatch(r"chainbert cloud \d", content["format"])
