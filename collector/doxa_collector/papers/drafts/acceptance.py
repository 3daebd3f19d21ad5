"""Biên bản nghiệm thu: a line (or the probe at it) accepted or not, with the steps of the run as its evidence.

The four outcomes of a run stand as they are; where the probe was the limit or the evidence is too thin, the record says
that nothing is concluded about the line, never that it failed.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from doxa_collector.papers.drafts.acceptance_records import AcceptanceRecord, Bundle, Party, Run
from doxa_collector.papers.drafts.acceptance_tables import (
    OUTCOMES,
    attempts,
    demands,
    idle,
    layers,
    loaded,
    step_name,
    steps,
    tcp,
    things,
)
from doxa_collector.papers.drafts.acceptance_words import PARTS, sentence, word
from doxa_collector.papers.machine import machine
from doxa_collector.papers.model import NO_FIGURE, Block, Document, Heading, Paragraph, Qr, Signature
from doxa_collector.papers.model import Run as Words
from doxa_collector.papers.parts import ended, grounds, head, paragraph, point, said
from doxa_collector.papers.secrecy import NOTE, hides, veiled
from doxa_collector.papers.settings import PaperSettings
from doxa_collector.papers.sources import doubtful, legend, read_in_full
from doxa_collector.plans.model import LAYERS
from doxa_collector.verdict import VerdictOutcome
from doxa_core.language import VIETNAM_TIME
from doxa_core.linkkind import LinkKind


def acceptance_record(data: AcceptanceRecord, settings: PaperSettings) -> Document:
    """The record; it has no number, and everybody who was there signs."""
    data = veiled(data, reveal=settings.reveal, tslcd=data.run.line.kind is LinkKind.TSLCD)
    run = data.run
    meanings = {one.code: one.words for one in data.meanings}
    what = "thiết bị đo" if data.of_probe else f"đường truyền {run.line.kind.text.vi.replace('Mạng', 'mạng')}"
    body: list[Block] = [
        *grounds(read_in_full(data.grounds)),
        Heading(1, "THÀNH PHẦN"),
        *_parties(data.parties),
        Heading(1, "THỜI GIAN, ĐỊA ĐIỂM"),
        *_when_and_where(data),
        Heading(1, "ĐỐI TƯỢNG VÀ THIẾT BỊ"),
        things(data),
        Heading(1, "KẾT QUẢ ĐO"),
        *_results(run, meanings),
        Heading(1, "KẾT LUẬN"),
        *_conclusion(data, what, meanings),
    ]
    notes: list[Block] = [*doubtful(data.grounds), *legend(ground.mark for ground in data.grounds)]
    notes += [paragraph(NOTE, small=True)] if hides(data) else []
    return Document(
        head=head(settings, "BIÊN BẢN", "", f"Nghiệm thu {what} «{run.line.name}»\ntại {data.office}"),
        blocks=(*ended(body), *notes, _qr(run, data.bundle)),
        signatures=tuple(
            Signature(lines=(f"ĐẠI DIỆN {party.role.partition(' (')[0].upper()}",), hint="(Ký, ghi rõ họ tên)")
            for party in data.parties
        ),
        made_on=run.started.astimezone(VIETNAM_TIME).date(),
        data=machine(data),
    )


def _parties(parties: tuple[Party, ...]) -> Iterator[Block]:
    for at, party in enumerate(parties, 1):
        yield Paragraph(runs=(Words(f"{at}. {party.role}: ", bold=True), Words(party.organisation)))
        yield from (point(person) for person in party.people)


def _when_and_where(data: AcceptanceRecord) -> Iterator[Block]:
    run = data.run
    here = run.started.astimezone(VIETNAM_TIME)
    lasted = NO_FIGURE if run.duration_s is None else f"{said(run.duration_s / 60, decimals=1)} phút"
    yield point(f"Bắt đầu đo: {here.hour:02d} giờ {here.minute:02d} ngày {here:%d/%m/%Y}; thời gian đo: {lasted}.")
    place = f", {data.place}" if data.place else ""
    yield point(f"Địa điểm: {data.office}{place} (mã điểm đo: {run.site}).")
    known = run.clock.error_ms is not None
    error = f", sai số ước tính {said(run.clock.error_ms, 'ms', 1)}" if known else ""
    if run.clock.synchronised:
        yield point(f"Đồng hồ thiết bị đo: đã đồng bộ{error}.")
    else:
        yield point(f"Đồng hồ thiết bị đo: chưa đồng bộ{error}; giờ thực tế do các bên ghi: …………………")


def _results(run: Run, meanings: Mapping[str, str]) -> Iterator[Block]:
    layer = LAYERS[run.line.layer].vi
    yield Heading(2, "Các bước tốc độ cố định")
    yield paragraph(
        f"Mỗi bước phát một tỷ lệ của tốc độ hợp đồng trong {said(run.step_s, 'giây')}; tốc độ nêu ở {layer}. "
        f"Yêu cầu: {'; '.join(demands(run.wanted)) or NO_FIGURE}."
    )
    if run.outcome in _OPEN and run.steps:
        yield paragraph(f"{_NOT_A_VERDICT}.")
    if run.steps:
        yield steps(run, meanings)
    else:
        yield paragraph(f"Các bước: {NO_FIGURE}, chưa phát gói đo nào.")
    if (others := attempts(run, meanings)) is not None:
        yield paragraph(
            "Các lần đo khác của những bước phải đo lại (hai lần không đạt mới kết luận một bước không đạt):"
        )
        yield others
    if run.layers:
        yield Heading(2, "Tốc độ nhận được theo tầng")
        yield paragraph(
            f"Tầng IP là số đo được; các tầng khác quy đổi theo mào đầu «{run.headers}», gói {said(run.packet_bytes, 'byte')}."
        )
        yield layers(run)
    yield Heading(2, "Đường truyền khi rảnh")
    yield idle(run, meanings)
    if run.tcp:
        yield Heading(2, "Truyền TCP và độ trễ khi có tải (RFC 6349)")
        yield paragraph("Số liệu TCP chỉ mô tả, không dùng để kết luận.")
        yield tcp(run.tcp)
        yield loaded(run.tcp)


def _conclusion(data: AcceptanceRecord, what: str, meanings: Mapping[str, str]) -> Iterator[Block]:
    run = data.run
    yield Paragraph(runs=(Words("Kết quả: "), Words(OUTCOMES[run.outcome].upper(), bold=True), Words(".")))
    if run.outcome is VerdictOutcome.PASS:
        yield point(f"{len(run.steps)}/{len(run.steps)} bước đo đạt yêu cầu.")
    for code in run.reasons:
        yield point(f"{_because(run, code, word(code, meanings))}.")
    for code in run.findings:
        yield point(f"Lưu ý: {word(code, meanings)}.")
    if run.interrupted:
        yield point("Lần đo bị dừng giữa chừng.")
    yield paragraph(_meaning(run.outcome, what))
    yield paragraph("Biên bản được lập thành …… bản có giá trị như nhau, mỗi bên giữ …… bản")


def _because(run: Run, code: str, words: str) -> str:
    """A reason as a sentence, with the steps and parts that have the whole's outcome for it."""
    parts = [PARTS.get(p.name, p.name) for p in run.parts if p.outcome is run.outcome and code in p.reasons]
    found = [part for part in parts if part not in words]
    hit = [step for step in run.steps if step.outcome is run.outcome and code in step.reasons]
    if hit and len(hit) == len(run.steps):
        found.append(f"mọi bước, {len(hit)}/{len(run.steps)}")
    elif hit:
        found.append(f"bước: {', '.join(step_name(step) for step in hit)}")
    where = f" ({'; '.join(found)})" if found else ""
    return f"{sentence(words)}{where}"


