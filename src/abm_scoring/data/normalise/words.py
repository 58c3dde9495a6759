"""Small vocabularies: sectors, seniorities and buying roles, and the words by which texts are recognised."""
# ruff: noqa: E501 - words are wider than code

from __future__ import annotations

#: Sector → prefixes of NACE Rev. 2 (two digits and finer), NAICS 2022, SIC 1987, and words in four languages.
SECTORS: dict[str, tuple[str, str, str, str]] = {
    "agriculture": ("01 02 03", "11", "01 02 07 08 09", "agricultur agrar landwirtschaft farming forestry fishing сельск agricol silvicul"),
    "mining": ("05 06 07 08 09", "21", "10 12 13 14", "mining bergbau oil gas quarr добыч нефт minerit petrol"),
    "food": ("10 11 12", "311 312", "20 21", "food beverage lebensmittel nahrung getränk tobacco пищев продукт aliment băutur bautur"),
    "textiles": ("13 14 15", "313 314 315 316", "22 23 31", "textil apparel fashion clothing bekleidung leather текстил одежд îmbrăcămint imbracamint"),
    "wood_and_paper": ("16 17 18", "321 322 323", "24 26 27", "paper wood holz papier printing verlag publish бумаг лес hârti lemn"),
    "chemicals": ("19 20 22 23", "324 325 326 327", "28 29 30 32", "chemi plastic kunststoff rubber polymer хими chimi"),
    "pharma": ("21", "3254", "283", "pharma arznei drug therapeutic фарма farma"),
    "biotechnology": ("721", "541714", "8731", "biotech genom biolog биотех biotehnolog"),
    "medical_technology": ("325 266", "3391 334510", "384", "medtech medical medizin implant surgical dental medicin медтех медицин"),
    "metals": ("24 25", "331 332", "33 34", "metal steel stahl metall iron foundry металл metalurg"),
    "electronics": ("26 27", "334 335", "36 38", "electronic elektro semiconductor sensor hardware электрон electroni"),
    "machinery": ("28", "333", "35", "machin maschinen industrial engineering mechanical anlagenbau машиностро utilaj mașini masini"),
    "automotive": ("29 30", "336", "37", "automotive automobil vehicle fahrzeug aerospace aviation автомоб auto"),
    "furniture_and_other": ("31 32 33", "337 339", "25 39", "furniture möbel toys sporting мебел mobil"),
    "energy": ("35", "221", "49", "energy energie utilit power electricity renewable энерг energi"),
    "water_and_waste": ("36 37 38 39", "562 2213", "495", "waste water recycling entsorgung environmental отход deșeur deseur"),
    "construction": ("41 42 43", "23", "15 16 17", "construct bau building civil engineering строит construc"),
    "retail": ("45 47", "44 45", "52 53 54 55 56 57 59", "retail einzelhandel handel e-commerce ecommerce store shop рознич торгов comerț comert"),
    "wholesale": ("46", "42", "50 51", "wholesale grosshandel großhandel distribution trading опт angro"),
    "logistics": ("49 50 51 52 53", "48 49", "40 41 42 44 45 46 47", "logistic transport freight spedition shipping airline railroad логист транспорт"),
    "hospitality": ("55 56", "72", "58 70", "hotel hospitality restaurant gastronom catering tourism leisure гостин ресторан turism"),
    "media": ("58 59 60", "512 513 516", "48 78", "media film broadcast entertainment music medien news медиа presă"),
    "telecommunications": ("61", "517", "481 482", "telecom telekom wireless связ telecomunic"),
    "software": ("62 63 582", "5112 5132 518 5415", "737", "software internet information technology it services saas informatik data systems computer_software программн информацион informatic technology technologie"),
    "finance": ("64 66", "522 523", "60 61 62 67", "bank financ finanz invest capital asset финанс банк banc"),
    "insurance": ("65", "524", "63 64", "insur versicher страхов asigur"),
    "real_estate": ("68", "531", "65", "real estate immobil property недвиж imobiliar"),
    "professional_services": ("69 70 71 72 73 74", "54", "81 87 89", "consult berat legal law accounting marketing advert engineering services research консалт consultan servicii"),
    "business_services": ("77 78 79 80 81 82", "532 56", "73", "staffing leasing rental security facility outsourcing employment personal кадров închirier"),
    "public": ("84", "92", "91 92 93 94 95 96 97", "government public verwaltung behörde municipal administration государств administrați administrati"),
    "education": ("85", "61", "82", "educat bildung school university hochschule e-learning образов educați educati"),
    "health": ("86 87 88", "62", "80 83", "health hospital klinik care gesundheit здрав sănătate sanatate"),
    "arts_and_sport": ("90 91 92 93", "71", "79 84", "sport arts museum gaming gambling fitness спорт cultur"),
    "associations": ("94 95 96 97 98 99", "81", "72 75 76 86 88", "association verband non-profit nonprofit church ngo ассоциац asociați asociati"),
}  # fmt: skip

