"""One character in, one character out: the plain spelling of a text, with every offset kept.

Traditional becomes simplified, full width half width, capitals small; marks that end a clause become a line feed, all
that carries no word (blanks, controls, emoji, private use) a blank, and a recogniser's unknown word `UNKNOWN_WORD`.
"""

from __future__ import annotations

import re
import unicodedata

CLAUSE_END = "\n"
BLANK = " "
UNKNOWN_WORD = "\ufffc"

# The characters of telephone talk that differ; the rest is caught by its sound, which the scripts share.
_TRADITIONAL = (
    "這个個們來對說話請問還錢轉進過時間後點賣買補電號碼誰機構證券監會書業務開車現麼嗎沒錯聽見麻煩謝謝給幫單筆"
    "額萬億幾兩個禮拜樓東車門長風險資產負債維擔參與當應該總經處辦實際幣網線發髮貨貸費讓認識講記錄錄音聲響題"
    "難體樣學習師醫離婚媽爺兒孫親戚關係結構顧問財報導場歡樂環境單據價漲跌漲虧損賺賠償還遲準備確訊訂閱讀寫"
    "計劃劑齊濟擠歲嗚嗎嗎麗綠紅級約紀純紙終組細織給絕統繼續總緊編緩練罵羅聯職聰肅膽臉臨舉舊藝節莊華蘭蘇處"
    "蟲補裝覺覽觀觸訴註詐評詞試詳誇誌誤誘誠調談論諾謀講謊譜譯議護變貝負貢貧責貪貴買貿賀賈賓賞賤質賬購贈贊"
    "趕趙跡躍軍軟較載輕輛輩輪輸轟辭邊遠違連週運達遞適選遺郵鄉醜鐘針釘鈔銀銅鋪銷鋼錶鍵鎖鎮鏡鐵閃閉間閒鬧隊"
    "階隨險隱雙雜雞難雲靈靜頂項順須預頭頻顆額願類顯飛飯飲飽館馬駕驗驚髒鬥魚鮮鳥鳴鹽麥黃齡龍並亂亞眾優傳傷"
    "價儘兇內冊凍則剛創劃劇動勞勝勢勵匯區協卻參吳員啟喪單嗇嘗嚇嚴團園圓圖國圍執堅報壓壞壽夢夠奪奮妳姊姍娛婦"
    "嬰寶寧審寫寬將專尋屆層屬島帥帳幹庫廠廢廣廳彈強彙徑從復恆惡惱慣態慮慶憂憑懷懶戰戲戶掃採換揮損搖擇擊擋據"
    "擬擴擺攔攝敗敵數斷於昇暈暫曉曆書條楊極槍樂標樓樹機橋檢權歐歸殺決況減測渾湊滅滿漢漸潔潛澤濃災為無爾牆獎"
    "獨獲瑪甦產畢畫異療瘋瘦發盜盡監盤眞睜矯礎禍禮種稱穩窮竊競範築簡簽籌糧糾綜緒縣縮繳罰羣習聖聞脅腦腳腫臟"
    "興萊葉蓋藍藥裡裏複規視託訂設許該認誕諒謂豐賢賴贏躲車轄農迴逕適鄭釋錢鍋閱陣陳陸陽靠韓響顏飄飾餘餓養騎騙"
)
_SIMPLIFIED = (
    "这个个们来对说话请问还钱转进过时间后点卖买补电号码谁机构证券监会书业务开车现么吗没错听见麻烦谢谢给帮单笔"
    "额万亿几两个礼拜楼东车门长风险资产负债维担参与当应该总经处办实际币网线发发货贷费让认识讲记录录音声响题"
    "难体样学习师医离婚妈爷儿孙亲戚关系结构顾问财报导场欢乐环境单据价涨跌涨亏损赚赔偿还迟准备确讯订阅读写"
    "计划剂齐济挤岁呜吗吗丽绿红级约纪纯纸终组细织给绝统继续总紧编缓练骂罗联职聪肃胆脸临举旧艺节庄华兰苏处"
    "虫补装觉览观触诉注诈评词试详夸志误诱诚调谈论诺谋讲谎谱译议护变贝负贡贫责贪贵买贸贺贾宾赏贱质账购赠赞"
    "赶赵迹跃军软较载轻辆辈轮输轰辞边远违连周运达递适选遗邮乡丑钟针钉钞银铜铺销钢表键锁镇镜铁闪闭间闲闹队"
    "阶随险隐双杂鸡难云灵静顶项顺须预头频颗额愿类显飞饭饮饱馆马驾验惊脏斗鱼鲜鸟鸣盐麦黄龄龙并乱亚众优传伤"
    "价尽凶内册冻则刚创划剧动劳胜势励汇区协却参吴员启丧单啬尝吓严团园圆图国围执坚报压坏寿梦够夺奋你姐姗娱妇"
    "婴宝宁审写宽将专寻届层属岛帅账干库厂废广厅弹强汇径从复恒恶恼惯态虑庆忧凭怀懒战戏户扫采换挥损摇择击挡据"
    "拟扩摆拦摄败敌数断于升晕暂晓历书条杨极枪乐标楼树机桥检权欧归杀决况减测浑凑灭满汉渐洁潜泽浓灾为无尔墙奖"
    "独获玛苏产毕画异疗疯瘦发盗尽监盘真睁矫础祸礼种称稳穷窃竞范筑简签筹粮纠综绪县缩缴罚群习圣闻胁脑脚肿脏"
    "兴莱叶盖蓝药里里复规视托订设许该认诞谅谓丰贤赖赢躲车辖农回径适郑释钱锅阅阵陈陆阳靠韩响颜飘饰余饿养骑骗"
)
# 妳/您 are pronouns, 甭/彆 spellings of one word, 牠/祂 of 他; 帐 is how many people spell 账.
_VARIANTS = {"妳": "你", "彆": "别", "別": "别", "牠": "它", "祂": "他", "帐": "账", "喒": "咱", "沒": "没"}

