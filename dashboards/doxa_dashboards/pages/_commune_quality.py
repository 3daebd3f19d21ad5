"""The lower half of *Xã*: latency and loss, IPv6, presence, runs and incidents."""

from typing import Final

from doxa_core.language import Text
from doxa_dashboards import cards, codes, style
from doxa_dashboards.annotations import touches_commune
from doxa_dashboards.catalogue import WINDOW
from doxa_dashboards.charts import chart, states
from doxa_dashboards.page import Section
from doxa_dashboards.panel import Ask, Words
from doxa_dashboards.query import (
    chosen,
    largest,
    lost,
    mean,
    median,
    over_time,
    sent,
    share_of_runs,
    total,
)

LINE: Final = chosen("province", "place", "site", "link", "kind")
OFFICE: Final = chosen("province", "place", "site")


def quality() -> Section:
    source, by = f"doxa_latency_{WINDOW}", "site link far_end"
    to = Text(vi="$tag_site $tag_link → $tag_far_end: $col", en="$tag_site $tag_link → $tag_far_end: $col")
    delay = [
        Ask(select=over_time(source, median(f"{name}_median", label), where=LINE, by=by), alias=to)
        for name, label in (("rtt_p50_ms", "p50"), ("rtt_p95_ms", "p95"))
    ]
    loss = over_time(source, lost(), where=(*LINE, sent()), by=by)
    jitter = over_time(source, median("jitter_rfc3550_ms_median", "jitter"), where=LINE, by=by)
    loaded = over_time(f"doxa_speed_{WINDOW}", median("loaded_rtt_p95_ms_median", "loaded"), where=LINE, by="site link")
    return Section(
        title=Text(vi="Độ trễ và mất gói", en="Latency and loss"),
        cards=[
            chart(
                "latency",
                Words(
                    title=Text(vi="Độ trễ khứ hồi", en="Round-trip delay"),
                    meaning=Text(
                        vi="Trung vị (p50) và bách phân vị 95 (p95) của thời gian khứ hồi tới từng đầu xa khi không có phép đo tốc độ nào đang chạy. Không kế hoạch nào đặt chỉ tiêu cho độ trễ.",
                        en="Median (p50) and 95th percentile (p95) of the round trip to each far end while no heavy test "
                        "runs. No plan sets a target for it.",
                    ),
                ),
                *delay,
                unit="ms",
            ),
            chart(
                "loss",
                Words(
                    title=Text(vi="Tỷ lệ mất gói", en="Loss"),
                    meaning=Text(
                        vi="Tỷ lệ yêu cầu không được trả lời trong thời hạn, tính từ tổng số gói của mỗi khoảng, không phải "
                        "trung bình của các tỷ lệ.",
                        en="Share of requests without a reply in time, from all packets of each step, not a mean of ratios.",
                    ),
                ),
                Ask(select=loss, alias=Text(vi="$tag_site $tag_link → $tag_far_end", en=to.en.removesuffix(": $col"))),
                unit="loss",
            ),
            chart(
                "jitter",
                Words(
                    title=Text(vi="Biến động trễ (jitter)", en="Jitter"),
                    meaning=Text(
                        vi="Biến động trễ theo RFC 3550, trung vị của các lần đo. Khác với «jitter» của i-Speed, vốn là "
                        "phương sai của ping HTTP.",
                        en="Interarrival jitter of RFC 3550, median of the runs. Not i-Speed's jitter, which is the "
                        "variance of the HTTP ping.",
                    ),
                ),
                Ask(
                    select=jitter,
                    alias=Text(vi="$tag_site $tag_link → $tag_far_end", en="$tag_site $tag_link → $tag_far_end"),
                ),
                unit="ms",
            ),
            chart(
                "loaded",
                Words(
                    title=Text(vi="Độ trễ khi đường truyền đầy tải (p95)", en="Latency under load (p95)"),
                    meaning=Text(
                        vi="Bách phân vị 95 của thời gian trả lời một yêu cầu nhỏ trong lúc đo tốc độ. Cao hơn nhiều so với "
                        "lúc rảnh nghĩa là bộ đệm quá lớn: họp trực tuyến giật khi có người tải tệp.",
                        en="95th percentile of the time for a small request during the speed test. Far above the idle one "
                        "means large buffers: a video call stutters while somebody downloads.",
                    ),
                ),
                Ask(select=loaded, alias=Text(vi="$tag_site $tag_link", en="$tag_site $tag_link")),
                unit="ms",
            ),
        ],
    )


IPV6_STATES: Final = {
    "none": (Text(vi="không có IPv6", en="no IPv6"), style.GREY),
    "broken": (Text(vi="hỏng: chỉ IPv4 chạy", en="broken: only IPv4 works"), style.VERMILION),
    "partial": (Text(vi="mới có một phần", en="partial"), style.ORANGE),
    "ready": (Text(vi="sẵn sàng", en="ready"), style.GREEN),
}


