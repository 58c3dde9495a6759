# ruff: noqa: E501 - queries are read as they are
"""Every figure as a plain SQL query: the second opinion on the KPIs.

Tables are the canonical ones with moments in microseconds; `S` and `E` are the period's bounds, `Y` begins 365 days
before `E`. `first_mqa` comes from the table `mqa`, `tgt` are the target accounts of the period.
"""

from __future__ import annotations

DAY = 86_400_000_000

#: Shared parts of the queries.
VIEWS = """
create view tgt as select distinct account_id from target_list where "from" < $E and coalesce("to", $N) > $S;
create view ev as select * from events where account_id is not null and occurred_at >= $S and occurred_at < $E;
create view inb as select * from ev where direction = 'inbound' and event_type <> 'sql_created';
create view touch as select * from events where event_type <> 'sql_created';
create view first_touch as select account_id, min(occurred_at) t from touch group by 1;
create view first_mkt as select account_id, min(occurred_at) t from touch
  where event_type not in ('meeting', 'sales_conversation') group by 1;
create view opp as select *, coalesce(kind, 'new') k from opportunities;
create view won as select * from opp where is_won and closed_at >= $S and closed_at < $E;
create view closed as select * from opp where is_won is not null and closed_at >= $S and closed_at < $E;
create view still as select * from opp where created_at < $E and coalesce(closed_at, $N) >= $E;
create view year_won as select * from opp where is_won and closed_at >= $Y and closed_at < $E;
create view signed as select *, amount / (contract_months / 12) acv from year_won where contract_months > 0;
create view ends as select *, least(coalesce(cancelled_at, $N), case when contract_months > 0
  then closed_at + contract_months * 365.25 / 12 * 86400000000 else $N end) e from opp where is_won;
create macro running(m) as table select account_id, sum(case when contract_months > 0 then amount / (contract_months / 12)
  else amount end) v from ends where closed_at < m and e >= m group by 1;
create view fits as select account_id from accounts where sector in ('pharma', 'biotechnology');
create view cost as select *, coalesce(amount, hours * hourly_rate) m from costs
  where incurred_on >= $S and incurred_on < $E;
create view campaign_cost as select * from cost where kind in ('hours', 'media', 'other');
create view first_won as select account_id, min(closed_at) t from opp where is_won group by 1;
create view new as select account_id from first_won where t >= $S and t < $E;
create view first_mqa as select account_id, min(entered_at) t from mqa group by 1;
create view first_sql as select account_id, min(occurred_at) t from events where event_type = 'sql_created' group by 1;
create view keyed as select *, coalesce(contact_id, '@' || account_id) who, coalesce(campaign_id, '') what from events;
create view mail as select *, row_number() over () id from keyed where event_type = 'email_sent' and occurred_at >= $S;
create view answer as select a.event_type, a.occurred_at t, m.occurred_at sent, m.id from
  (select * from keyed where event_type in ('email_open', 'email_click', 'email_reply')) a asof join mail m
  on a.who = m.who and a.what = m.what and a.occurred_at >= m.occurred_at;
create view sessions as select account_id from (select account_id, occurred_at - lag(occurred_at)
  over (partition by account_id, coalesce(contact_id, '') order by occurred_at) gap from ev where event_type = 'web_visit')
  where gap is null or gap > 1800000000;
create view pairs as select distinct account_id, content_id from ev where content_id is not null;
create view reached as select a.account_id, count(distinct contact_id) c from (select account_id from tgt) a
  left join inb using (account_id) group by 1;
create view touches as select q.account_id, count(*) c from (select * from first_mqa where t >= $S and t < $E) q
  join touch e on e.account_id = q.account_id and e.occurred_at < q.t group by 1;
create view pipe as select * from won union all select * from still;
create view days as select (w.closed_at - f.t) / 86400000000.0 d from won w join first_touch f using (account_id)
  where w.k = 'new' and f.t <= w.closed_at;
create view clv_parts as select
  (select avg(acv) from signed) acv,
  (select sum(gross_margin) / sum(amount) from year_won) rate,
  (select count(*) from running($Y)) customers,
  (select count(*) from running($Y) join (select account_id from running($E)) using (account_id)) kept;
create view full_cost as select sum(m) m from (select coalesce(amount, hours * hourly_rate) m from costs
  where incurred_on >= $Y and incurred_on < $E and (kind not in ('onboarding', 'support') or account_id in
  (select account_id from first_won where t >= $Y and t < $E)));
"""


def _mail(kind: str, rule: str = "true") -> str:
    return (
        f"select count(*) filter (id in (select id from answer where event_type = '{kind}' and {rule})) / count(*) "
        "from mail where occurred_at < $E"
    )


