"""The part of a website's address that its owner registered."""

from __future__ import annotations

from urllib.parse import urlsplit

# Where a country code follows one of these, the name before it is the registered one: shop.example.com.cn.
_SECOND_LEVEL_LABELS = "com co net org gov edu ac or ne go gob gouv mil idv ltd plc me nom ind asso sch res"
# China registers below its provinces too: example.bj.cn.
_PROVINCE_LABELS = (
    "ah bj cq fj gd gs gx gz ha hb he hi hk hl hn jl js jx ln mo nm nx qh sc sd sh sn sx tj tw xj xz yn zj"
)
_SECOND_LEVELS, _PROVINCES = (frozenset(labels.split()) for labels in (_SECOND_LEVEL_LABELS, _PROVINCE_LABELS))
# Pages that many firms have with somebody else: social networks, app stores, shops, catalogues, site builders.
_HOSTS = """
weibo.com weibo.cn qq.com weixin.com wechat.com douban.com zhihu.com toutiao.com douyin.com bilibili.com jianshu.com
csdn.net 163.com 126.com sina.com.cn sina.cn sohu.com baidu.com renren.com youku.com tudou.com kuaishou.com
xiaohongshu.com facebook.com fb.com twitter.com x.com instagram.com linkedin.com youtube.com youtu.be t.me
telegram.org discord.com discord.gg medium.com reddit.com tiktok.com pinterest.com vimeo.com
apple.com google.com goo.gl android.com mi.com xiaomi.com huawei.com wandoujia.com 360.cn 91.com hiapk.com
taobao.com tmall.com jd.com 1688.com alibaba.com aliexpress.com amazon.com amazon.cn ebay.com weidian.com koudai.com
youzan.com shopify.com myshopify.com wix.com wixsite.com weebly.com squarespace.com wordpress.com blogspot.com
github.com github.io gitlab.com gitlab.io gitee.com gitee.io netlify.app vercel.app herokuapp.com azurewebsites.net
notion.site webflow.io bit.ly linktr.ee dwz.cn t.cn url.cn tumblr.com
itjuzi.com crunchbase.com tianyancha.com qcc.com qichacha.com 36kr.com lagou.com zhipin.com liepin.com angel.co
producthunt.com pitchbook.com cbinsights.com zhaopin.com 51job.com 58.com ganji.com
"""
HOSTS = frozenset(_HOSTS.split())


def registrable_domain(website: str) -> str:
    """``http://www.shop.example.com.cn/about`` → ``example.com.cn``; "" for no address and for one without a dot."""
    host = (urlsplit(website if "://" in website else f"//{website}").hostname or "").strip(".")
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit():
        return ""
    country = len(labels[-1]) == 2
    below = country and (labels[-2] in _SECOND_LEVELS or (labels[-1] == "cn" and labels[-2] in _PROVINCES))
    return ".".join(labels[-3 if below and len(labels) > 2 else -2 :])


def own_domain(website: str) -> str:
    """The registrable domain where it can be the firm's own; "" for pages with a host of many firms."""
    domain = registrable_domain(website)
    return "" if domain in HOSTS else domain