def _meaning(outcome: VerdictOutcome, what: str) -> str:
    return sentence(_MEANING[outcome].replace("{what}", what))


def _qr(run: Run, bundle: Bundle | None) -> Qr:
    """The hash of the bundle; of the bare result where there is none."""
    found = run.sha256 if bundle is None else bundle.sha256
    groups = "\n".join(" ".join(found[at : at + 8] for at in range(half, half + 32, 8)) for half in (0, 32))
    what = "kết quả (acceptance/1)" if bundle is None else f"tệp bằng chứng «{bundle.name}»"
    how = "" if bundle is None else "\nĐối chiếu: doxa accept --check TỆP --hash MÃ"
    return Qr(
        text=f"sha256:{found}",
        caption=f"Mã băm SHA-256 của {what}:\n{groups}\nMã băm cho thấy tệp có bị sửa hay không; không phải chữ ký.{how}",
    )


_OPEN: Final = (VerdictOutcome.PROBE_LIMITED, VerdictOutcome.INSUFFICIENT)
_NOT_A_VERDICT: Final = "Lần đo này không đủ để kết luận: kết quả của từng bước dưới đây chỉ để tham khảo, không phải đánh giá về đường truyền"
_MEANING: Final = {
    VerdictOutcome.PASS: "{what} đáp ứng các yêu cầu nêu tại mục IV ở mọi bước đo; đủ điều kiện để các bên nghiệm thu.",
    VerdictOutcome.FAIL: "{what} không đáp ứng các yêu cầu nêu tại mục IV; bên giao khắc phục, các bên đo lại trước khi nghiệm thu.",
    VerdictOutcome.PROBE_LIMITED: "Thiết bị đo, cổng mạng hoặc đầu xa là giới hạn: chưa kết luận được về {what}, cần đo lại bằng thiết bị phù hợp.",
    VerdictOutcome.INSUFFICIENT: "Chưa đủ căn cứ để kết luận về {what}; cần đo lại.",
}
