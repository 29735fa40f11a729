//! The demo's applications as the model plays them: their prompts, and answers in character.
//!
//! The prompts are here and not in the demo because the mock knows an application by its prompt, as a model would.

use crate::answer::Question;
use crate::text::pick;

pub(crate) const SUPPORT: &str = "You are the support assistant of Northwind Outdoor, an online shop for tents, packs and boots. \
Be friendly and brief. Orders can be returned within 30 days. Never promise a refund before the goods have arrived. \
If you do not know, say that a colleague will write within one working day.";

pub(crate) const REVIEWER: &str = "You are a code reviewer. Read the files that a change touches with the tools you have, \
then report at most three findings, the most serious first, each with the line it concerns and a suggested fix. \
Say so when there is nothing to report.";

pub(crate) const ANALYST: &str = "You are an analyst of a logistics company. Weigh the figures you are given before you answer, \
name the assumption that the answer depends on most, and finish with one recommendation. \
Warehouses: Rotterdam (EU north), Gdańsk (EU east), Valencia (EU south). A pallet moves at 0.11 EUR per kilometre by road \
and 0.04 EUR by rail; rail adds two days. Contracts may be cancelled quarterly.";

pub(crate) const SUMMARY_OPENING: &str = "Summarise the following ";
pub(crate) const TRANSLATION_OPENING: &str = "Translate the text below from ";

/// The answer in character; nothing for a prompt that is not the demo's.
pub(crate) fn reply(question: &Question) -> Option<String> {
    let one_of = |answers: &[&'static str]| Some(pick(answers, question.seed, 1).to_owned());
    match question.system.as_str() {
        SUPPORT => return one_of(support(&question.user)),
        REVIEWER if !question.tool_results.is_empty() => return one_of(FINDINGS),
        ANALYST => return one_of(ANALYSES),
        _ => {}
    }
    if question.user.starts_with(SUMMARY_OPENING) {
        return one_of(SUMMARIES);
    }
    let text = question.user.strip_prefix(TRANSLATION_OPENING)?;
    let (_, language) = text.split_once(" to ")?;
    one_of(if language.starts_with("German") { GERMAN } else { FRENCH })
}

fn support(user: &str) -> &'static [&'static str] {
    let user = user.to_lowercase();
    match user.as_str() {
        user if user.contains("refund") || user.contains("money") => REFUNDS,
        user if user.contains("where") || user.contains("arriv") => DELIVERIES,
        user if user.contains("thank") => GOODBYES,
        _ => GREETINGS,
    }
}

const REFUNDS: &[&str] = &[
    "Of course. Once the parcel is back with us we check it the same day, and the money is on your account within five working days.",
    "I have prepared a return label for you — it is in your inbox now. The refund starts as soon as the parcel is scanned at our warehouse.",
    "You are well within the 30 days, so that is no problem. Please send it back in any box; I have noted the order so that nobody asks twice.",
];
const DELIVERIES: &[&str] = &[
    "It left our warehouse this morning and should be with you the day after tomorrow. You will get a message with a two-hour window.",
    "The carrier shows it at the depot in your town, so it should reach you tomorrow before noon.",
    "I am sorry for the wait: the parcel was held at the sorting centre. A colleague will write within one working day with a new date.",
];
const GOODBYES: &[&str] = &[
    "You are welcome! Enjoy the trip — and write again whenever something is unclear.",
    "Gladly. I have closed the ticket; an answer to this conversation opens it again.",
];
const GREETINGS: &[&str] = &[
    "Hello! Thank you for writing. I have the order in front of me: what would you like to change about it?",
    "Thanks for the details. Could you tell me whether the seal of the packaging is still closed? Then I can say what is possible.",
    "I see what you mean. Two of our customers solved it by loosening the side straps first; shall I send you the two-page guide?",
];
const FINDINGS: &[&str] = &[
    "1. Line 18: the cart is read before the lock is taken, so two requests can both see the old total. Take the lock first.\n2. Line 31: `timeout` is in seconds but the caller passes milliseconds. Use a `Duration`.\n\nThe tests cover neither.",
    "1. Line 7: the error of `save` is dropped; a full disk looks like success. Return it.\n\nOtherwise the change reads well.",
    "Nothing to report: the change is small, the tests fail without it and pass with it.",
];
const ANALYSES: &[&str] = &[
    "Moving the volume to rail saves about 31 % on the Rotterdam–Valencia lane and costs two days. The answer depends most on the assumption that four of five orders tolerate them.\n\nRecommendation: move the bulk goods to rail this quarter and keep express orders on the road.",
    "The second shift pays for itself from 420 pallets a day; last quarter had 388 on average, with a peak of 510. The assumption that matters is that the peak returns in spring.\n\nRecommendation: run the shift from March to May only.",
    "Gdańsk would take nine hours off the eastern lanes, at 14 % more rent. That holds as long as the customs lane stays open at night.\n\nRecommendation: sign for one quarter with an option.",
];
const SUMMARIES: &[&str] = &[
    "The team shipped the new checkout two weeks late. Errors fell by a third, while payment by invoice is still missing. A decision on it is due on Friday.",
    "Revenue grew by 8 % on the strength of the spring collection. Returns rose too, mostly in footwear; the size guide is to be redone before the autumn.",
    "An expired certificate took the search down for 47 minutes. Nobody was alerted, because the alert watched the old host. Both are fixed, and a test now covers the date.",
];
const GERMAN: &[&str] = &[
    "Vielen Dank für Ihre Bestellung! Sie erhalten eine Nachricht, sobald das Paket unterwegs ist.",
    "Bitte prüfen Sie vor dem ersten Gebrauch, ob alle Nähte dicht sind.",
    "Der Rucksack fasst 45 Liter und wiegt nur 980 Gramm.",
];
const FRENCH: &[&str] = &[
    "Merci pour votre commande ! Vous recevrez un message dès que le colis sera en route.",
    "Avant la première utilisation, vérifiez que toutes les coutures sont étanches.",
    "Le sac à dos contient 45 litres et ne pèse que 980 grammes.",
];
