"""What each kind of job does. A handler may be called again for the same job, after a kill for instance: whatever it writes
to the database it writes under `progress.finishing()`, and what it does outside it does so that twice is as good as once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marketplace.jobs import (
    accounts,
    adjustments,
    agreements,
    alerts,
    brokerings,
    daily,
    diagnoses,
    distillations,
    letters,
    mail,
    performance,
    plans,
    ratings,
    report_imports,
    scanning,
    supervision,
    texts,
    unreferenced,
)
from marketplace.jobs.progress import Progress
from marketplace.records.jobs import Job
from marketplace.site import Site

Handler = Callable[[Site, Job, Progress], dict[str, Any] | None]

HANDLERS: dict[str, Handler] = {
    "audit_anchor": accounts.anchor_history,
    "daily": daily.run,
    "letter": letters.write,
    "diagnosis_report": diagnoses.write,
    "performance_report": performance.write,
    "performance_yearly": performance.open_yearly,
    "plan_document": plans.write,
    "agreement_document": agreements.write,
    "search_alerts": alerts.look_again,
    "demand_alerts": alerts.tell_of_demands,
    "mail_digests": mail.digests,
    "mail_notices": mail.notices,
    "send_mail": mail.send,
    "scan": scanning.scan,
    "read_text": texts.read,
    "read_report": report_imports.read,
    "distil": distillations.distil,
    "collect_files": unreferenced.collect,
    "ratings": ratings.rate_all,
    "exposures": ratings.count_exposures,
    "certificates": ratings.look_at_certificates,
    "adjustments": adjustments.propose,
    "brokerings": brokerings.look_at_answers,
    "supervision": supervision.supervise,
}
