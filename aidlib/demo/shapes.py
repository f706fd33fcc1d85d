"""The forms: which headings each file has, in which order, in which year and city."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from aidlib.demo.parameters import CITIES

NEW_FORM = 2020  # first year of the second form
MEMBERS = range(1, 6)
# section, then a line a column: key, heading of the form of 2018-2019 (- where it lacks it), heading from 2020 where it
# differs; "w." are the worker's own
_FORM = """
# 基本信息
year 年度
household_id 家庭编号
dossier_id 职工编号 档案编号
region 所属市 地区
county 行政区划代码 区县
urban 城区
# 抽样信息
stratum 层
psu 初级抽样单位
psu_population 层内初级单位总数
weight 权数 权重
frame 样本类别
response 访问结果 调查结果
interview_date 调查时间 入户日期
interviewer 调查人 调查员编号
# 职工本人
w.name 姓名
w.id_number 身份证号
w.sex 性别
w.phone 手机号码 联系电话
w.address 家庭住址
w.politics 政治面貌
w.marital 婚姻状况
w.hukou 户口类型 户口性质
w.education 文化程度 学历
w.work_status 身份 工作状态
w.health 健康状况
w.disability 残疾类别
w.disability_level 残疾等级
w.pension_insurance 养老保险
w.medical_insurance 医保状况 参保情况
w.income_month 本人月平均收入 月收入
industry 所属行业
employer_type 单位性质
# 家庭情况
members 家庭人口 家庭人数
dependants_outside 户外供养人数
single_parent 是否单亲
zero_employment 是否为零就业家庭
housing 住房类型
area 建筑面积 住房面积
dwellings 房产套数
car 拥有车辆
savings 存款
debt 负债
# 收入支出
line 当地低保标准 低保标准
income_year 家庭年度总收入 家庭年可支配收入
wages_year 工资性收入
pension_year 养老金收入
dibao_year 低保收入
union_aid_year 工会帮扶收入
other_income_year 其他收入
income 家庭月人均收入 人均月收入
rigid_medical_gross 医疗总费用
rigid_medical 自付医疗费用 医疗自付支出
rigid_schooling 教育支出
rigid_disability 残疾照料支出
rigid_work - 必要就业成本
rigid_other 其他刚性支出
rigid_year 刚性支出 刚性支出合计
accident_loss_year 意外损失
dibao_received 低保情况 是否享受低保
# 致困情况
recorded_grade 困难类别
cause_main 致困主要原因 主要致困原因
cause_secondary 次要致困原因
cause_text 其他原因说明
self_help 是否有一定自救能力
# 生活与心态
life_satisfaction 生活满意度
ends_meet 收支感受
pressure 经济压力
strain_1 压力量表1
strain_2 压力量表2
strain_3 压力量表3
strain_4 压力量表4（反向）
strain_5 压力量表5
phq2 情绪筛查得分PHQ-2
deprivation 生活剥夺项数
self_health - 自评健康
days_absent 近30天缺勤天数
effectiveness 工作效率
motivation - 工作积极性
knows_rules 知晓帮扶政策
felt_help 感受到工会帮助
satisfied_amount 满意度：金额
satisfied_speed 满意度：速度
satisfied_attitude 满意度：态度
satisfied_fairness 满意度：公平
wishes 最需要的帮助
wish_text - 其他诉求
aided 近12个月受助
visited 近12个月走访
"""
_MEMBER = (("name", "姓名"), ("relation", "关系"), ("id_number", "身份证号"), ("work_status", "工作状态"),
           ("school", "就读学校"), ("health", "健康状况"), ("disability_level", "残疾等级"), ("marital", "婚姻状况"),
           ("income_month", "月收入"), ("medical_insurance", "医保状况"))  # fmt: skip
# cities whose staff renamed and moved columns, by year; two of the headings stand in no list of aliases
_RENAMED = {2021: {CITIES[1], CITIES[5]}, 2023: {CITIES[3], CITIES[8], CITIES[10]}}
_NEW_NAMES = {
    "income": "家庭人均月收入",
    "members": "共同生活人口",
    "recorded_grade": "困难等级",
    "interview_date": "入户时间",
    "income_year": "全年到手总收入",
    "visited": "工会一年来走访过吗",
}

REGISTER = {
    "dossier_id": "档案编号",
    "household_id": "家庭编号",
    "region": "地区",
    "county": "区县",
    "stratum": "层",
    "psu": "初级抽样单位",
    "opened": "建档日期",
    "closed": "退档日期",
    "close_reason": "退档原因",
    "status": "档案状态",
    "level": "建档层级",
    "recorded_grade": "困难类别",
    "cause_main": "主要致困原因",
    "cause_secondary": "次要致困原因",
    "members": "家庭人口",
    "previous_dossier_id": "原档案编号",
    "recertified": "最近复核日期",
    "assets_audit": "核对结果",
    "audited_net_income": "核对后人均月收入",
}
AID = {
    "aid_id": "帮扶流水号",
    "household_id": "家庭编号",
    "dossier_id": "档案编号",
    "region": "地区",
    "county": "区县",
    "date": "帮扶时间",
    "decided_on": "审批时间",
    "kind": "帮扶类型",
    "amount": "金额",
    "in_kind": "物资折价",
    "fund": "资金来源",
    "occasion": "活动",
}
DECISIONS = {
    "decision_id": "审批流水号",
    "household_id": "家庭编号",
    "dossier_id": "档案编号",
    "region": "地区",
    "county": "区县",
    "applied_on": "申请时间",
    "kind": "申请类型",
    "step": "审批环节",
    "result": "审批结果",
    "reason": "不予认定原因",
    "grade": "认定等级",
    "net_income": "申请时人均月净收入",
    "decided_on": "审批时间",
}


@dataclass(frozen=True)
class Form:
    """The columns of a survey file in order: keys, headings, and the words above them with their first column."""

    keys: tuple[str, ...]
    headings: tuple[str, ...]
    above: tuple[tuple[int, int, str], ...]  # first column, last column, words


def survey_form(year: int, city: str) -> Form:
    """The form of ``year``, as the staff of ``city`` (code) changed it."""
    columns = _columns(new=year >= NEW_FORM)
    if city in _RENAMED.get(year, ()):
        columns = [(s, key, _NEW_NAMES.get(key, words)) for s, key, words in columns]
        mind = [c for c in columns if c[0] == "生活与心态"]
        rest = [c for c in columns if c[0] != "生活与心态"]
        columns = rest[:14] + mind + rest[14:]  # the block stands before the worker's
    for n in MEMBERS:
        columns += [("家庭成员", f"m{n}.{key}", f"{words}{n}") for key, words in _MEMBER]
    above, at = [], 0
    for section, group in groupby(columns, key=lambda c: c[0]):
        width = len(list(group))
        above.append((at, at + width - 1, section))
        at += width
    return Form(tuple(c[1] for c in columns), tuple(c[2] for c in columns), tuple(above))


def _columns(*, new: bool) -> list[tuple[str, str, str]]:
    """Section, key and heading of each column of the old or the new form."""
    section, found = "", []
    for line in _FORM.strip().splitlines():
        key, *headings = line.split()
        if key == "#":
            section = headings[0]
        elif (words := headings[-1] if new else headings[0]) != "-":
            found.append((section, key, words))
    return found
