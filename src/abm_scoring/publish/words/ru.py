"""Russian.

Sentences name a thing and then its number ("посещение сайта: последний раз 3 дня назад"), so that no adjective or verb
has to agree with the gender of a word that is filled in.
"""

from __future__ import annotations

from abm_scoring.publish.words.catalogue import Catalogue
from abm_scoring.publish.words.grammar import GRAMMARS, Forms
from abm_scoring.publish.words.interface_ru import INTERFACE


def _f(one: str, few: str, many: str) -> Forms:
    """Forms after 1, 2 and 5; a broken number takes the form after 2."""
    return {"one": one, "few": few, "many": many, "other": few}


def _e(one: str, few: str, many: str, general: str) -> Forms:
    return {**_f(one, few, many), "general": general}


_EVENTS = {
    "any": _e("взаимодействие", "взаимодействия", "взаимодействий", "взаимодействия"),
    "web_visit": _e("посещение сайта", "посещения сайта", "посещений сайта", "посещения сайта"),
    "email_open": _e("открытие письма", "открытия писем", "открытий писем", "открытия писем"),
    "email_click": _e("клик в письме", "клика в письмах", "кликов в письмах", "клики в письмах"),
    "email_sent": _e("отправленное письмо", "отправленных письма", "отправленных писем", "отправленные письма"),
    "email_reply": _e("ответ на письмо", "ответа на письма", "ответов на письма", "ответы на письма"),
    "form_fill": _e("заполненная форма", "заполненные формы", "заполненных форм", "заполненные формы"),
    "content_download": _e("скачивание материала", "скачивания материалов", "скачиваний материалов", "скачивания"),
    "webinar": _e("вебинар", "вебинара", "вебинаров", "вебинары"),
    "ad_impression": _e("показ рекламы", "показа рекламы", "показов рекламы", "показы рекламы"),
    "ad_click": _e("клик по рекламе", "клика по рекламе", "кликов по рекламе", "клики по рекламе"),
    "social_engagement": _e("действие в соцсетях", "действия в соцсетях", "действий в соцсетях", "действия в соцсетях"),
    "meeting": _e("встреча", "встречи", "встреч", "встречи"),
    "sales_conversation": _e(
        "разговор с продавцом", "разговора с продавцом", "разговоров с продавцом", "разговоры с продавцом"
    ),
    "event_attendance": _e(
        "посещённое мероприятие", "посещённых мероприятия", "посещённых мероприятий", "посещённые мероприятия"
    ),
    "demo_request": _e("запрос демо", "запроса демо", "запросов демо", "запросы демо"),
    "sql_created": _e("SQL-лид", "SQL-лида", "SQL-лидов", "SQL-лиды"),
    "order": _e("заказ", "заказа", "заказов", "заказы"),
    "cancellation": _e("расторжение договора", "расторжения договора", "расторжений договора", "расторжения договора"),
}

_NOUNS = {
    "buying_role": _f("роль закупочной группы", "роли закупочной группы", "ролей закупочной группы"),
    "campaign": _f("кампания", "кампании", "кампаний"),
    "channel": _f("канал", "канала", "каналов"),
    "contact": _f("контакт", "контакта", "контактов"),
    "content": _f("материал", "материала", "материалов"),
    "customer": _f("клиент", "клиента", "клиентов"),
    "day": _f("день", "дня", "дней"),
    "employee": _f("сотрудник", "сотрудника", "сотрудников"),
    "engaged_contact": _f("вовлечённый контакт", "вовлечённых контакта", "вовлечённых контактов"),
    "engaged_senior_contact": _f("вовлечённый руководитель", "вовлечённых руководителя", "вовлечённых руководителей"),
    "event": _f("событие", "события", "событий"),
    "known_contact": _f("известный контакт", "известных контакта", "известных контактов"),
    "known_senior_contact": _f("известный руководитель", "известных руководителя", "известных руководителей"),
    "lost_opportunity": _f("проигранная сделка", "проигранные сделки", "проигранных сделок"),
    "minute": _f("минута", "минуты", "минут"),
    "month": _f("месяц", "месяца", "месяцев"),
    "opportunity": _f("прежняя сделка", "прежние сделки", "прежних сделок"),
    "won_opportunity": _f("выигранная сделка", "выигранные сделки", "выигранных сделок"),
    "week": _f("неделя", "недели", "недель"),
    "year": _f("год", "года", "лет"),
}