_UNKNOWN = re.compile(r"\[unk\]|<unk>|\[spn\]", re.IGNORECASE)
_DECIMAL = re.compile(r"(?<=[0-9])\.(?=[0-9])")
_POINT = "\ue000"  # private use, so no text's own
_ENDS = frozenset("。，、；：？！…,.;:?!\n\r|/~～—")


def _plain(char: str) -> str:
    """The plain spelling of one character outside the tables."""
    code = ord(char)
    if 0x4E00 <= code <= 0x9FFF:
        return char
    if 0xFF01 <= code <= 0xFF5E:  # full-width ASCII
        char = chr(code - 0xFEE0)
    if char in _ENDS:
        return CLAUSE_END
    if char.isascii():
        return char.lower() if char.isalnum() or char == "%" else BLANK
    if char in "〇％":
        return "零" if char == "〇" else "%"
    category = unicodedata.category(char)
    if category[0] == "L" and category != "Lm":
        small = char.lower()
        return small if len(small) == 1 else char
    if category == "Nd":
        return str(unicodedata.digit(char))
    return BLANK


class _Plain(dict[int, str]):
    """For `str.translate`: filled as characters are met, so any of Unicode's is met at most once."""

    def __missing__(self, code: int) -> str:
        self[code] = value = _plain(chr(code))
        return value


_TABLE = _Plain(
    {ord(old): new for old, new in zip(_TRADITIONAL, _SIMPLIFIED, strict=True)}
    | {ord(old): new for old, new in _VARIANTS.items()}
    | {ord(UNKNOWN_WORD): UNKNOWN_WORD, ord(_POINT): "."}
)


def plain_spelling(text: str) -> str:
    """`text` in plain spelling; always of the same length, so offsets stay valid. Never raises."""
    text = text.replace(_POINT, BLANK).replace(UNKNOWN_WORD, BLANK)
    if "[" in text or "<" in text:
        text = _UNKNOWN.sub(lambda found: UNKNOWN_WORD + BLANK * (len(found[0]) - 1), text)
    if "." in text:
        text = _DECIMAL.sub(_POINT, text)
    return text.translate(_TABLE)


def is_hanzi(char: str) -> bool:
    """Whether this is a Chinese character of the common block."""
    return "\u4e00" <= char <= "\u9fff"
