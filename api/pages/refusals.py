"""What a domain error says to the person at the screen: what happened and what to do, in the page's language.

The domain speaks English, one message for logs, API and pages. Its messages that clerks meet are retold in Chinese
here; one that is not in the table is shown under the general sentence of its kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from api.context import form_message
from api.errors import FileTooLarge, NotAuthenticated, TooManyAttempts
from api.pages.csrf import Forged
from api.pages.languages import _, noop, page_language
from api.pages.words import PHOTOS
from api.problems import split_remedy
from engine.errors import CityBroken, Conflict, DomainError, Invalid, NotAllowed, NotFound, OperatorRefused
from engine.workflow.forms import FormFailed, FormInvalid

CHINESE = tuple(
    (re.compile(pattern, re.DOTALL), text)
    for pattern, text in {
        r"there is no case (?P<number>\S+) that you may see": "没有您可以查看的案件 {number}；请核对案件号。",
        r"(?P<who>.+) has claimed this task": "{who} 已签收此任务；如需由您办理，请对方先退回。",
        r"the task changed since you opened it": "您打开页面后任务有了变化；请核对最新内容后重新提交。",
        r"(?P<task>.+) was completed by (?P<who>.+) at .+": "“{task}”已由 {who} 办理完毕；无需再办。",
        r"(?P<task>.+) is no longer needed": "案件已转入其他环节，“{task}”不再需要办理。",
        r"task (?P<task>.+) of this case is no longer open": "“{task}”已不在待办之列；请刷新案件。",
        r"you do not hold this task": "您没有签收此任务；无需退回。",
        r"there is no task \S+ for your post": "您的岗位没有这项任务；可能已撤回或已转给他人。",
        r"(?P<task>.+) of a case is for the supervision side":
            "“{task}”由监督中心办理：本单位是该案件的处置单位，不能核查或办结自己的案件。",
        r"a handling department never closes its own case": "处置单位不能办结自己的案件；请由监督中心结案。",
        r"your post may not .+; it takes the permission (?P<permission>\S+)":
            "您的岗位没有此项权限（{permission}）；确需办理的，请联系系统管理员。",
        r"(?P<task>.+) needs (?P<count>\d+) files of evidence of kind (?P<photo>\w+) and the case has (?P<there>\d+):"
        r" the command manual asks for '(?P<rule>.+)' under filing condition (?P<condition>\S+);"
        r" upload (?P<more>\d+) more":
            "“{task}”须有{photo} {count} 件，现有 {there} 件（指挥手册立案条件 {condition} 的证据要求：{rule}）；"
            "请再上传 {more} 件。",
        r"the command manual allows (?P<times>\d+) extensions of case \S+ \((?P<rule>.+)\) and it has had (?P<had>\d+)":
            "指挥手册对本案的延期规定为 {rule}，允许 {times} 次，已延期 {had} 次；请在时限内处置。",
        r"(?P<task>.+) needs evidence of kind (?P<photo>\w+)": "“{task}”前请先上传{photo}。",
        r"case (?P<number>\S+) \(.+\) does not take": "案件 {number} 目前所处环节不能进行此操作；请刷新案件。",
        r"no department leads .+ \((?P<matter>\w+)\): nobody has the duty (?P<duty>\S+) where no place is given":
            "没有全市性单位承担职责 {duty}，无法确定事项 {matter} 的主办单位；请填写地点，或请系统管理员补充。",
        r"no department leads .+ \((?P<matter>\w+)\)":
            "无法确定事项 {matter} 的主办单位；请系统管理员在 organisation/departments.csv 中补充单位职责。",
        r".+ needs a place; give lon": "此事项须有地点；请在地图上点选或填写经纬度。",
        r".+ has no place; leave lon": "此事项没有地点；请不要填写经纬度。",
        r"a place is lon and lat": "经度和纬度须同时填写或同时留空。",
        r"case (?P<number>\S+) has run to its end": "案件 {number} 已经办结；不能再操作。",
        r"the photo has (?P<size>\S+) MB; send at most (?P<most>\d+) MB":
            "照片有 {size} MB，过大；请压缩到 {most} MB 以内。",
        r"the image claims ": "照片像素过大；请缩小后上传。",
        r"the image is damaged": "照片文件已损坏；请上传相机原图。",
        r"this is no JPEG, PNG or WebP": "不是 JPEG、PNG 或 WebP 照片；请上传照片文件。",
        r"document (?P<name>\S+) \((?P<title>.+)\) needs (?P<fields>.+); fill them in":
            "文书“{title}”缺少必填内容（{fields}）；请补填后重新提交。",
        r"(?P<title>\S+) (?P<number>\S*) ?is void; make a new one":
            "文书“{title}”{number} 已作废，不能送达；请重新制作。",
        r"say who received it": "请填写受送达人。",
        r"a document left on refusal takes a witness": "留置送达须填写见证人，或在备注中写明记录方式。",
        r"electronic delivery takes the receiver's written consent":
            "电子送达须受送达人书面同意；已同意的请勾选，否则改用其他方式。",
        r"(?P<title>\S+) cannot have been delivered on (?P<day>\S+): it was made on (?P<made>\S+) and today is":
            "文书“{title}”制作于 {made}，不能在 {day} 送达；送达日期不早于制作日，不晚于今天。",
        r"say why the document is void": "请填写作废原因。",
        r"no Chinese font is on this machine":
            "服务器没有中文字体，无法生成 PDF；请下载 DOCX 打印，并请系统管理员安装字体。",
        r"there is no document (?P<id>\d+) that you may see": "没有您可以查看的文书 {id}。",
        r"no file was chosen": "没有选择文件；请至少选择一个。",
        r"the (video|voice) has (?P<size>\S+) MB; send at most (?P<most>\d+) MB":
            "录音录像有 {size} MB，过大；请压缩到 {most} MB 以内。",
        r"this is no video": "不是可播放的视频；请上传 MP4、QuickTime 或 WebM 视频。",
        r"this is no voice": "不是可播放的录音；请上传 MP3、M4A、AAC、WAV、Ogg 或 WebM 录音。",
        r"the recording is broken off": "录音录像不完整；请上传设备原始文件。",
        r"the recording has neither": "文件中既无画面也无声音；请上传设备原始文件。",
        r"the file is an image and (?P<other>.+) at once": "文件既是图片又含有其他类型的文件；请上传相机原始文件。",
        r"case (?P<number>\S+) is \w+; it takes no more evidence": "案件 {number} 已终止；不能再上传证据。",
        r"\w+ is not a coordinate": "不是有效的经纬度；请在地图上选点，或填写如 116.4052 的度数。",
        r"report needs subclass": "请选择问题小类。",
        r"a report by \S+ needs \w+; give": "此来源须填写此项；请补充后再上报。",
        r"there is no channel": "没有这个来源；请从列表中选择。",
        r"external_id is longer": "来源编号过长；请只填写编号。",
        r"\w+ needs (?P<field>\w+)(;|$)": "请填写此项。",
        r"\S+, \S+ is in no grid of": "该位置不在本市网格范围内；请在地图上重新选点，或核对经纬度。",
        r"\S+, \S+ is in no unit grid": "该位置不在本市网格范围内；请在地图上重新选点，或核对经纬度。",
        r"a proposal says why": "没有填写理由；请说明为何变更。",
        r"component (?P<code>\S+) says all of that already": "部件 {code} 没有可变更的内容；请修改后再提交。",
        r"a refusal says why": "不采纳须说明理由；请填写审定意见。",
        r"no component or no owner was chosen": "没有勾选部件或没有选择权属；请勾选部件并选择权属单位。",
        r"one's own proposal is for somebody else": "本人提出的建议须由他人审定；请联系同事。",
        r".+ of component (?P<code>\S+) changed since this was proposed":
            "建议提出后部件 {code} 的登记内容已有变化；请不予采纳，并按现状重新提出。",
        r"component (?P<code>\S+) is (gone|there already)": "部件 {code} 的登记已有变化；请不予采纳。",
        r"change (?P<id>\d+) is \w+ already; propose anew": "建议 {id} 已经审定；如需另行变更，请重新提出。",
        r"no component fits": "没有符合条件的部件；请换一个小类、网格或状态。",
        r"there is no component (?P<code>\S+); search": "没有部件 {code}；请在登记册中查找。",
        r"photo \d+ is not confirmed yet": "照片尚未审定；您的岗位暂不能查看。",
        r"there is no component (?P<code>\S+);": "没有部件 {code}；请核对标识码，或留空。",
        r"the catalogue has no \w+ subclass": "目录中没有这个小类；请从列表中选择。",
        r"no lead unit is named": "尚未选择主办单位；请选择。",
        r"there is no other case '?(?P<into>[^' ]*)'? to merge into":
            "没有可并入的案件 {into}；请填写在办案件的案件号。",
        r"case (?P<into>\S+) is merged into (?P<leading>\S+) itself":
            "案件 {into} 已并入 {leading}；请直接并入 {leading}。",
        r"case (?P<into>\S+) is merged into (?P<case>\S+), which it cannot lead":
            "案件 {into} 已并入本案 {case}，不能再由它牵头；无需再办。",
        r"case (?P<into>\S+) is closed, so": "案件 {into} 已结案，现在的问题是新问题或旧问题复发；请改为关联两案。",
        r"case (?P<into>\S+) is of kind \w+, this one":
            "案件 {into} 与本案一为部件、一为事件；请先核定类别，或改为关联两案。",
        r"the limit of (?P<case>\S+) ends before that of (?P<into>\S+), merging":
            "{case} 的时限早于 {into}，并案不得延长时限；请改将 {into} 并入 {case}。",
        r"case (?P<into>\S+) is \w+ itself": "案件 {into} 本身已终止；请并入在办的案件。",
        r"case (?P<number>\S+) is \w+ and merged into none": "案件 {number} 没有并入其他案件；无需撤销。",
        r"case (?P<number>\S+), which leads, is": "牵头案件 {number} 已经终止；问题仍在的，请重新上报。",
        r"case (?P<number>\S+) is \w+; report what else it told of": "案件 {number} 已经终止；其他问题请另行上报。",
        r"a report is split into 1 to": "没有填写拆出的问题；请至少填写一个。",
        r"part (?P<at>\d+) needs a filing condition and a description":
            "第 {at} 个问题不完整；请选择立案条件并填写描述。",
        r"(?P<one>\S+) and (?P<other>\S+) are linked as related already": "{one} 与 {other} 已经关联；无需再办。",
        r"(?P<one>\S+) and (?P<other>\S+) are not linked as related": "{one} 与 {other} 没有关联；请刷新案件。",
        r"a case is not linked with itself": "不能与本案自身关联；请填写另一案件的案件号。",
        r"no reason is given": "没有填写理由；请填写。",
        r"(?P<task>.+) is no longer open, nothing was saved":
            "“{task}”已不在待办之列，没有保存；请先复制您填写的内容，再刷新页面。",
        r"your draft was saved at .+ in another window":
            "您在另一窗口保存了较新的草稿；刷新页面可查看它，按“保存草稿”则改存本页内容。",
        r"your draft was discarded meanwhile":
            "您在另一窗口放弃了草稿；按“保存草稿”可重新保存本页内容。",
        r"the draft has (?P<size>\d+) kB, at most (?P<most>\d+) kB":
            "草稿有 {size} kB，过大；请缩短到 {most} kB 以内。",
        r"(?P<task>.+) has no form; there is nothing to keep": "“{task}”没有表单；无需保存草稿。",
        r"no workbook was chosen": "没有选择工作簿；请选择一个。",
        r"the new version has no name": "新版本没有名称；请填写。",
        r"the effective date is no date": "没有填写生效日期；请选择。",
        r"the effective date (?P<day>\S+) has gone by; choose (?P<today>\S+) or later":
            "生效日期 {day} 已过；请选择 {today} 或以后的日期。",
        r"a version valid from (?P<day>\S+) is signed already":
            "已签署的版本自 {day} 起生效，会使本修订失效；请选择该日或以后的日期。",
        r"the workbook was exported from another version":
            "工作簿不是由其将接替的版本导出的；请重新导出手册，在导出的文件中修改。",
        r"the workbook says what the manual says already": "工作簿与手册没有差异；请修改后再导入。",
        r"the workbook has more than (?P<most>\d+) MB": "工作簿超过 {most} MB；请删去图片。",
        r"change \d+ is your own": "不能签署本人提交的修订；请由他人签署。",
        r"change (?P<id>\d+) is not the one you read": "修订 {id} 的差异与您看到的不一致；请重新核对。",
        r"change (?P<id>\d+) follows version": "修订 {id} 之后已有新版本签署；请撤回，重新导出后再提交。",
        r"change (?P<id>\d+) is \w+ already": "修订 {id} 已签署或已撤回；无需再办。",
        r"there is no change (?P<id>\d+) of the manual": "没有编号为 {id} 的修订；请从修订记录进入。",
        r"others are working on this case": "有人正在同时办理此案件；请刷新后重试。",
        r"login or password is wrong": "账号或密码不正确；忘记密码请联系系统管理员。",
        r"too many failed logins .+ in (?P<seconds>\d+) seconds": "登录失败次数过多；请 {seconds} 秒后再试。",
        r"a suspension ends after today and by (?P<latest>\S+),": "挂账到期日应晚于今天，且不晚于 {latest}。",
        r"(?P<code>\S+) handles another part of this case": "{code} 已承办本案的另一部分；请另选单位。",
    }.items()
)  # fmt: skip


@dataclass(frozen=True)
class Refusal:
    """What a page says about an error. ``original`` is the domain's own message where the page says less."""

    status: int
    title: str
    what: str
    remedy: str = ""
    original: str = ""


