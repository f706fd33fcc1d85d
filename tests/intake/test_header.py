import pytest

from aidlib.intake.header import find_header, letter, normal, unit_of

KNOWN = {"家庭编号", "年度", "姓名1", "家庭成员1/姓名", "家庭成员1/关系", "收入", "姓名"}


def test_a_header_below_titles():
    head = [
        ["甲市汇总表", None, None],
        ["填报单位：", "日期", None],
        ["家庭编号", "年度", "收入（元）"],
        ["H1", "2025", "5"],
    ]
    header = find_header(head, KNOWN)
    assert (header.start, header.rows) == (3, 1)
    assert [(h.position, h.text, h.unit) for h in header.headings] == [
        (0, "家庭编号", ""),
        (1, "年度", ""),
        (2, "收入（元）", "元"),
    ]


def test_a_merged_header_of_two_rows():
    head = [
        ["汇总表", None, None, None],
        ["家庭编号", "家庭成员1", None, "收入"],
        [None, "姓名", "关系", None],
        ["H1", "某", "妻", "1"],
    ]
    header = find_header(head, KNOWN)
    assert (header.start, header.rows) == (3, 2)
    assert [h.text for h in header.headings] == ["家庭编号", "家庭成员1/姓名", "家庭成员1/关系", "收入"]


def test_no_header_is_none():
    assert find_header([["a", "b"], ["1", "2"]], KNOWN) is None
    assert find_header([["家庭编号", "b", "c"]], KNOWN) is None  # one known word is chance


@pytest.mark.parametrize(
    ("text", "plain", "unit"),
    [
        ("＊家庭 编号", "家庭编号", ""),
        ("年收入\n（万元）", "年收入", "万元"),
        ("收入(元/月)", "收入", "元/月"),
        ("身份（类别）", "身份(类别)", ""),
    ],
)
def test_headings_are_compared_without_stars_spaces_and_units(text, plain, unit):
    assert normal(text) == plain
    assert unit_of(text) == unit


def test_letters_of_columns():
    assert [letter(i) for i in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_the_same_header_below_other_titles_starts_where_it_stands():
    plain = [["家庭编号", "年度"], ["H1", "2020"]]
    first, second = find_header(plain, KNOWN), find_header([["题名", None], *plain], KNOWN)
    assert (first.start, second.start) == (1, 2)
    assert first.headings == second.headings