def _stage(here: str, there: str) -> str:
    return (
        f"select count(b.t) filter (b.t >= a.t) / count(*) from ({here}) a left join ({there}) b using (account_id) "
        "where a.t >= $S and a.t < $E and account_id in (select * from tgt)"
    )


_OPENED = "select account_id, min(created_at) t from opp group by 1"
_INFLUENCED = (
    "exists (select 1 from touch t where t.account_id = p.account_id and t.event_type not in ('meeting', "
    "'sales_conversation') and t.occurred_at < least(coalesce(p.closed_at, $N), $E) and t.occurred_at >= "
    f"least(coalesce(p.closed_at, $N), $E) - {365 * DAY})"
)
_CLV = "(acv * rate / (1 - kept / customers))"
_CAC = "(select m from full_cost) / (select count(*) from first_won where t >= $Y and t < $E)"


def _role(table: str) -> str:
    return (
        "select sum(c) / (4 * (select count(*) from tgt)) from (select count(distinct buying_role) c from contacts "
        f"where account_id in (select * from tgt) and known_at < $E and objected_at is null and {table} and buying_role in "
        "('decision_maker', 'influencer', 'user', 'buyer') group by account_id)"
    )


def _stance(stance: str) -> str:
    return (
        f"select count(*) from contacts where stance = '{stance}' and known_at < $E and objected_at is null "
        "and account_id in (select * from tgt)"
    )


