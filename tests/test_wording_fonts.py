import json
from pathlib import Path

import pytest
from font_files import make_font
from fontTools.ttLib import TTCollection, TTFont

from chainbert.errors import ConfigError
from chainbert.wording import fonts
from chainbert.wording.folding import is_han
from chainbert.wording.fonts import faces_for
from chainbert.wording.glyphs import extent, glyphs_of, needs_shaping


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "font_folders", lambda: [tmp_path])
    return tmp_path


def test_the_wanted_face_comes_first_and_others_fill_what_it_lacks(folder):
    make_font(folder / "a" / "Zebra.ttf", "abc链★")
    make_font(folder / "b" / "DejaVuSans.ttf", "abc★")
    chinese = make_font(folder / "c" / "wqy-zenhei.ttf", "链块")
    chosen = faces_for("链a★")
    assert [Path(face.name).name for face in chosen] == ["wqy-zenhei.ttf", "DejaVuSans.ttf"]
    assert [face.name for face in faces_for("块 链")] == [str(chinese)]
    assert sorted(glyphs_of("链a块", chosen)) == ["a", "块", "链"]


def test_a_character_that_no_font_has_stays_missing(folder):
    make_font(folder / "DejaVuSans.ttf", "abc")
    assert sorted(glyphs_of("a链", faces_for("a链"))) == ["a"]
    assert faces_for("链") == []


def test_boxes_for_missing_characters_and_empty_outlines_are_not_glyphs(folder):
    make_font(folder / "DejaVuSans.ttf", "ab ", tofu="链", empty="☺")
    (face,) = faces_for("ab")
    assert face.draws("a")
    assert face.draws(" ")
    assert not face.draws("链")
    assert not face.draws("☺")


def test_a_damaged_font_is_passed_over(folder):
    (folder / "NotoSansSC-Regular.otf").write_bytes(b"no font")
    whole = make_font(folder / "DejaVuSans.ttf", "ab").read_bytes()
    (folder / "NotoSans-Regular.ttf").write_bytes(whole[: len(whole) // 2])
    assert [Path(face.name).name for face in faces_for("ab")] == ["DejaVuSans.ttf"]


def test_bold_serif_and_fixed_width_faces_are_not_looked_at(folder):
    for name in ("Zebra-Bold.ttf", "ZebraMono.ttf", "Zebra-Italic.ttf", "ZebraSerif.ttf"):
        make_font(folder / name, "ab")
    assert faces_for("ab") == []


def test_a_given_font_comes_before_all_others(folder):
    make_font(folder / "wqy-zenhei.ttf", "链ab")
    own = make_font(folder / "own" / "Zebra-Bold.ttf", "ab")
    assert [face.name for face in faces_for("ab", own)] == [str(own)]
    assert [Path(face.name).name for face in faces_for("ab链", own)] == ["Zebra-Bold.ttf", "wqy-zenhei.ttf"]


def test_a_given_font_that_cannot_be_read_is_refused(folder):
    with pytest.raises(ConfigError, match=r"nothing\.ttf: no such file; expected a \.ttf"):
        faces_for("ab", folder / "nothing.ttf")
    (folder / "text.ttf").write_text("no font")
    with pytest.raises(ConfigError, match=r"text\.ttf: cannot be read as a font with outlines"):
        faces_for("ab", folder / "text.ttf")


def test_of_a_collection_the_proportional_simplified_chinese_face_is_taken(folder):
    names = ("Han Sans Mono CJK SC", "Han Sans CJK JP", "Han Sans CJK SC", "Han Sans CJK TC")
    collection = TTCollection()
    for place, name in enumerate(names):
        made = make_font(folder / "parts" / f"{place}.ttf", "链" if name == "Han Sans CJK SC" else "链块", name=name)
        collection.fonts.append(TTFont(made))
    collection.save(folder / "NotoSansCJK-Regular.ttc")
    (face, *_) = faces_for("链")
    assert face.name.endswith(".ttc")
    assert not face.draws("块")


def test_a_variable_font_is_drawn_in_its_regular_weight(folder):
    make_font(folder / "NotoSans[wght].ttf", "a", heavy=True)
    (face,) = faces_for("a")
    glyph = face.glyph("a")
    # 400 lies at 3/8 between 100 and 900, where the letter is 200 units wider.
    assert glyph.right - glyph.left == pytest.approx(0.5 + 0.2 * 3 / 8, abs=2e-3)


def test_a_glyph_has_its_measures_in_em_and_its_path_downwards(folder):
    make_font(folder / "DejaVuSans.ttf", "a ")
    glyph = glyphs_of("a ", faces_for("a"))["a"]
    assert (glyph.advance, glyph.left, glyph.bottom, glyph.right, glyph.top) == (0.6, 0.05, 0.0, 0.55, 0.7)
    assert glyph.path.startswith("M50 0V-700H550V0")


def test_a_terms_box_holds_its_ink_its_advance_and_other_fonts_letters(folder):
    make_font(folder / "DejaVuSans.ttf", "agE链")
    glyphs = glyphs_of("agE链", faces_for("agE链"))
    one = extent("ag", glyphs)
    assert one.advance == pytest.approx(1.2)
    assert (one.left, one.right) == (0.0, pytest.approx(1.2))
    assert one.top == 0.7
    assert one.bottom <= -0.2
    assert extent("a", glyphs).bottom > -0.05
    assert extent("链", glyphs).top == 0.9
    with pytest.raises(KeyError):
        extent("b", glyphs)


@pytest.mark.parametrize(
    "term", ["سلسلة", "שרשרת", "ब्लॉक", "บล็อก", "e\u0301", "👩\u200d💻", "🇨🇳", "a\u202eb", "a\x00b"]
)
def test_terms_whose_characters_are_not_yet_the_term(term):
    assert needs_shaping(term)


@pytest.mark.parametrize("term", ["区块链", "supply chain", "c++", "é", "блокчейн", "ブロック", "r&d"])
def test_terms_that_are_their_characters(term):
    assert not needs_shaping(term)


def test_chinese_characters():
    assert all(map(is_han, "区鏈㐀"))
    assert not any(map(is_han, "aブ、！1"))


def test_font_folders_exist_and_follow_the_environment(tmp_path, monkeypatch):
    (tmp_path / "fonts").mkdir()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = fonts.font_folders()
    assert found[0] == tmp_path / "fonts"
    assert all(folder.is_dir() for folder in found)


def test_of_the_fonts_of_this_machine_no_drawn_character_is_its_box():
    text = "区块链供应链金融 blockchain 1234"
    chosen = faces_for(text)
    if not chosen:
        pytest.skip("no font on this machine")
    boxes = {face._missing for face in chosen}
    drawn = glyphs_of(text, chosen)
    assert not boxes & {glyph.path for glyph in drawn.values()}
    assert json.dumps([glyph.path for glyph in drawn.values()])
