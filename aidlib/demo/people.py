"""Household members: who lives together, born when, under which invented name and identity number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from aidlib.demo.columns import Text, joined, padded, where, words
from aidlib.demo.parameters import FACTORS, FIRST, YEARS, Parameters
from aidlib.demo.places import Places
from aidlib.demo.population import household_sizes
from aidlib.demo.streams import stream
from aidlib.demo.units import Units

NOBODY, SELF, SPOUSE, STUDENT, JOBLESS_CHILD, CHILD, PARENT = range(7)
RELATIONS = ("other", "self", "spouse", "child", "child", "child", "parent")  # dictionary codes by position
SLOTS = 6
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金"
    "石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国志文辉力永健鹏飞鑫波斌宇浩凯晨雪琳倩颖婷慧莹洁雯璐瑶佳欣怡悦蕾"
    "薇菲蓉瑞祥福贵富顺安康宁和睦仁义礼信忠孝廉耻善良德才学思远航海江河湖山峰岭松柏竹菊荷莲春夏秋冬晓旭阳光月星云雨虹霖岩石金银"
    "铜铁锋锐钢铭钧铎镇宏宽广厚博达通畅胜利捷凡尘子孟仲叔季少长元亨贞昌盛兴旺隆庆喜乐欢笑嘉美佩芬芝芸茜苗茂荣萍蓝青翠碧紫丹彤朱墨"
    "素淑贤惠珍珠宝琴棋书画诗词歌曲剑弓矢戈武威震雷霆鼎铮立业成功就绪维纲纪伦常守正清源泉流润泽澄澈洪涌渊沛溪汉泰恒岱衡嵩启迪开"
    "拓展翔翼凌霄汇聚会同友朋亮朗照耀辰昊昕昱晖晟景暄"
)  # fmt: skip
RARE = ("堃", "喆", "珺", "翀", "祎", "犇", "䶮", "㛃")  # outside GB2312
CANARY = "鸑鷟龘靐齉爩"
STREETS = ("和平路", "建设街", "工人村", "解放巷", "幸福里", "新华路", "劳动街", "光明巷")
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])  # GB 11643-1999
_CHECK = np.array(list("10X98765432"))
_FIRST_SEQUENCE = 121  # numbers whose last digits could be taken for rounded ones are left out


@dataclass(eq=False)
class People:
    """Arrays n × 6 (the worker first): relation, birth (year), female, id_number and name (flat Arrow texts of n·6).

    size: persons in the household. place: a random number of each person, for traits. patient, disabled: the slot of
    the person who would be it. earner: the slot of the jobless earner. canary: flat positions of the planted names.
    """

    size: np.ndarray
    relation: np.ndarray
    birth: np.ndarray
    female: np.ndarray
    place: np.ndarray
    patient: np.ndarray
    disabled: np.ndarray
    earner: np.ndarray
    id_number: Text
    name: Text
    phone: Text
    address: Text
    canary: np.ndarray


def make_people(p: Parameters, places: Places, units: Units, seed: int) -> People:
    """Members of every unit; those that a factor needs (a student, a jobless child) are always there."""
    rng = stream(seed, "people")
    n = len(units)
    size, relation = _composition(p, rng, units)
    birth = _births(rng, relation, units.recruited)
    female = rng.random((n, SLOTS)) < 0.5
    female[:, 1] = np.where(relation[:, 1] == SPOUSE, ~female[:, 0], female[:, 1])
    number = _identity_numbers(rng, places.county[units.psu], birth, female, relation > 0)
    name, canary = _names(p, rng, n, np.flatnonzero(units.visit[:, -1] == 1))
    second = relation[:, 1] == SPOUSE
    elder = np.where((relation == PARENT).any(axis=1), (relation == PARENT).argmax(axis=1), 0)
    draw = rng.random((3, n))
    patient = np.where(draw[0] < 0.5, 0, np.where(second & (draw[0] < 0.8), 1, elder))
    disabled = np.where(draw[1] < 0.4, 0, np.where(second & (draw[1] < 0.8), 1, elder))
    earner = np.where(second & (draw[2] > 0.6), 1, 0)
    phone = joined("100", padded((rng.integers(10**8) + 73_939_133 * np.arange(n)) % 10**8, 8))
    return People(
        size, relation, birth, female, rng.random((n, SLOTS)), patient, disabled, earner, number, name, phone,
        _addresses(rng, n), canary,
    )  # fmt: skip


def _composition(p: Parameters, rng: np.random.Generator, units: Units) -> tuple[np.ndarray, np.ndarray]:
    ever: np.ndarray = np.asarray(units.factors.any(axis=1))
    student, jobless = ever[:, FACTORS.index("student")], ever[:, FACTORS.index("jobless_child")]
    widowed = ever[:, FACTORS.index("widowed")]
    needed = student.astype(int) + jobless
    size = household_sizes(p, rng, ever)
    rest = size - 1 - needed
    spouse = (~widowed & (rest > 0) & (rng.random(len(units)) < 0.9)).astype(int)
    rest -= spouse
    parents = np.minimum(rng.binomial(rest, 0.4), 2)
    edges = np.cumsum(np.stack([spouse, student, jobless, rest - parents, parents], axis=1), axis=1)
    slot = np.arange(1, SLOTS)[None, :]
    kind = (slot[:, :, None] > edges[:, None, :]).sum(axis=2)
    others = np.array([SPOUSE, STUDENT, JOBLESS_CHILD, CHILD, PARENT, NOBODY])[kind]
    return size, np.concatenate([np.full((len(units), 1), SELF), others], axis=1).astype(np.int8)


def _births(rng: np.random.Generator, relation: np.ndarray, recruited: np.ndarray) -> np.ndarray:
    """Years of birth: the worker is 28 to 52 in 2018, a student stays one in all waves, small children stay small."""
    n = len(relation)
    draw = rng.random((n, SLOTS))
    later = (recruited - FIRST)[:, None]
    student = FIRST - 19 + np.floor(draw * (5 + later))
    jobless = FIRST - 30 + np.floor(draw * 13)
    child = np.where(draw < 0.3, FIRST - 28 + np.floor(draw / 0.3 * 6), FIRST - 6 + np.floor((draw - 0.3) / 0.7 * 7))
    children = np.select(
        [relation == STUDENT, relation == JOBLESS_CHILD, relation == CHILD], [student, jobless, child], 9999
    )
    worker = np.minimum(FIRST - 28 - np.floor(draw[:, :1] * 25), children.min(axis=1, keepdims=True) - 20)
    spouse = np.minimum(worker + np.floor(draw * 9) - 4, children.min(axis=1, keepdims=True) - 19)
    parent = worker - 21 - np.floor(draw * 8)
    birth = np.select(
        [relation == SELF, relation == SPOUSE, relation == PARENT], [worker + 0 * draw, spouse, parent], children
    )
    return np.where(relation == NOBODY, 0, birth).astype(np.int16)


def _identity_numbers(
    rng: np.random.Generator, county: np.ndarray, birth: np.ndarray, female: np.ndarray, there: np.ndarray
) -> Text:
    """Eighteen digits: county with prefix 99, day of birth, sequence by sex, check digit; no two alike."""
    n = birth.size
    year = birth.ravel().astype(np.int64)
    month, day = rng.integers(1, 13, n), rng.integers(1, 29, n)
    place = np.repeat(county.astype(np.int64), SLOTS)
    cell = ((place * 10_000 + year) * 10_000 + month * 100 + day) * 2 + female.ravel()
    cell[~there.ravel()] = -1
    order = np.argsort(cell, kind="stable")
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n) - np.searchsorted(cell[order], cell[order])
    rank[~there.ravel()] = 0
    sequence = _FIRST_SEQUENCE + 2 * rank + female.ravel()
    head = ((place * 10_000 + year) * 10_000 + month * 100 + day) * 1000 + sequence
    text = joined(pa.array(head).cast(pa.string()), words(_check_signs(head), list(_CHECK)))
    return where(there.ravel(), text, pa.nulls(n, pa.string()))


def _check_signs(head: np.ndarray) -> np.ndarray:
    """Position of the right check sign in "10X98765432" for numbers of 17 digits (ISO 7064 MOD 11-2)."""
    digits = head[:, None] // 10 ** np.arange(16, -1, -1, dtype=np.int64) % 10
    return digits @ _WEIGHTS % 11


def _names(p: Parameters, rng: np.random.Generator, n: int, seen: np.ndarray) -> tuple[Text, np.ndarray]:
    """Names of n·6 persons, and where the rare ones for the leak scan stand: workers interviewed last (``seen``)."""
    total = n * SLOTS
    given = list(dict.fromkeys(GIVEN))
    surname = np.repeat(rng.integers(0, len(SURNAMES), n), SLOTS)
    one, two = rng.integers(0, len(given), total), rng.integers(-len(given) // 3, len(given), total)
    last = where(two >= 0, words(np.maximum(two, 0), given), pa.array([""] * total, pa.string()))
    rare = words(rng.integers(0, len(RARE), total), RARE)
    last = where(rng.random(total) < p.rare_name, rare, last)
    name = joined(words(surname, list(SURNAMES)), words(one, given), last)
    homes = np.sort(rng.permutation(seen)[: p.canaries])
    canary = homes * SLOTS  # the workers
    planted = np.zeros(total, bool)
    planted[canary] = True
    letters = np.zeros(total, int)
    letters[canary] = np.arange(len(canary))
    special = [CANARY[i // 6] + CANARY[2 + i % 4] + CANARY[(i * 5 + 1) % 6] + given[i] for i in range(p.canaries)]
    return where(planted, words(np.minimum(letters, p.canaries - 1), special), name), canary


def _addresses(rng: np.random.Generator, n: int) -> Text:
    return joined(
        words(rng.integers(0, len(STREETS), n), STREETS), pa.array(rng.integers(1, 300, n)).cast(pa.string()), "号"
    )


def ages(people: People, t: int) -> np.ndarray:
    """Ages in wave ``t`` (n × 6), years."""
    return YEARS[t] - people.birth