SQL: dict[str, str] = {
    "account_traffic": "select count(*) from sessions where account_id in (select * from tgt)",
    "account_traffic_share": "select count(*) filter (account_id in (select * from tgt)) / (count(*) + (select "
    "sum(sessions) from anonymous_traffic where day >= $S and day < $E)) from sessions",
    "reach": "select avg(least(c / 10, 1)) from reached",
    "reach_contacts": "select avg(c) from reached",
    "reach_accounts_at_goal": "select avg((c >= 10)::int) from reached",
    "reach_committee": "select avg(least(c / 17, 1)) from reached",
    "reach_accounts_with_committee": "select avg((c >= 17)::int) from reached",
    "role_coverage": _role("true"),
    "role_coverage_engaged": _role("contact_id in (select contact_id from inb)"),
    "content_engagement_rate": "select count(*) filter ((account_id, content_id) in (select account_id, content_id from "
    "inb where content_id is not null)) / count(*) from pairs",
    "content_engagement_rate_by_channel": "select sum(i) / count(*) from (select account_id, content_id, channel, "
    "max((direction = 'inbound')::int) i from ev where content_id is not null group by all)",
    "content_dwell_minutes": "select avg(minutes) from inb where content_id is not null",
    "content_downloads": "select count(*) from ev where event_type = 'content_download'",
    "email_open_rate": _mail("email_open", "t - sent > 10000000"),
    "email_click_rate": _mail("email_click"),
    "email_reply_rate": _mail("email_reply"),
    "ad_engagement_rate": "select count(*) filter (event_type = 'ad_click') / count(*) filter (event_type = "
    "'ad_impression') from ev",
    "content_conversion_rate": "select count(*) filter (f = 1) / count(*) from (select max((event_type = 'web_visit')::int) "
    "v, max((event_type in ('form_fill', 'demo_request', 'content_download'))::int) f from ev where content_id is not null "
    "group by account_id, content_id) where v = 1",
    "impressions": "select count(*) from ev where account_id in (select * from tgt) and (event_type = 'ad_impression' or "
    "(event_type = 'web_visit' and content_id is not null))",
    "brand_sentiment": "select avg(s) from (select sentiment s from ev union all select sentiment from surveys "
    "where answered_at >= $S and answered_at < $E)",
    "sales_conversations": "select count(*) from ev where event_type in ('meeting', 'sales_conversation') and account_id "
    "in (select * from tgt)",
    "contacts_champion": _stance("champion"),
    "contacts_supporter": _stance("supporter"),
    "contacts_blocker": _stance("blocker"),
    "social_engagements": "select count(*) from ev where event_type = 'social_engagement' and account_id in (select * from "
    "tgt)",
    "mqa_accounts": "select count(distinct account_id) from mqa where entered_at < $E and coalesce(left_at, $N) >= $E",
    "mqa_rate": "select count(*) filter (account_id in (select account_id from mqa where entered_at < $E and "
    "coalesce(left_at, $N) >= $E)) / count(*) from scored where as_of = (select max(as_of) from scored where as_of < $E)",
    "sql_accounts": "select count(distinct account_id) from ev where event_type = 'sql_created' and account_id in (select "
    "* from tgt)",
    "touches_to_qualification": "select quantile_cont(c, .5) from touches",
    "touches_to_qualification_q1": "select quantile_cont(c, .25) from touches",
    "touches_to_qualification_q3": "select quantile_cont(c, .75) from touches",
    "touches_in_band": "select avg((c between 7 and 13)::int) from touches",
    "days_to_identify": f"select median((q.t - f.t) / {DAY}.0) from first_mqa q join first_touch f using (account_id) "
    "where q.t >= $S and q.t < $E and f.t <= q.t",
    "days_to_close": "select median(d) from days",
    "days_to_close_mean": "select avg(d) from days",
    "influenced_pipeline": f"select sum(amount) from pipe p where {_INFLUENCED}",
    "sourced_pipeline": "select sum(amount) from pipe p join first_touch f using (account_id) join first_mkt m using "
    "(account_id) where f.t = m.t and f.t < p.created_at",
    "engaged_of_addressable": "select count(*) filter (account_id in (select account_id from inb)) / count(*) from fits",
    "target_conversion": "select count(*) filter (account_id in (select account_id from won)) / count(*) from tgt",
    "mqa_to_sql": _stage("select * from first_mqa", "select * from first_sql"),
    "sql_to_opportunity": _stage("select * from first_sql", _OPENED),
    "opportunity_to_won": _stage(_OPENED, "select * from first_won"),
    "win_rate": "select avg(is_won::int) from closed",
    "interaction_conversion_rate": "select (select count(*) from won where account_id in (select account_id from inb)) / "
    "count(*) from inb",
    "average_deal_value": "select avg(amount) from won",
    "median_deal_value": "select median(amount) from won",
    "pipeline_velocity": "select (select count(*) from still) * (select avg(amount) from won) * (select avg(is_won::int) "
    f"from closed) / (select avg((closed_at - created_at) / {DAY}.0) from won)",
    "acv": "select avg(amount / (contract_months / 12)) from won where contract_months > 0",
    "clv": f"select {_CLV} from clv_parts",
    "clv_expansion": f"select {_CLV} / acv * (select sum(amount) from year_won where k in ('cross_sell', 'upsell')) / "
    "customers from clv_parts",
    "cac_simple": "select sum(m) / (select count(*) from new) from campaign_cost",
    "cac_full": "select sum(m) / (select count(*) from new) from cost where kind not in ('onboarding', 'support') or "
    "account_id in (select * from new)",
    "clv_to_cac": f"select {_CLV} / ({_CAC}) from clv_parts",
    "cac_payback_months": f"select ({_CAC}) / (acv * rate / 12) from clv_parts",
    "tam": "select avg(acv) * (select count(*) from fits) from signed",
    "expansion_revenue": "select sum(amount) from won where k in ('cross_sell', 'upsell')",
    "expansion_share": "select sum(amount) filter (k in ('cross_sell', 'upsell')) / sum(amount) from won",
    "referrals": "select count(*) from (select account_id, min(referred_at) t from referrals group by 1) "
    "where t >= $S and t < $E",
    "referrals_converted": "select count(*) filter (account_id in (select o.account_id from opp o where o.is_won and "
    "o.closed_at >= r.t)) / count(*) from (select account_id, min(referred_at) t from referrals group by 1) r "
    "where t >= $S and t < $E",
    "nps": "select 100.0 * (count(*) filter (nps >= 9) - count(*) filter (nps <= 6)) / count(*) from surveys where nps is "
    "not null and answered_at >= $S and answered_at < $E",
    "retention_rate": "select count(b.account_id) / count(*) from running($S) a left join running($E) b using (account_id)",
    "net_revenue_retention": "select sum(b.v) / sum(a.v) from running($S) a left join running($E) b using (account_id)",
    "cost_per": "select sum(m) / (select count(*) from won) from campaign_cost",
    "cost_per_opportunity": "select sum(m) / (select count(*) from opp where created_at >= $S and created_at < $E) from "
    "campaign_cost",
    "cost_per_mqa": "select sum(m) / (select count(*) from mqa where entered_at >= $S and entered_at < $E) from "
    "campaign_cost",
    "cost_per_engaged_account": "select sum(m) / (select count(distinct account_id) from inb) from campaign_cost",
    "cost_per_campaign": "select sum(m) / count(distinct campaign_id) from campaign_cost where campaign_id is not null",
    "cost_per_content_item": "select sum(m) / count(distinct content_id) from campaign_cost where content_id is not null",
    "roi": f"select (select sum(gross_margin) from won p where {_INFLUENCED}) / sum(m) - 1 from campaign_cost",
}