def ipv6() -> Section:
    source = f"doxa_ipv6_{WINDOW}"
    shares = [
        Ask(select=share_of_runs(source, f"state_{state}_flag", state, where=LINE), alias=text, color=color)
        for state, (text, color) in IPV6_STATES.items()
    ]
    factor = over_time(source, median("rtt_v6_to_v4_factor_median", "factor"), where=LINE, by="site link")
    return Section(
        title=Text(vi="IPv6", en="IPv6"),
        cards=[
            chart(
                "ipv6_states",
                Words(
                    title=Text(vi="Trạng thái IPv6 (tỷ lệ lần đo)", en="IPv6 states (share of the runs)"),
                    meaning=Text(
                        vi="Mỗi lần đo cho một trạng thái; chiều cao là tỷ lệ lần đo ở trạng thái đó. «Hỏng» nghĩa là máy tưởng có IPv6 nhưng chỉ IPv4 chạy: người dùng thấy mạng chậm.",
                        en="Each run finds one state; the height is the share of runs in it. 'Broken' means that machines "
                        "believe in IPv6 while only IPv4 works: people feel a slow network.",
                    ),
                    nothing=Text(vi="Chưa đo IPv6", en="IPv6 was not measured"),
                ),
                *shares,
                unit="flag",
                stacked=True,
                bars=True,
                top=1,
            ),
            chart(
                "ipv6_factor",
                Words(
                    title=Text(vi="Độ trễ IPv6 gấp mấy lần IPv4", en="Latency of IPv6 over IPv4"),
                    meaning=Text(
                        vi="Bằng 1 là như nhau; lớn hơn 1 là IPv6 chậm hơn. Tính trên thời gian bắt tay TCP tới cùng đầu xa.",
                        en="1 is the same; above 1 IPv6 is slower. From TCP handshakes with the same far end.",
                    ),
                    nothing=Text(
                        vi="Chưa đo được cả hai giao thức", en="The two protocols were not measured together yet"
                    ),
                ),
                Ask(select=factor, alias=Text(vi="$tag_site $tag_link", en="$tag_site $tag_link")),
                unit="factor",
            ),
        ],
    )


def presence() -> Section:
    state = over_time("doxa_presence_5m", largest("state_code", "state"), where=OFFICE, by="site")
    online = over_time("doxa_presence_1d", mean("online_ratio", "online"), where=OFFICE, by="site", every="1d")
    counts = [
        Ask(select=over_time(f"doxa_speed_{WINDOW}", total(f"{name}_count", name), where=LINE), alias=text, color=color)
        for name, (text, color) in RUNS.items()
    ]
    return Section(
        title=Text(vi="Hiện diện, phép đo và sự cố", en="Presence, runs and incidents"),
        cards=[
            states(
                "presence",
                Words(
                    title=Text(vi="Hiện diện của thiết bị đo", en="Presence of the probes"),
                    meaning=Text(
                        vi="Trạng thái xấu nhất của các thiết bị đo ở mỗi trụ sở. «Chưa rõ» là do hệ thống thu thập, không phải "
                        "do trụ sở. Lưu một năm.",
                        en="The worst state of each office's probes. 'Unknown' is the collector's matter, not the office's. "
                        "Kept for a year.",
                    ),
                ),
                Ask(select=state, alias=Text(vi="$tag_site", en="$tag_site")),
                codes=codes.PRESENCE,
            ),
            chart(
                "online",
                Words(
                    title=Text(vi="Tỷ lệ thời gian trực tuyến mỗi ngày", en="Share of each day online"),
                    meaning=Text(
                        vi="Thời gian trực tuyến chia cho thời gian biết chắc là trực tuyến hoặc mất liên lạc; lúc chưa rõ thì không tính. Ngày theo giờ Việt Nam.",
                        en="Time online by time known as online or offline; time in which nobody can tell does not count. "
                        "Vietnamese days.",
                    ),
                ),
                Ask(
                    select=online, alias=Text(vi="$tag_site", en="$tag_site")
                ),  # lines: bars of offices cover each other
                unit="ratio",
                step="1d",
                height=7,
                top=1,
            ),
            chart(
                "runs",
                Words(
                    title=Text(vi="Số lần đo tốc độ theo kết quả", en="Speed tests by outcome"),
                    meaning=Text(
                        vi="«Bỏ qua» là do đường truyền đang bận, hết hạn mức dữ liệu hoặc thiết bị chưa sẵn sàng; "
                        "«thiết bị đo giới hạn» không cho biết gì về đường truyền.",
                        en="'Skipped' means a busy line, a data budget used up or a probe not ready; 'probe limited' says "
                        "nothing of the line.",
                    ),
                ),
                *counts,
                unit="count",
                bars=True,
                stacked=True,
                width=24,
                height=7,
            ),
            cards.incidents(
                touches_commune(),
                title=Text(
                    vi="Sự cố của xã và sự cố diện rộng trong tỉnh", en="Incidents here, and wide ones of the province"
                ),
            ),
        ],
    )


RUNS: Final = {
    "ok": (Text(vi="đo được", en="measured"), style.GREEN),
    "failed": (Text(vi="không tới được", en="failed"), style.VERMILION),
    "skipped": (Text(vi="bỏ qua", en="skipped"), style.GREY),
    "probe_limited": (Text(vi="thiết bị đo giới hạn", en="probe limited"), style.ORANGE),
}
