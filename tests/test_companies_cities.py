import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainbert.companies import city_name
from chainbert.companies.cities import known_cities

NAMES = [name for city in known_cities() for name in (city.name, *city.chinese, *city.latin)]
PLACES = st.lists(
    st.one_of(
        st.sampled_from([*NAMES, "海淀区", "广东省", "Haidian District", "江西", "其他", "--"]), st.text(max_size=4)
    ),
    max_size=3,
).flatmap(lambda parts: st.sampled_from(["", " ", "-", " · ", ", ", "/"]).map(lambda glue: glue.join(parts)))


@pytest.mark.parametrize(
    ("city", "province", "expected"),
    [
        ("北京", "", "Beijing"),
        ("Peking", "", "Beijing"),
        ("BEIJING", "", "Beijing"),
        ("Beijing City", "", "Beijing"),
        ("北京市", "", "Beijing"),
        ("北京市海淀区", "", "Beijing"),
        ("北京 · 昌平区", "", "Beijing"),
        ("北京-朝阳区", "", "Beijing"),
        ("Haidian, Beijing", "", "Beijing"),
        ("海淀区", "北京", "Beijing"),
        ("", "北京市", "Beijing"),
        ("浦东新区", "上海", "Shanghai"),
        ("浦東新區", "", "Shanghai"),
        ("Pudong", "", "Shanghai"),
        ("广东省深圳市南山区", "", "Shenzhen"),
        ("Shenzhen, Guangdong, China", "", "Shenzhen"),
        ("Shen Zhen", "", "Shenzhen"),
        ("廣州市", "", "Guangzhou"),
        ("吉林 · 长春", "", "Changchun"),
        ("吉林省吉林市", "", "Jilin City"),
        ("亚洲 · 新加坡", "", "Singapore"),
        ("香港特别行政区", "", "Hong Kong"),
        ("中西区", "香港", "Hong Kong"),
        ("Taizhou", "", "Taizhou"),
        ("Taizhou", "Jiangsu", "Taizhou (Jiangsu)"),
        ("Xian", "", "Xi'an"),
        ("Baoshan", "", "Baoshan"),
        ("Baoshan", "Shanghai", "Shanghai"),
        ("西湖区", "浙江", "Hangzhou"),
        ("西湖区", "江西", "西湖区"),
        ("", "广东", "广东"),
        ("北美洲-美国", "", "北美洲 · 美国"),
        ("Saint-Denis", "", "Saint-Denis"),
        ("  Lyon ", "", "Lyon"),
        ("--", "", ""),
        ("创业者", "", ""),
    ],
)
def test_one_name_for_every_way_of_writing_a_city(city, province, expected):
    assert city_name(city, province) == expected


@given(PLACES, st.sampled_from(["", "北京", "广东", "Jiangsu", "Nowhere"]))
@settings(deadline=None)
def test_canonical_names_stay(city, province):
    once = city_name(city, province)
    assert city_name(once) == once


def test_every_chinese_provincial_capital_is_known():
    capitals = (
        "北京 天津 上海 重庆 石家庄 太原 呼和浩特 沈阳 长春 哈尔滨 南京 杭州 合肥 福州 南昌 济南 郑州 武汉 长沙 广州 "
        "南宁 海口 成都 贵阳 昆明 拉萨 西安 兰州 西宁 银川 乌鲁木齐 台北 香港 澳门"
    )
    assert all(city_name(f"{capital}市").isascii() for capital in capitals.split())


def test_table_has_each_city_once():
    names = [city.name for city in known_cities()]
    assert len(set(names)) == len(names) > 300
    assert all(city_name(name) == name for name in names)
