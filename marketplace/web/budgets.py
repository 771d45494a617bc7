"""A budget set against a price, in one sentence."""

from __future__ import annotations

from marketplace.web.language import say
from marketplace.web.wording import money

Span = tuple[int | None, int | None]


def verdict(budget: Span, price: Span) -> str:
    """What an enterprise has put aside against what is asked for; an unknown figure is to be asked, never zero."""
    spend, most = _ends(budget)
    least, ask = _ends(price)
    if least is None or ask is None:
        return say("价格面议，待问")
    if spend is None or most is None:
        return say("预算未填，待问")
    if ask <= spend:
        return say("低于预算，可余 {amount}以上", amount=money(spend - ask)) if ask < spend else say("在预算内")
    if ask <= most:
        return say("在预算内")
    if least <= most:
        return say("报价上限比预算高 {amount}，下限在预算内", amount=money(ask - most))
    return say("超出预算 {amount}以上", amount=money(least - most))


def _ends(span: Span) -> Span:
    """Both ends of a range; where only one was said, it is both."""
    low, high = span
    return (high if low is None else low, low if high is None else high)


def total(spans: list[Span]) -> Span:
    """The sum of the known ranges; unknown ones are counted beside, by the caller."""
    known = [_ends(span) for span in spans if _ends(span)[0] is not None]
    if not known:
        return (None, None)
    return (sum(low or 0 for low, _high in known), sum(high or 0 for _low, high in known))
