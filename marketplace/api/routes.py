"""Every operation of the API, registered. An import is what puts an operation on the blueprint."""

from __future__ import annotations

from flask import Flask

from marketplace.api import (
    adjustments,
    adjustments_steps,
    application_files,
    application_sections,
    applications,
    attached,
    brokerings,
    brokerings_new,
    brokerings_steps,
    brokerings_work,
    calls,
    catalogue,
    catalogue_review,
    catalogue_writing,
    certificates,
    diagnoses,
    diagnoses_steps,
    diagnosis_lists,
    diagnosis_sections,
    docs,
    enterprises,
    groups,
    history,
    imports,
    index,
    inquiries,
    introductions,
    introductions_steps,
    investments,
    library,
    listings,
    notices,
    plan_choices,
    plan_issues,
    problem_lists,
    problems,
    publicity,
    ratings,
    recommendations,
    reviews,
    reviews_expert,
    reviews_steps,
    saved,
    scenario_lists,
    scenario_needs,
    search,
    tasks,
    windows,
)
from marketplace.api.operation import api

OPERATIONS = (
    *(search, recommendations, library, listings, enterprises, problems, imports, index),
    *(windows, publicity, applications, application_sections, application_files, attached),
    *(reviews, reviews_steps, reviews_expert, catalogue, catalogue_writing, catalogue_review, calls),
    *(ratings, certificates, adjustments, adjustments_steps, tasks, notices, history),
    *(brokerings, brokerings_new, brokerings_steps, introductions, introductions_steps, brokerings_work, inquiries),
    *(diagnoses, diagnoses_steps, diagnosis_sections, diagnosis_lists, problem_lists, scenario_needs, investments),
    *(scenario_lists, groups, plan_choices, plan_issues, saved),
)


def register(app: Flask) -> None:
    app.register_blueprint(api)
    app.register_blueprint(docs.pages)
