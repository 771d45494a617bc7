"""Who may do what: one permission table (role × verb × noun), and the audience of everything that can be read.

`audience(viewer)` turns a person into tokens; a document or row carries the tokens of those who may read it.
The two meet inside the query, in SQL and in the search engine alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The roles of the pilot (labels in the pilot file)."""

    ENTERPRISE = "enterprise"
    PROVIDER = "provider"
    CENTRE = "centre"
    MANAGER = "manager"
    BUREAU = "bureau"
    FINANCE = "finance"
    CITY = "city"
    AREA = "area"
    EXPERT = "expert"
    ADMIN = "admin"


# What a member may do for its organisation: see to members, fill in, hand in (submit, withdraw, appeal, leave).
RIGHTS = ("members", "edit", "submit")

STAFF = frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN})


@dataclass(frozen=True)
class Viewer:
    """Who is asking. `enterprise_id` and `provider_id` name the records of the person's own organisations."""

    account_id: int | None = None
    name: str = ""
    roles: frozenset[Role] = frozenset()
    organisation_ids: frozenset[int] = frozenset()
    enterprise_ids: frozenset[int] = frozenset()
    provider_ids: frozenset[int] = frozenset()
    rights: frozenset[tuple[int, str]] = frozenset()
    # The organisations in which the person stands on the providers' side, in the pool or on the way there.
    applicant_ids: frozenset[int] = frozenset()
    # Of a park's or street's officer: the keys of the areas that it sees to.
    areas: frozenset[str] = frozenset()

    @property
    def is_known(self) -> bool:
        return self.account_id is not None

    @property
    def is_staff(self) -> bool:
        return bool(self.roles & STAFF)


ANYONE = Viewer()