GENERAL = (
    (Forged, 403, noop("页面已过期"), noop("页面已过期，或不是由本站发出；请返回上一页，刷新后重新提交。")),
    (NotAuthenticated, 401, noop("请先登录"), noop("登录后才能继续。")),
    (TooManyAttempts, 429, noop("请稍候"), noop("尝试次数过多，请稍后再试。")),
    (NotAllowed, 403, noop("没有权限"), noop("您的岗位不能进行此操作；确需办理的，请联系系统管理员。")),
    (NotFound, 404, noop("没有找到"), noop("要找的内容不存在，或您无权查看；请核对后重试。")),
    (Conflict, 409, noop("情况有变"), noop("有人先您一步，或案件已转入其他环节；请刷新后再办。")),
    (FileTooLarge, 413, noop("文件过大"), noop("上传的文件过大；请压缩后重试。")),
    (OperatorRefused, 422, noop("不符合规则"), noop("按规则不能这样办理；请修改后重新提交。")),
    (Invalid, 422, noop("填写有误"), noop("填写的内容有误；请修改后重新提交。")),
    (CityBroken, 503, noop("配置不完整"), noop("城市配置不完整；请联系系统管理员。")),
    (FormFailed, 500, noop("表单配置有误"), noop("表单的规则无法计算；请把表单名称告诉系统管理员。")),
    (DomainError, 400, noop("不能办理"), noop("此操作被拒绝；请联系系统管理员。")),
)