#: Words of job titles → seniority; the first row that hits decides.
SENIORITY: tuple[tuple[str, str], ...] = (
    ("staff", r"\b(intern|trainee|praktikant|azubi|werkstudent|стажер|стажёр|stagiar|assistant to|assistenz|assistent)\b"),
    ("director", r"\b(vice president|vp|svp|evp|avp)\b"),
    ("c_level", r"\b(c[efotimsrhp]o|cdo|ciso|cxo|chief|president|founder|co-founder|owner|partner|geschäftsführer\w*|geschaeftsfuehrer\w*|vorstand\w*|inhaber\w*|gründer\w*|managing director|board|генеральный|гендиректор|учредитель|президент|собственник|administrator|director general|președinte|presedinte|fondator|proprietar)\b"),
    ("director", r"\b(director|head|direktor\w*|leiter\w*|leitung|bereichsleiter\w*|abteilungsleiter\w*|директор|руководитель|начальник|șef|sef)\b|\w+leiter(in)?\b"),
    ("manager", r"\b(manager\w*|lead|supervisor|teamlead|teamleiter\w*|principal|менеджер|управляющий|coordonator|responsabil)\b"),
    ("staff", r"\w{3,}"),
)  # fmt: skip

#: Words of job titles → buying role; the first row that hits decides.
BUYING_ROLES: tuple[tuple[str, str], ...] = (
    ("gatekeeper", r"\b(assistant|secretary|assistenz|assistent\w*|sekretär\w*|sekretariat|office manager|reception\w*|секретарь|помощник|ассистент|asistent\w*|secretar\w*)\b"),
    ("finance", r"\b(cfo|finance|financial|controller|controlling|treasur\w*|account(ant|ing)|finanz\w*|buchhalt\w*|финанс\w*|бухгалтер\w*|financiar\w*|contabil\w*)\b"),
    ("buyer", r"\b(procurement|purchas\w*|buyer|sourcing|einkauf\w*|beschaffung\w*|закуп\w*|снабжен\w*|achiziți\w*|achiziti\w*)\b"),
    ("it", r"\b(it|cio|cto|ciso|software|developer|devops|informatik\w*|systems?|network|data|security|ит|программист\w*|разработчик\w*|informatic\w*)\b|\bit-\w+"),
    ("decision_maker", r"\b(ceo|coo|cmo|cro|owner|founder|president|chief|managing director|general manager|geschäftsführer\w*|vorstand\w*|inhaber\w*|генеральный|гендиректор|директор|собственник|director general|administrator)\b"),
    ("influencer", r"\b(head|director|vp|vice president|leiter\w*|leitung|manager\w*|lead|consultant|architect|руководитель|начальник|менеджер|șef|sef|responsabil)\b|\w+leiter(in)?\b"),
    ("user", r"\w{3,}"),
)  # fmt: skip

#: Column → words that a text is held against when it looks mistyped.
VOCABULARY: dict[str, tuple[str, ...]] = {
    "sector": (
        *SECTORS, "technology", "telecom", "medical", "marketing", "entertainment", "employment", "services",
        "manufacturing", "consulting", "hospitality", "transportation", "utilities", "aerospace", "banking", "healthcare",
    ),
    "country": (
        "germany", "austria", "switzerland", "france", "italy", "spain", "portugal", "netherlands", "belgium", "poland", "romania",
        "united states", "united kingdom", "ireland", "norway", "sweden", "denmark", "finland", "japan", "china", "korea", "brazil",
        "philippines", "kenya", "jordan", "panama", "india", "mexico", "canada", "australia", "turkey", "greece", "hungary",
    ),
}  # fmt: skip