EVERYBODY = frozenset({"anyone", *Role})
# One row per (noun, verb): the roles that hold it. `own` rows hold only for the person's own organisation.
PERMISSIONS: dict[tuple[str, str], frozenset[str]] = {
    ("solution", "read"): EVERYBODY,
    ("scenario", "read"): EVERYBODY,
    ("provider", "read"): EVERYBODY,
    ("provider", "manage_own"): frozenset({Role.PROVIDER}),
    ("problem", "search"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN, Role.ENTERPRISE, Role.PROVIDER}),
    ("enterprise", "list"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("enterprise", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("enterprise", "read_own"): frozenset({Role.ENTERPRISE}),
    # A problem list, its plan and its budget are for its enterprise and the centre (and who administers the site).
    ("plan", "read"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("plan", "read_own"): frozenset({Role.ENTERPRISE}),
    ("plan", "make"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("plan", "answer_own"): frozenset({Role.ENTERPRISE}),
    ("coverage", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    # Who was visited and which grade came out is for all staff; answers and lists are for the enterprise and the centre.
    ("diagnosis", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("diagnosis", "read_own"): frozenset({Role.ENTERPRISE}),
    ("diagnosis", "manage"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("diagnosis", "answer"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("diagnosis", "answer_own"): frozenset({Role.ENTERPRISE}),
    ("demand", "read_own"): frozenset({Role.PROVIDER}),
    ("demand", "disclose_own"): frozenset({Role.ENTERPRISE}),
    ("import", "run"): frozenset({Role.CENTRE, Role.MANAGER, Role.ADMIN}),
    # A provider imports its own solutions only, and as drafts.
    ("import", "run_own"): frozenset({Role.PROVIDER}),
    ("index", "read"): frozenset({Role.ADMIN, Role.MANAGER}),
    ("problem", "recommend"): EVERYBODY,
    # Accounts and organisations.
    ("registration", "decide"): frozenset({Role.MANAGER, Role.ADMIN}),
    ("member", "manage_own"): frozenset({Role.PROVIDER, Role.ENTERPRISE}),
    ("account", "manage"): frozenset({Role.ADMIN}),
    # The pool: windows, applications, their review.
    ("window", "read"): EVERYBODY,
    ("window", "manage"): frozenset({Role.MANAGER, Role.ADMIN}),
    ("calendar", "manage"): frozenset({Role.MANAGER, Role.ADMIN}),
    ("application", "write_own"): frozenset({Role.PROVIDER}),
    ("application", "read"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("application", "read_own"): frozenset({Role.PROVIDER}),
    ("review", "organise"): frozenset({Role.MANAGER, Role.ADMIN}),
    ("review", "score_own"): frozenset({Role.EXPERT}),
    ("review", "decide"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("objection", "write"): EVERYBODY,
    # The catalogue.
    ("catalogue", "write_own"): frozenset({Role.PROVIDER}),
    ("catalogue", "review"): frozenset({Role.MANAGER, Role.ADMIN}),
    ("catalogue", "oversee"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("listing", "read"): EVERYBODY,
    ("listing", "manage"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("call", "read"): EVERYBODY,
    ("call", "manage"): frozenset({Role.MANAGER, Role.CENTRE, Role.ADMIN}),
    # Rating and dynamic adjustment.
    ("rating", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("rating", "read_own"): frozenset({Role.PROVIDER}),
    ("rating", "enter"): frozenset({Role.CENTRE, Role.MANAGER, Role.ADMIN}),
    ("evaluation", "run"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("evaluation", "read"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("evaluation", "read_own"): frozenset({Role.PROVIDER}),
    ("exposure", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("adjustment", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("adjustment", "read_own"): frozenset({Role.PROVIDER}),
    ("adjustment", "propose"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("adjustment", "decide"): frozenset({Role.BUREAU, Role.ADMIN}),
    ("appeal", "write_own"): frozenset({Role.PROVIDER}),
    ("appeal", "decide"): frozenset({Role.BUREAU, Role.ADMIN}),
    # Brokering: the centre runs it, both sides answer their own; bureau and manager read how far things are.
    ("brokering", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("brokering", "read_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER}),
    ("brokering", "run"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("brokering", "answer"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("brokering", "answer_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER}),
    ("brokering", "choose"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("brokering", "choose_own"): frozenset({Role.ENTERPRISE}),
    ("inquiry", "write_own"): frozenset({Role.ENTERPRISE}),
    # Open demands: everybody reads what is published; who may read the questions is the pilot's choice beside these.
    ("open_demand", "read"): EVERYBODY,
    ("open_demand", "read_questions"): frozenset({Role.PROVIDER, *STAFF}),
    ("open_demand", "write"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("open_demand", "write_own"): frozenset({Role.ENTERPRISE}),
    ("open_demand", "check"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("open_demand", "answer_own"): frozenset({Role.PROVIDER}),
    ("open_demand", "choose"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("open_demand", "choose_own"): frozenset({Role.ENTERPRISE}),
    # Meetings at which several enterprises and providers talk: run by the centre, read by the offices, answered by those invited.
    ("meeting", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("meeting", "read_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER}),
    ("meeting", "run"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("meeting", "answer"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("meeting", "answer_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER}),
    # Problem lists, the scenario library, groups of enterprises.
    ("problem_list", "edit"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("problem_list", "edit_own"): frozenset({Role.ENTERPRISE}),
    ("scenario_list", "read"): EVERYBODY,
    ("scenario_list", "manage"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("scenario", "agree_own"): frozenset({Role.ENTERPRISE}),
    ("distillation", "run"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("group", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("group", "read_own"): frozenset({Role.ENTERPRISE}),
    ("group", "manage"): frozenset({Role.CENTRE, Role.ADMIN}),
    # Guides and projects. An area's officer, an applicant, a supplier and an expert read what is theirs (records/projects.readable_projects).
    ("guide", "read"): EVERYBODY,
    ("guide", "manage"): frozenset({Role.BUREAU, Role.ADMIN}),
    ("project", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.FINANCE, Role.ADMIN}),
    ("project", "read_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER, Role.AREA, Role.EXPERT}),
    # The list, and each project in short. The city's authorities read that much of every one: no papers, no problem lists, no names of persons.
    ("project", "look_at"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.FINANCE, Role.CITY, Role.ADMIN}),
    ("project", "look_at_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER, Role.AREA, Role.EXPERT}),
    ("project", "write_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER}),
    ("project", "reserve"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("project", "reserve_own"): frozenset({Role.ENTERPRISE}),
    ("project", "first_review"): frozenset({Role.AREA, Role.ADMIN}),
    ("project", "organise_review"): frozenset({Role.MANAGER, Role.ADMIN}),
    ("project", "score_own"): frozenset({Role.EXPERT}),
    ("project", "select"): frozenset({Role.BUREAU, Role.ADMIN}),
    ("project", "supervise"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("project", "accept"): frozenset({Role.MANAGER, Role.ADMIN}),
    # Whoever goes along on an inspection, staff or expert, writes its report; both sides read what was found of theirs.
    ("inspection", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.FINANCE, Role.ADMIN}),
    ("inspection", "read_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER, Role.AREA, Role.EXPERT}),
    ("inspection", "carry_out_own"): frozenset({Role.EXPERT, Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("evidence", "write_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER}),
    # Money: the bureau plans and releases, the finance bureau budgets and pays; each step by two persons.
    ("fund", "read"): frozenset({Role.BUREAU, Role.FINANCE, Role.ADMIN}),
    ("fund", "budget"): frozenset({Role.FINANCE, Role.BUREAU, Role.ADMIN}),
    ("fund", "plan"): frozenset({Role.BUREAU, Role.ADMIN}),
    ("fund", "pay"): frozenset({Role.FINANCE, Role.ADMIN}),
    ("financing", "read"): EVERYBODY,
    ("financing", "manage"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("financing", "apply_own"): frozenset({Role.ENTERPRISE}),
    # What the capability centre offers beside brokering: the ledger of work, events, resources, talent, topics.
    ("work_item", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("work_item", "manage"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("event", "read"): EVERYBODY,
    ("event", "manage"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("resource", "read"): EVERYBODY,
    ("resource", "manage"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("talent", "read"): EVERYBODY,
    ("talent", "write"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("talent", "write_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER}),
    ("talent", "manage"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("topic", "read"): EVERYBODY,
    ("topic", "manage"): frozenset({Role.CENTRE, Role.ADMIN}),
    # The public face: showcases, policies, complaints. Those a showcase speaks of agree to it first.
    ("showcase", "read"): EVERYBODY,
    ("showcase", "nominate"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("showcase", "review"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    # The centre enters what a party that has no account said on paper.
    ("showcase", "answer"): frozenset({Role.CENTRE, Role.ADMIN}),
    ("showcase", "answer_own"): frozenset({Role.ENTERPRISE, Role.PROVIDER}),
    ("policy", "read"): EVERYBODY,
    ("policy", "manage"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("complaint", "write"): EVERYBODY,
    ("complaint", "handle"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    # Performance evaluation: led by the bureau, filled by it, the general manager and (its own) a park or street; the
    # money's office reads, the city what is issued.
    ("performance", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.FINANCE, Role.ADMIN}),
    ("performance", "read_own"): frozenset({Role.AREA, Role.CITY}),
    ("performance", "fill"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("performance", "fill_own"): frozenset({Role.AREA}),
    ("performance", "manage"): frozenset({Role.BUREAU, Role.ADMIN}),
    # What the pilot has done: the offices see all of it, an area's officer what its areas did.
    ("figure", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.FINANCE, Role.CITY, Role.ADMIN}),
    ("figure", "read_own"): frozenset({Role.AREA}),
    ("figure", "enter"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    # What the platform itself keeps.
    ("history", "read"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("pilot", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.FINANCE, Role.AREA, Role.ADMIN}),
    # The words of letters: whoever signs them.
    ("letter_text", "manage"): frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN}),
    ("job", "read"): frozenset({Role.MANAGER, Role.ADMIN}),
    ("statistics", "read"): frozenset({Role.CENTRE, Role.MANAGER, Role.BUREAU, Role.ADMIN}),
}


def may(viewer: Viewer, verb: str, noun: str) -> bool:
    """Whether one of the viewer's roles holds `verb` on `noun`. An unknown pair is nobody's."""
    held = {"anyone", *viewer.roles}
    return bool(held & PERMISSIONS.get((noun, verb), frozenset()))


def may_act_for(viewer: Viewer, organisation_id: int | None, right: str) -> bool:
    """Whether the viewer is a member of the organisation who holds this one of RIGHTS."""
    return organisation_id is not None and (organisation_id, right) in viewer.rights


def may_apply_for(viewer: Viewer, organisation_id: int | None, right: str) -> bool:
    """The same on the providers' side: who belongs to the organisation as an enterprise only has no part in its application."""
    return organisation_id in viewer.applicant_ids and may_act_for(viewer, organisation_id, right)


def may_read_enterprise(viewer: Viewer, enterprise_id: int) -> bool:
    """Staff read every enterprise, an enterprise itself."""
    return may(viewer, "read", "enterprise") or enterprise_id in viewer.enterprise_ids


def may_read_plan(viewer: Viewer, enterprise_id: int) -> bool:
    """A problem list, its plan and its budget are for its enterprise and the centre."""
    return may(viewer, "read", "plan") or enterprise_id in viewer.enterprise_ids


def audience(viewer: Viewer) -> frozenset[str]:
    """The tokens of a viewer. A document is readable by those who hold at least one of its tokens.

    public: everybody · centre: may read every problem list · provider: may read problems without name, park and
    exact budget · enterprise:N: the enterprise itself.
    """
    tokens = {"public"}
    if may(viewer, "read", "plan"):
        tokens.add("centre")
    if Role.PROVIDER in viewer.roles:
        tokens.add("provider")
    tokens |= {f"enterprise:{number}" for number in viewer.enterprise_ids}
    return frozenset(tokens)
