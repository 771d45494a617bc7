"""What is said of a provider's record: how many projects, how many in time, and whether that is above what is usual."""

from __future__ import annotations

from collections.abc import Iterator

from marketplace.domain.lifecycle import _
from marketplace.domain.matches import Part, Reason
from marketplace.domain.ratings import TrackRecord, shrunk_score
from recommender.facts import SolutionFacts
from recommender.features.track_record import track_record

# With fewer finished projects the sentence says that they are few.
FEW = 5


def said_of_record(facts: SolutionFacts, part: Part) -> Iterator[Reason]:
    track = facts.track
    # Nothing finished is new, not bad.
    if track.is_new:
        if facts.references:
            yield Reason(part, "references", _("自报已实施 {count} 例，尚未核验；平台上还没有完工项目。"), {"count": facts.references})
        else:
            yield Reason(part, "new_provider", _("新入库的服务商，平台上还没有完工项目。"))
        return
    values: dict[str, object] = {"finished": track.finished, "on_time": track.on_time, "passed": track.passed}
    code, message = "track_record_plain", _("平台上完工 {finished} 个项目，按期 {on_time} 个，一次通过验收 {passed} 个。")
    if track.score is not None:
        code, message, more = _rated(track)
        values |= more
    elif track.mean_score is not None:
        values["score"] = round(track.mean_score)
        code, message = "track_record", _("平台上完工 {finished} 个项目，按期 {on_time} 个，一次通过验收 {passed} 个，平均 {score} 分。")
        if track.finished < FEW:
            code = "track_record_few"
            message = _("平台上完工 {finished} 个项目（样本少），按期 {on_time} 个，一次通过验收 {passed} 个，平均 {score} 分。")
        if track_record(facts)["record"] < 0:
            code, values["usual"] = "track_record_below", round(track.usual)
            message = _(
                "平台上完工 {finished} 个项目，按期 {on_time} 个，一次通过验收 {passed} 个，平均 {score} 分，低于一般水平（{usual} 分）。"
            )
    yield Reason(part, code, message, values)


def _rated(track: TrackRecord) -> tuple[str, str, dict[str, object]]:
    """The sentence of a provider that has a rating: the code, the sentence, and what it needs beside the counts."""
    score, usual = round(shrunk_score(track)), round(track.usual)
    values: dict[str, object] = {"score": score}
    # What came by events alone has no counts of past matches.
    if not track.finished:
        return "rated", _("平台上有 {projects} 个项目的评价，合计 {score} 分。"), values | {"projects": track.projects}
    if score < usual:
        message = _(
            "平台上完工 {finished} 个项目，按期 {on_time} 个，一次通过验收 {passed} 个，评价 {score} 分，低于一般水平（{usual} 分）。"
        )
        return "track_record_below", message, values | {"usual": usual}
    if track.finished < FEW:
        message = _("平台上完工 {finished} 个项目（样本少），按期 {on_time} 个，一次通过验收 {passed} 个，评价 {score} 分。")
        return "track_record_few", message, values
    return "track_record", _("平台上完工 {finished} 个项目，按期 {on_time} 个，一次通过验收 {passed} 个，评价 {score} 分。"), values
