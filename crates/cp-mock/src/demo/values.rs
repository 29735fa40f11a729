//! What varies from call to call.

pub(super) const PEOPLE: &[&str] = &[
    "amelie",
    "bartosz",
    "chiara",
    "dmitri",
    "elif",
    "femke",
    "goran",
    "hanna",
    "ines",
    "jonas",
    "katarzyna",
    "liam",
    "mateus",
    "noor",
    "oskar",
    "priya",
    "quentin",
    "rosa",
    "sven",
    "tomás",
    "ursula",
    "viktor",
    "wanjiru",
    "xin",
];

pub(super) const PRODUCTS: &[&str] = &[
    "Ridge 2 tent",
    "Fjell boots",
    "Tarn 45 pack",
    "Scree gaiters",
    "Larch sleeping bag",
    "Cairn stove",
    "Moraine poles",
    "Heath rain jacket",
    "Col headlamp",
    "Birch mug set",
    "Glen fleece",
    "Beck water filter",
    "Fell socks, three pairs",
    "Brae down vest",
    "Loch dry bag",
    "Crag helmet",
];

pub(super) const PROBLEMS: &[&str] = &[
    "a seam has come loose",
    "it is a size too small",
    "the zip sticks",
    "one pole is missing",
    "the colour is not the one in the picture",
    "it arrived wet",
    "it squeaks with every step",
    "the buckle broke on the first day",
];

pub(super) const FILES: &[&str] = &[
    "src/cart.py",
    "src/session.rs",
    "api/orders.ts",
    "worker/mail.go",
    "lib/price.rb",
    "src/lock.rs",
    "web/checkout.tsx",
    "jobs/reindex.py",
    "src/retry.rs",
    "api/auth.ts",
    "db/migrate.sql",
    "cmd/export.go",
];

pub(super) const CHANGES: &[&str] = &[
    "Cache the cart total per session",
    "Retry failed mails three times",
    "Move prices to integers",
    "Read the export in pages",
    "Rename `user` to `account`",
    "Drop the legacy login",
    "Time out idle sessions",
    "Batch the re-indexing",
    "Log request ids",
    "Sort orders by date",
];

pub(super) const DOCUMENTS: &[(&str, &str)] = &[
    (
        "meeting notes",
        "Present: Femke, Jonas, Noor. The checkout went live on Tuesday, two weeks late. Error rate down from 1.8 % to 1.2 %. Payment by invoice not done; Noor waits for the bank. Decision on Friday.",
    ),
    (
        "quarterly report",
        "Net revenue rose by 8 % to 14.2 million, carried by the spring collection. Returns went up from 11 % to 13 %, nearly all in footwear. The size guide will be redone by August.",
    ),
    (
        "incident report",
        "At 09:12 UTC the search began to fail. Cause: the certificate of the internal proxy had expired. The alert watched the host that was retired in May. Restored at 09:59 UTC.",
    ),
    (
        "customer interview",
        "The customer runs three shops and orders weekly. She likes the reorder button, misses a list of what is back in stock, and prints every invoice because the tax office asks for paper.",
    ),
    (
        "research abstract",
        "We compare four ways of packing mixed pallets over 12,000 historical loads. A simple height-first rule is within 3 % of the optimum and takes a thousandth of the time.",
    ),
    (
        "contract",
        "The supplier delivers within ten working days of the order. Late delivery reduces the price by 1 % a day, at most 8 %. Either side may end the agreement at the end of a quarter.",
    ),
    (
        "release notes",
        "Version 4.2 adds offline maps, halves the start-up time on older devices, and removes the old export format announced in March. Two known problems concern dark mode.",
    ),
];

pub(super) const AUDIENCES: &[&str] = &[
    "the management board",
    "new colleagues",
    "the sales team",
    "a customer",
    "engineers on call",
    "the press office",
];

pub(super) const SENTENCES: &[&str] = &[
    "Thank you for your order! You will hear from us as soon as the parcel is on its way.",
    "Please check that all seams are tight before you use the tent for the first time.",
    "The pack holds 45 litres and weighs just 980 grams.",
    "Our shop in the old town is open until nine on Thursdays.",
    "Wash at thirty degrees, do not tumble dry.",
    "The filter removes 99.9 % of bacteria and lasts for a thousand litres.",
    "Your voucher is valid until the end of the year and cannot be paid out.",
    "We are closed on Monday because of the stocktaking.",
    "The poles lock with a quarter turn; never oil the joint.",
    "Choose one size larger if you wear thick socks.",
];

pub(super) const VENDORS: &[&str] = &[
    "Fabrikam Textiles GmbH",
    "Tailspin Zippers Ltd",
    "Contoso Kartonagen AG",
    "Alpine Ski House SARL",
    "Wide World Importers BV",
    "Litware Labels s.r.o.",
    "Proseware Print Oy",
    "Adatum Freight SpA",
];

pub(super) const QUESTIONS: &[&str] = &[
    "Should we move the Rotterdam–Valencia lane from road to rail? 180 pallets a week, 1,850 km by road.",
    "From what volume on does a second shift in Gdańsk pay for itself? Fixed cost is 9,200 EUR a week.",
    "Is it worth opening a cross-dock near Lyon for 60 pallets a day?",
    "What does a fuel price 12 % higher do to the margin of the northern lanes?",
    "Can we promise two-day delivery to Prague without air freight?",
    "Which contract should we end this quarter if we must end one?",
];