def tell(error: DomainError) -> Refusal:
    """The error as a page says it."""
    status, title, general = next((s, t, g) for kind, s, t, g in GENERAL if isinstance(error, kind))
    if page_language() == "zh":
        text = chinese(error.message)
        original = "" if text else error.message
        what, _mark, remedy = (text or general).partition("；")
        return Refusal(status, title, what.rstrip("。") + "。", remedy, original)
    what, remedy = split_remedy(error.message)
    return Refusal(status, _(title), _sentence(what), _sentence(remedy) if remedy else "")


Errors = dict[str, Sequence[str]]
"""Messages by field."""


def refusal_of(error: Exception) -> tuple[Refusal, Errors]:
    """What the page says above the form, and beside which field."""
    if isinstance(error, FormInvalid):
        errors: Errors = {
            key: [form_message(each, page_language()) for each in found] for key, found in error.errors.items()
        }
        what = _("有 %(count)s 处需要修改。", count=len(errors))
        return Refusal(422, _("表单填写有误"), what, _("请按各项下方的提示修改后重新提交，已填内容均已保留。")), errors
    assert isinstance(error, DomainError)
    if isinstance(error, Invalid) and error.errors:
        return tell(error), {key: [tell_field(message)] for key, message in error.errors.items()}
    shown = {error.field: [tell_field(error.message)]} if error.field else {}
    return tell(error), dict(shown)


def tell_field(message: str) -> str:
    """One field's message."""
    if page_language() == "zh":
        return chinese(message) or message
    return _sentence(message)


def chinese(message: str) -> str:
    """A domain message retold in Chinese; empty when the table does not know it."""
    for pattern, text in CHINESE:
        match = pattern.match(message)
        if match is not None:
            found = match.groupdict()
            if "photo" in found:
                found["photo"] = PHOTOS.get(found["photo"], found["photo"])
            return text.format(**found)
    return ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