_COUNTED = {
    "ago": _f("{n} день назад", "{n} дня назад", "{n} дней назад"),
    "window": _f("за последний {n} день", "за последние {n} дня", "за последние {n} дней"),
}

_SENTENCES = {
    # pieces
    "ago_short": "менее дня назад",
    "counted": "{n} {things}",
    "detail": "{text}: {detail}",
    "none": "нет {things}",
    "only": "лишь {number}",
    "window_all": "за всё время",
    # events
    "happened": "{count} {window}",
    "nothing": "нет {things} {window}",
    "sum_minutes": "{events}: {amount} {window}",
    "sum_value": "{events}: ценность {amount} {window}",
    "sum_other": "{events}: {column} {amount} {window}",
    "sum_none": "{events}: {column} — 0 {window}",
    "distinct": "{events}: {count} {window}",
    "distinct_none": "{events}: нет {things} {window}",
    "active": "активность: {count} из последних {days}",
    "active_all": "активность: {count} за всё время",
    "active_none": "нет активности {window}",
    "active_events": "{events}: {count} из последних {days}",
    "active_events_all": "{events}: {count} за всё время",
    "last": "{event}: последний раз {ago}",
    "first": "{event}: впервые {ago}",
    "first_touch": "первое касание {ago}",
    "never": "{event}: ни разу",
    "decayed": "балл недавней активности: {number}",
    "decayed_events": "балл недавней активности: {number} ({events})",
    "decayed_none": "нет недавней активности",
    "decayed_events_none": "в последнее время нет активности: {events}",
    "momentum_up": "{events}: темп выше, {ratio}× к среднему за {days} дн.",
    "momentum_down": "{events}: темп ниже, {ratio}× к среднему за {days} дн.",
    "momentum_even": "{events}: обычный темп за {days} дн.",
    "mean": "{events}: в среднем {amount} {window}",
    "least": "{events}: минимум {amount} {window}",
    "most": "{events}: максимум {amount} {window}",
    "weeks": "{events}: {count} с активностью {window}",
    "gap": "{events}: средний интервал {count} {window}",
    "gap_none": "{events}: меньше двух {window}",
    "regular": "{events}: регулярно {window}",
    "irregular": "{events}: нерегулярно {window}",
    "rhythm_none": "{events}: слишком мало, чтобы судить о ритме {window}",
    "replies": "{count} вскоре после вашего обращения {window}",
    "replies_none": "нет {things} вскоре после вашего обращения {window}",
    "burst": "{events}: за последнюю неделю {ratio}× к прежнему темпу",
    "burst_even": "{events}: за последнюю неделю прежний темп",
    "streak": "{events}: {count} подряд",
    # facts
    "value": "{label}: {value}",
    "share": "{label}: {percent}",
    "share_unknown": "{label}: доля неизвестна",
    "unknown": "{label}: нет данных",
    "known": "{label}: данные есть",
    "yes": "{label}: да",
    "no": "{label}: нет",
    # fit with the ideal customer profile
    "fit_size_in": "подходит по размеру",
    "fit_size_near": "близка к нужному размеру",
    "fit_size_out": "не подходит по размеру",
    "fit_sector_in": "целевая отрасль",
    "fit_sector_out": "не ваша целевая отрасль",
    "fit_region_in": "целевая страна",
    "fit_region_site": "есть офис в целевой стране",
    "fit_region_out": "не ваша целевая страна",
    "fit_values": "разделяет ваши ценности: {number} из {total}",
    "fit_values_share": "разделяет ваши ценности: {percent}",
    "fit_values_none": "не разделяет ваших ценностей",
    "fit_similar": "похожа на ваших клиентов: {percent}",
    "fit_similar_customers": "отрасль и регион как у ваших клиентов: {number}",
    "fit_similar_none": "не похожа на ваших клиентов",
    "fit_total": "соответствует профилю идеального клиента: {percent}",
    # buying group
    "roles_known": "известно ролей закупочной группы: {number} из {total}",
    "roles_known_all": "известно: {roles}",
    "roles_engaged": "вовлечено ролей закупочной группы: {number} из {total}",
    "roles_engaged_all": "вовлечено: {roles}",
    "roles_missing": "не хватает ролей закупочной группы: {number} из {total}",
    "roles_missing_all": "не хватает: {roles}",
    "seniority": "{level}: вовлечено {count}",
    "seniority_none": "{level}: нет вовлечённых {things}",
    # relationship
    "tenure": "клиент уже {duration}",
    "tenure_short": "клиент менее дня",
    "tenure_none": "не клиент",
    "earlier_revenue_none": "выручки пока не было",
    "closed": "последняя сделка закрыта {ago}",
    "closed_none": "закрытых сделок пока нет",
}

