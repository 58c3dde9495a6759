"""Words of the fictional market. No name here belongs to a company; all domains end in `.example`."""

from __future__ import annotations

from typing import NamedTuple


class Sector(NamedTuple):
    """A sector: its share of the market, what it adds to fit, revenue per employee, words for names."""

    name: str
    share: float
    fit: float
    revenue_per_employee: float
    words: tuple[str, str, str]


class Country(NamedTuple):
    """A country: share, what it adds to fit, deal currency, legal form and regions."""

    code: str
    share: float
    fit: float
    currency: str
    legal: str
    english: str
    regions: tuple[str, ...]


SECTORS = (
    Sector("pharma", 0.08, 0.85, 320_000, ("Pharma", "Therapeutics", "Arzneimittel")),
    Sector("biotechnology", 0.06, 0.80, 260_000, ("Biotech", "Biologics", "Genomics")),
    Sector("medical_technology", 0.08, 0.65, 210_000, ("Medical", "Medtech", "Implants")),
    Sector("chemicals", 0.09, 0.00, 340_000, ("Chemie", "Chemicals", "Polymers")),
    Sector("food", 0.10, -0.05, 230_000, ("Foods", "Nutrition", "Ingredients")),
    Sector("machinery", 0.12, -0.10, 190_000, ("Maschinenbau", "Machinery", "Drives")),
    Sector("automotive", 0.08, -0.10, 250_000, ("Automotive", "Mobility", "Fahrzeugtechnik")),
    Sector("electronics", 0.09, -0.10, 220_000, ("Electronics", "Sensors", "Elektronik")),
    Sector("logistics", 0.09, -0.30, 160_000, ("Logistics", "Freight", "Spedition")),
    Sector("construction", 0.08, -0.35, 180_000, ("Bau", "Construction", "Infrastructure")),
    Sector("retail", 0.07, -0.35, 240_000, ("Retail", "Handel", "Stores")),
    Sector("software", 0.06, -0.30, 150_000, ("Software", "Systems", "Data")),
)

COUNTRIES = (
    Country(
        "DE", 0.42, 0.24, "EUR", "GmbH", "Germany", ("Bayern", "Baden-Württemberg", "Hessen", "Nordrhein-Westfalen")
    ),
    Country("AT", 0.13, 0.26, "EUR", "GmbH", "Austria", ("Wien", "Oberösterreich", "Steiermark")),
    Country("CH", 0.10, 0.22, "CHF", "AG", "Switzerland", ("Zürich", "Basel", "Bern")),
    Country("US", 0.09, -0.30, "USD", "Inc.", "USA", ("Northeast", "Midwest", "South", "West")),
    Country("GB", 0.06, -0.25, "EUR", "Ltd", "UK", ("England", "Scotland")),
    Country("FR", 0.06, -0.20, "EUR", "SA", "France", ("Île-de-France", "Auvergne-Rhône-Alpes")),
    Country("IT", 0.05, -0.20, "EUR", "S.p.A.", "Italia", ("Lombardia", "Veneto")),
    Country("NL", 0.04, -0.15, "EUR", "B.V.", "Nederland", ("Noord-Holland", "Brabant")),
    Country("RO", 0.03, -0.30, "EUR", "S.R.L.", "România", ("București", "Cluj")),
    Country("PL", 0.02, -0.30, "EUR", "Sp. z o.o.", "Polska", ("Mazowieckie", "Śląskie")),
)

#: Tags that truly go with fit, and others that do not.
FITTING_VALUES = ("integrity", "forward-looking", "agile")
VALUES = (*FITTING_VALUES, "sustainability", "quality", "tradition", "safety", "diversity", "cost-leadership")

#: Inside this range of employees size is right; outside fit falls with the log distance to it.
FITTING_EMPLOYEES = (500, 2_000)

#: Names are made of one of each.
FIRST, MIDDLE, LAST = (
    tuple(line.split())
    for line in (
        "Al Ber Cor Dal El Fen Gar Hol In Jor Kal Lun Mar Nor Or Pel Quin Ras Sel Tor Ul Vel Wen Xan Yl Zor "
        "Bran Cael Dor Er Fal Gren Hel Is Kor Lor",
        "a ado alu ani ara ave ela emi ena era evi ila imo ina ira ito oda ola oma oni ora ova ula umi una uri ya",
        "bra da dis gon kt l lis mex mora n nt phis r ra ris s sta th tis tra va vex x zen",
    )
)

ROLES = ("decision_maker", "influencer", "user", "buyer", "it", "finance", "gatekeeper")
ROLE_SHARES = (0.12, 0.20, 0.28, 0.12, 0.12, 0.08, 0.08)
SENIORITIES = ("c_level", "director", "manager", "staff")
#: Share of each seniority by role, in the order of `ROLES`.
SENIORITY_SHARES = (
    (0.45, 0.40, 0.15, 0.00),
    (0.05, 0.35, 0.45, 0.15),
    (0.00, 0.05, 0.30, 0.65),
    (0.02, 0.20, 0.53, 0.25),
    (0.08, 0.22, 0.40, 0.30),
    (0.20, 0.30, 0.35, 0.15),
    (0.00, 0.02, 0.18, 0.80),
)
DEPARTMENTS = ("management", "engineering", "production", "procurement", "it", "finance", "office")
STANCES = ("champion", "supporter", "neutral", "blocker")
STANCE_SHARES = (0.10, 0.25, 0.58, 0.07)

STAGES = ("tofu", "mofu", "bofu")
CONTENT_TITLES = (
    (
        "Trends in clean production", "Line of the future", "What downtime costs", "Energy in the plant",
        "A year in figures", "Skills for the shop floor", "Interview: quality first", "Podcast: on the line",
        "Regulation in brief", "Ten questions on automation", "Trade fair diary", "Open factory day",
        "Sustainable packaging", "Basics of validation",
    ),
    (
        "Guide to line design", "Webinar: faster changeovers", "Case: a filling line", "Checklist for audits",
        "Comparing three layouts", "White paper: traceability", "Calculator for throughput", "Case: clean room",
        "Webinar: predictive service", "Guide to qualification", "Benchmark of scrap rates", "Workshop recording",
        "Retrofit or new", "Case: small batches",
    ),
    (
        "Price guide", "Request a demo", "Return on investment sheet", "Reference visit", "Service contracts",
        "Technical data sheets", "Plan of introduction", "Financing options", "Talk to an engineer",
        "Trial installation", "Security questionnaire", "Terms of delivery",
    ),
)  # fmt: skip
#: Ids of the content items, counted through the stages.
CONTENT_IDS = tuple(f"content-{n:02d}" for n in range(1, 1 + sum(map(len, CONTENT_TITLES))))

REJECTION_REASONS = ("no budget", "no need", "wrong contact", "bad timing", "too small")
