import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies import mask_cities
from chainbert.companies.cities import known_cities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("总部位于北京市海淀区。", "总部位于本市。"),
        ("广东省深圳市南山区的团队", "本市的团队"),
        ("公司位於臺北市和廣州", "公司位於本市和本市"),
        ("北京市场和上海市民", "本市市场和本市市民"),
        ("公司在北京昌平，研发在上海张江", "公司在本市，研发在本市"),
        ("中关村的创业者", "本市的创业者"),
        ("位于Shanghai的公司", "位于the city的公司"),
        ("It is based in Haidian, Beijing.", "It is based in the city."),
        ("Beijing is large. Shanghai too.", "The city is large. The city too."),
        ("a Shenzhen-based firm of the Beijing area", "a city-based firm of the city area"),
        ("in Xi'an, Xi’an and SHENZHEN", "in the city, the city and the city"),
        ("BeiJing Foo sells in ShenZhen", "The city Foo sells in the city"),
        ("near Futian District", "near the city"),
    ],
)
def test_city_names_become_the_city(text, expected):
    assert mask_cities(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "员工有三年以上海外经验",
        "出售大理石和白银，平安开封",
        "各部门共同构成都市圈",
        "广东省的市场",
        "产品销往新加坡和伦敦",
        "Sold in Singapore and New York",
        "Guangming and Longhua are people here",
        "The Republic of China, Chinese and Beijinger",
        "he said so in a canton",
    ],
)
def test_words_that_only_resemble_cities_stay(text):
    assert mask_cities(text) == text


def test_ordinary_words_are_cities_only_with_their_title():
    assert mask_cities("公司在白银市开采白银") == "公司在本市开采白银"


CITY_CHARACTERS = {
    character
    for city in known_cities()
    for name in (*city.chinese, *(chinese for chinese, _ in city.districts))
    for character in name
}


@given(st.text(st.characters(exclude_categories=["Cs", "Lu"]).filter(lambda one: one not in CITY_CHARACTERS)))
@settings(deadline=None)
def test_text_without_city_names_never_changes(text):
    assert mask_cities(text) == text


@given(st.sampled_from([city for city in known_cities() if city.bare and city.province]))
@settings(deadline=None)
def test_every_city_is_masked_in_both_languages(city):
    assert mask_cities(f"公司位于{city.chinese[0]}。") == "公司位于本市。"
    assert mask_cities(f"Based in {city.name.partition(' (')[0]}.") == "Based in the city."