_LABELS = {
    "campaign_of_first_touch": "кампания первого касания",
    "channel_of_first_touch": "канал первого касания",
    "content_of_first_touch": "материал первого касания",
    "annual_revenue": "годовая выручка",
    "company_age": "возраст компании",
    "country": "страна",
    "earlier_revenue": "прежняя выручка",
    "employee_count": "число сотрудников",
    "ideal_customer_profile": "соответствие профилю идеального клиента",
    "is_subsidiary": "дочерняя компания",
    "likeness_to_customers": "сходство с вашими клиентами",
    "region": "регион",
    "sector": "отрасль",
    "values": "ценности компании",
}

_TOPICS = {
    "first_touch_campaign": "кампания первого касания",
    "first_touch_channel": "канал первого касания",
    "first_touch_content": "материал первого касания",
    "buying_group": "закупочная группа",
    "company_age": "возраст компании",
    "company_size": "размер компании",
    "sector": "отрасль",
    "engagement": "общая вовлечённость",
    "location": "страна и регион",
    "relationship": "деловые отношения",
    "company_structure": "структура компании",
    "fit_size": "подходящий размер",
    "fit_sector": "подходящая отрасль",
    "fit_region": "подходящая страна",
    "fit_values": "общие ценности",
    "fit_similar_customers": "сходство с вашими клиентами",
    "fit_total": "соответствие профилю идеального клиента",
}

_LEVELS = {
    "c_level": "топ-менеджмент",
    "vp": "уровень вице-президентов",
    "staff": "уровень специалистов",
}

_NOT_SCORED = {
    "customer": "уже клиент",
    "not_a_customer": "ещё не клиент",
    "partner": "партнёр",
    "open_opportunity": "есть открытая сделка",
    "no_data": "данных пока нет",
    "not_yet_known": "на эту дату ещё не была известна",
    "objected": "возражение против обработки данных",
    "duplicate": "дубликат другой компании",
    "outside_scoring_window": "вне периода расчёта",
    "excluded": "исключена в настройках",
}

RUSSIAN = Catalogue(
    grammar=GRAMMARS["ru"],
    in_general="general",
    after_no="many",
    events=_EVENTS,
    unknown_event=_e("событие «{name}»", "события «{name}»", "событий «{name}»", "события «{name}»"),
    nouns=_NOUNS,
    counted=_COUNTED,
    sentences=_SENTENCES,
    labels=_LABELS,
    topics=_TOPICS,
    levels=_LEVELS,
    unknown_level="уровень «{name}»",
    not_scored=_NOT_SCORED,
    interface=INTERFACE,
)
