//! The prompt library.

use cp_base::{Clock, ProjectScope, Random, Timestamp};
use cp_db::Tx;
use cp_prompt::{
    CommentState, Content, Details, Document, EntryKind, Kind, LabelName, ModelConfig, ProposalState,
    Relation, Status, Syntax, VersionNumber,
};
use cp_store::{
    Author, Comment, CrossReference, Mentioned, NewMove, NewVersion, Prompt, PromptFilter, Proposal,
    ProposalEntry, ProposalFilter, Rating, ReferenceTarget, Sealer, Version,
};
use cp_testkit::db_test;

use crate::world::World;

fn says(text: &str) -> Document {
    Document {
        syntax: Syntax::Jinja,
        content: Content::Text(text.to_owned()),
        config: ModelConfig::default(),
    }
}

async fn prompt(world: &World, tx: &mut Tx, sealer: &Sealer<'_>, scope: ProjectScope, name: &str) -> Prompt {
    let now = world.clock.now();
    let details = Details { purpose: format!("why {name}"), ..Details::default() };
    let prompt = Prompt {
        scope,
        id: world.ids.mint(),
        name: name.parse().unwrap(),
        kind: Kind::Text,
        status: Status::Active,
        team: None,
        details,
        tags: vec!["a".to_owned(), "b".to_owned()],
        latest: 0,
        forked_from: None,
        revision: 1,
        changed: 0,
        created_by: "anna@x.example".to_owned(),
        created_at: now,
        updated_at: now,
        archived_at: None,
    };
    assert!(cp_store::create_prompt(tx, sealer, &prompt).await.unwrap());
    prompt
}

async fn save(world: &World, tx: &mut Tx, sealer: &Sealer<'_>, prompt: &mut Prompt, text: &str) -> Version {
    let new = NewVersion {
        id: world.ids.mint(),
        document: says(text),
        message: format!("because of {text}"),
        includes: vec!["shared/greeting@staging".parse().unwrap(), "shared/greeting".parse().unwrap()],
        parent: None,
        merged: None,
        created_by: "anna@x.example".to_owned(),
        created_at: world.clock.now(),
    };
    let version = cp_store::create_version(tx, sealer, prompt, new).await.unwrap().unwrap();
    prompt.latest = i64::from(version.number.get());
    version
}

fn proposal(world: &World, prompt: &Prompt) -> Proposal {
    Proposal {
        id: world.ids.mint(),
        prompt: prompt.id,
        name: prompt.name.clone(),
        label: LabelName::production(),
        from: None,
        to: number(1),
        state: ProposalState::Open,
        reason: "it is time".to_owned(),
        author: anna(),
        created_at: world.clock.now(),
        closed_at: None,
    }
}

fn entry(kind: EntryKind, text: &str) -> ProposalEntry {
    ProposalEntry { number: 0, kind, text: text.to_owned(), author: anna(), created_at: Timestamp(7) }
}

fn comment(world: &World, prompt: &Prompt, text: &str) -> Comment {
    Comment {
        id: world.ids.mint(),
        prompt: prompt.id,
        name: prompt.name.clone(),
        number: number(1),
        reply_to: None,
        state: CommentState::Open,
        text: text.to_owned(),
        mentions: Vec::new(),
        author: anna(),
        created_at: world.clock.now(),
        edited_at: None,
    }
}

fn anna() -> Author {
    Author { id: "usr_1".to_owned(), name: "anna@x.example".to_owned() }
}

fn number(number: i64) -> VersionNumber {
    VersionNumber::try_from(number).unwrap()
}

db_test! {
    async fn versions_are_kept_as_they_were_saved(test: TestDb) {
        let (world, random) = (World::new(test).await, Random::seeded(3));
        let mut tx = world.tx().await;
        let acme = world.tenant(&mut tx, "acme").await;
        let (scope, sealer) = (acme.project.scope, Sealer::new(&acme.keys, &random));
        let mut ours = prompt(&world, &mut tx, &sealer, scope, "support/refund").await;
        let first = save(&world, &mut tx, &sealer, &mut ours, "one").await;
        let second = save(&world, &mut tx, &sealer, &mut ours, "two").await;
        assert_eq!((first.number, second.number), (number(1), number(2)));
        let found = cp_store::find_version(&mut tx, &sealer, scope, ours.id, number(1)).await.unwrap();
        assert_eq!(found.as_ref(), Some(&first));
        let two = says("two");
        let with = cp_store::find_versions_with(&mut tx, &sealer, scope, "because of two", 9).await.unwrap();
        assert_eq!(with.iter().map(ToString::to_string).collect::<Vec<_>>(), ["support/refund#2"]);
        let with = cp_store::find_versions_with(&mut tx, &sealer, scope, "why support", 1).await.unwrap();
        assert_eq!(with.iter().map(ToString::to_string).collect::<Vec<_>>(), ["support/refund#1"]);
        assert!(cp_store::find_versions_with(&mut tx, &sealer, scope, "three", 9).await.unwrap().is_empty());
        let same = cp_store::find_version_by_document(&mut tx, &sealer, scope, ours.id, &two).await.unwrap();
        assert_eq!(same, Some(second.clone()));
        let page = cp_store::list_versions(&mut tx, &sealer, (scope, ours.id), None, 1).await.unwrap();
        assert_eq!(page, [second]);
        let page =
            cp_store::list_versions(&mut tx, &sealer, (scope, ours.id), Some(number(2)), 9).await.unwrap();
        assert_eq!(page, [first]);
        let read = cp_store::find_prompt_named(&mut tx, &sealer, scope, &ours.name).await.unwrap().unwrap();
        assert_eq!((read.latest, &read.details, &read.tags), (2, &ours.details, &ours.tags));
        assert!(read.changed > 0);
    }

    async fn of_two_who_save_on_top_of_one_version_one_is_told(test: TestDb) {
        let (world, random) = (World::new(test).await, Random::seeded(3));
        let mut tx = world.tx().await;
        let acme = world.tenant(&mut tx, "acme").await;
        let (scope, sealer) = (acme.project.scope, Sealer::new(&acme.keys, &random));
        let mut ours = prompt(&world, &mut tx, &sealer, scope, "p").await;
        let seen = ours.clone();
        save(&world, &mut tx, &sealer, &mut ours, "one").await;
        let late = NewVersion {
            id: world.ids.mint(),
            document: says("other"),
            message: String::new(),
            includes: Vec::new(),
            parent: None,
            merged: None,
            created_by: String::new(),
            created_at: world.clock.now(),
        };
        assert_eq!(cp_store::create_version(&mut tx, &sealer, &seen, late).await.unwrap(), None);
    }

    async fn a_label_is_moved_by_whoever_has_seen_mentionsit_is(test: TestDb) {
        let (world, random) = (World::new(test).await, Random::seeded(3));
        let mut tx = world.tx().await;
        let acme = world.tenant(&mut tx, "acme").await;
        let (scope, sealer) = (acme.project.scope, Sealer::new(&acme.keys, &random));
        let mut ours = prompt(&world, &mut tx, &sealer, scope, "p").await;
        save(&world, &mut tx, &sealer, &mut ours, "one").await;
        save(&world, &mut tx, &sealer, &mut ours, "two").await;
        let production = LabelName::production();
        let to = |from, version: Option<i64>| NewMove {
            prompt: ours.id,
            label: &production,
            from,
            to: version.map(number),
            reason: "it is better",
            proposal: None,
            by: "anna@x.example",
            at: Timestamp(5),
        };
        assert!(!cp_store::move_label(&mut tx, &sealer, scope, &to(None, None)).await.unwrap());
        assert!(cp_store::move_label(&mut tx, &sealer, scope, &to(None, Some(1))).await.unwrap());
        assert!(!cp_store::move_label(&mut tx, &sealer, scope, &to(None, Some(2))).await.unwrap());
        let at_one = cp_store::find_label(&mut tx, scope, ours.id, &production).await.unwrap().unwrap();
        assert!(cp_store::move_label(&mut tx, &sealer, scope, &to(Some(&at_one), Some(2))).await.unwrap());
        assert!(!cp_store::move_label(&mut tx, &sealer, scope, &to(Some(&at_one), Some(1))).await.unwrap());
        let at_two = cp_store::list_labels(&mut tx, scope, &[ours.id]).await.unwrap().remove(0);
        assert_eq!((at_two.version, at_two.revision), (number(2), 2));
        assert!(cp_store::move_label(&mut tx, &sealer, scope, &to(Some(&at_two), None)).await.unwrap());
        assert_eq!(cp_store::find_label(&mut tx, scope, ours.id, &production).await.unwrap(), None);
        assert!(cp_store::move_label(&mut tx, &sealer, scope, &to(None, Some(1))).await.unwrap());
        let moves = cp_store::list_label_moves(&mut tx, &sealer, (scope, ours.id), Some(&production), 9);
        let moves: Vec<_> = moves.await.unwrap().into_iter().map(|moved| {
            assert_eq!(moved.reason, "it is better");
            (moved.revision, moved.from.map(VersionNumber::get), moved.to.map(VersionNumber::get))
        }).collect();
        assert_eq!(moves, [(4, None, Some(1)), (3, Some(2), None), (2, Some(1), Some(2)), (1, None, Some(1))]);
    }

    async fn prompts_are_found_by_what_is_asked_for(test: TestDb) {
        let (world, random) = (World::new(test).await, Random::seeded(3));
        let mut tx = world.tx().await;
        let (acme, other) = (world.tenant(&mut tx, "acme").await, world.tenant(&mut tx, "other").await);
        let (scope, sealer) = (acme.project.scope, Sealer::new(&acme.keys, &random));
        for name in ["sales/Pitch_1", "support/b", "support/a", "support-old", "support/x/y"] {
            prompt(&world, &mut tx, &sealer, scope, name).await;
        }
        let theirs = Sealer::new(&other.keys, &random);
        prompt(&world, &mut tx, &theirs, other.project.scope, "support/theirs").await;
        let names = async |tx: &mut Tx, filter: PromptFilter| -> Vec<String> {
            let found = cp_store::list_prompts(tx, &sealer, (scope, &filter), None, 9).await.unwrap();
            found.into_iter().map(|prompt| prompt.name.to_string()).collect()
        };
        let all = names(&mut tx, PromptFilter::default()).await;
        assert_eq!(all, ["sales/Pitch_1", "support-old", "support/a", "support/b", "support/x/y"]);
        let folder = PromptFilter { folder: Some("support/".to_owned()), ..PromptFilter::default() };
        assert_eq!(names(&mut tx, folder.clone()).await, ["support/a", "support/b", "support/x/y"]);
        let contains = PromptFilter { name_contains: Some("pitch_".to_owned()), ..PromptFilter::default() };
        assert_eq!(names(&mut tx, contains).await, ["sales/Pitch_1"]);
        let none = PromptFilter { tag: Some("c".to_owned()), ..PromptFilter::default() };
        assert!(names(&mut tx, none).await.is_empty());
        let tagged = PromptFilter { tag: Some("b".to_owned()), ..folder };
        assert_eq!(names(&mut tx, tagged).await.len(), 3);
        let after = "support/a".parse().unwrap();
        let place = (scope, &PromptFilter::default());
        let page = cp_store::list_prompts(&mut tx, &sealer, place, Some(&after), 1).await.unwrap();
        assert_eq!(page[0].name.as_str(), "support/b");
        assert_eq!(cp_store::count_prompts(&mut tx, scope, place.1, 3).await.unwrap(), 3);
    }

    async fn a_change_is_told_in_order_and_a_new_key_seals_everything(test: TestDb) {
        let (world, random) = (World::new(test).await, Random::seeded(3));
        let mut tx = world.tx().await;
        let acme = world.tenant(&mut tx, "acme").await;
        let (scope, sealer) = (acme.project.scope, Sealer::new(&acme.keys, &random));
        let mut first = prompt(&world, &mut tx, &sealer, scope, "p").await;
        let second = prompt(&world, &mut tx, &sealer, scope, "q").await;
        save(&world, &mut tx, &sealer, &mut first, "one").await;
        let production = LabelName::production();
        let to = NewMove {
            prompt: first.id, label: &production, from: None, to: Some(number(1)), reason: "good", proposal: None, by: "", at: Timestamp(5),
        };
        assert!(cp_store::move_label(&mut tx, &sealer, scope, &to).await.unwrap());
        let proposal = proposal(&world, &first);
        cp_store::create_proposal(&mut tx, &sealer, scope, &proposal).await.unwrap();
        let entry = entry(EntryKind::Comment, "why?");
        cp_store::add_proposal_entry(&mut tx, &sealer, scope, proposal.id, entry).await.unwrap();
        let comment = comment(&world, &first, "what of u-17?");
        cp_store::create_comment(&mut tx, &sealer, scope, &comment).await.unwrap();
        let reference = CrossReference {
            id: world.ids.mint(),
            relation: Relation::Duplicate,
            from: (second.id, second.name.clone()),
            to: ReferenceTarget::Prompt(first.id, first.name.clone()),
            note: "why two?".to_owned(),
            created_by: "anna@x.example".to_owned(),
            created_at: Timestamp(3),
        };
        assert!(cp_store::create_reference(&mut tx, &sealer, scope, &reference).await.unwrap());
        let changed = cp_store::list_changed(&mut tx, 0, 9).await.unwrap();
        assert_eq!(changed.iter().map(|changed| changed.id).collect::<Vec<_>>(), [second.id, first.id]);
        let last = cp_store::find_library_revision(&mut tx).await.unwrap();
        assert!(changed[1].changed <= last);
        assert!(cp_store::list_changed(&mut tx, last, 9).await.unwrap().is_empty());

        cp_store::begin_rotation(&mut tx, &world.genesis(), scope).await.unwrap();
        let mut late = first.clone();
        late.latest = 1;
        let refused = cp_store::update_prompt(&mut tx, &sealer, &late).await.unwrap_err();
        assert!(refused.is_retryable(), "{refused}");
        let keys = cp_store::load_data_keys(&mut tx, &world.master).await.unwrap().remove(&scope.project()).unwrap();
        let again = Sealer::new(&keys, &random);
        assert_eq!(cp_store::reseal_library(&mut tx, &again, scope).await.unwrap(), 8);
        assert_eq!(cp_store::reseal_library(&mut tx, &again, scope).await.unwrap(), 0);
        cp_store::reseal_rest(&mut tx, &again, scope).await.unwrap();
        assert_eq!(cp_store::finish_rotation(&mut tx, scope, Timestamp(9)).await.unwrap().len(), 1);
        let keys = cp_store::load_data_keys(&mut tx, &world.master).await.unwrap().remove(&scope.project()).unwrap();
        let new = Sealer::new(&keys, &random);
        assert!(cp_store::find_version(&mut tx, &new, scope, first.id, number(1)).await.unwrap().is_some());
        let moves = cp_store::list_label_moves(&mut tx, &new, (scope, first.id), None, 9).await.unwrap();
        assert_eq!(moves[0].reason, "good");
        let read = cp_store::find_proposal(&mut tx, &new, scope, proposal.id).await.unwrap();
        assert_eq!(read, Some(proposal.clone()));
        let entries = cp_store::list_proposal_entries(&mut tx, &new, scope, proposal.id).await.unwrap();
        assert_eq!(entries[0].text, "why?");
        let read = cp_store::find_comment(&mut tx, &new, scope, comment.id).await.unwrap();
        assert_eq!(read.as_ref(), Some(&comment));
        let found = cp_store::find_reference(&mut tx, &new, scope, reference.id).await.unwrap().unwrap();
        assert_eq!(found.note, "why two?");
        // Of what says the same of both, there is one.
        let to = ReferenceTarget::Prompt(second.id, second.name.clone());
        assert_eq!(found.from, (first.id, first.name.clone()));
        let turned = CrossReference { id: world.ids.mint(), from: found.from, to, ..reference };
        assert!(!cp_store::create_reference(&mut tx, &new, scope, &turned).await.unwrap());
        assert!(cp_store::find_version(&mut tx, &sealer, scope, first.id, number(1)).await.is_err());
        // What it includes is known by name.
        let name = "shared/greeting".parse().unwrap();
        let includers = cp_store::list_includers(&mut tx, scope, &name, 9).await.unwrap();
        let selectors: Vec<_> = includers.iter().map(|includer| includer.selector.as_str()).collect();
        assert_eq!((includers[0].name.as_str(), selectors), ("p", vec!["@production", "@staging"]));
    }

    async fn a_proposal_ends_once_and_remembers_what_was_said(test: TestDb) {
        let (world, random) = (World::new(test).await, Random::seeded(3));
        let mut tx = world.tx().await;
        let acme = world.tenant(&mut tx, "acme").await;
        let other = world.tenant(&mut tx, "other").await.project.scope;
        let (scope, sealer) = (acme.project.scope, Sealer::new(&acme.keys, &random));
        let ours = prompt(&world, &mut tx, &sealer, scope, "p").await;
        let (first, second) = (proposal(&world, &ours), proposal(&world, &ours));
        for proposal in [&first, &second] {
            cp_store::create_proposal(&mut tx, &sealer, scope, proposal).await.unwrap();
        }
        for (kind, text) in [(EntryKind::Comment, "why?"), (EntryKind::Reject, "no")] {
            let entry = entry(kind, text);
            cp_store::add_proposal_entry(&mut tx, &sealer, scope, first.id, entry).await.unwrap();
        }
        let entries = cp_store::list_proposal_entries(&mut tx, &sealer, scope, first.id).await.unwrap();
        let said: Vec<_> = entries.iter().map(|entry| (entry.number, entry.kind, entry.text.as_str())).collect();
        assert_eq!(said, [(1, EntryKind::Comment, "why?"), (2, EntryKind::Reject, "no")]);
        let (rejected, at) = (ProposalState::Rejected, Timestamp(9));
        assert!(cp_store::close_proposal(&mut tx, scope, first.id, rejected, at).await.unwrap());
        let again = cp_store::close_proposal(&mut tx, scope, first.id, ProposalState::Applied, at).await.unwrap();
        assert!(!again);
        let of = |state| ProposalFilter { prompt: Some(ours.id), state };
        let open = of(Some(ProposalState::Open));
        assert_eq!(cp_store::list_proposals(&mut tx, &sealer, scope, open, 9).await.unwrap(), std::slice::from_ref(&second));
        let all = cp_store::list_proposals(&mut tx, &sealer, scope, of(None), 9).await.unwrap();
        let closed = Proposal { state: rejected, closed_at: Some(at), ..first };
        assert_eq!(all, [second, closed]);
        assert!(cp_store::list_proposals(&mut tx, &sealer, other, of(None), 9).await.unwrap().is_empty());
    }

    async fn comments_are_found_by_version_by_text_and_by_whom_they_mention(test: TestDb) {
        let (world, random) = (World::new(test).await, Random::seeded(3));
        let mut tx = world.tx().await;
        let acme = world.tenant(&mut tx, "acme").await;
        let other = world.tenant(&mut tx, "other").await.project.scope;
        let (scope, sealer) = (acme.project.scope, Sealer::new(&acme.keys, &random));
        let ours = prompt(&world, &mut tx, &sealer, scope, "p").await;
        let person = world.person(&mut tx, "anna@x.example").await;
        cp_store::add_member(&mut tx, scope.org_scope(), person, Timestamp(1)).await.unwrap();
        let mentioned = Mentioned { person, email: "anna@x.example".to_owned() };
        let first = Comment { mentions: vec![mentioned], ..comment(&world, &ours, "@anna, what of u-17?") };
        let reply = Comment { reply_to: Some(first.id), ..comment(&world, &ours, "nothing") };
        let elsewhere = Comment { number: number(2), ..comment(&world, &ours, "fine") };
        for comment in [&first, &reply, &elsewhere] {
            cp_store::create_comment(&mut tx, &sealer, scope, comment).await.unwrap();
        }
        let list = cp_store::list_comments(&mut tx, &sealer, (scope, ours.id), Some(number(1)), 9).await.unwrap();
        assert_eq!(list, [first.clone(), reply]);
        let all = cp_store::list_comments(&mut tx, &sealer, (scope, ours.id), None, 9).await.unwrap();
        assert_eq!(all.len(), 3);
        let named = cp_store::find_comments_with(&mut tx, &sealer, scope, "u-17", 9).await.unwrap();
        assert_eq!(named, [first.id]);
        let mentions = cp_store::list_mentions(&mut tx, &sealer, scope, person, 9).await.unwrap();
        assert_eq!(mentions, std::slice::from_ref(&first));
        assert!(cp_store::list_mentions(&mut tx, &sealer, other, person, 9).await.unwrap().is_empty());
        let edited = Comment {
            text: "what of it?".to_owned(), mentions: Vec::new(), edited_at: Some(Timestamp(9)), ..first.clone()
        };
        cp_store::edit_comment(&mut tx, &sealer, scope, &edited).await.unwrap();
        assert_eq!(cp_store::find_comment(&mut tx, &sealer, scope, first.id).await.unwrap(), Some(edited));
        assert!(cp_store::list_mentions(&mut tx, &sealer, scope, person, 9).await.unwrap().is_empty());
        assert!(cp_store::find_comment(&mut tx, &sealer, other, first.id).await.unwrap().is_none());

        let rating = |stars| Rating { number: number(1), stars, author: anna(), rated_at: Timestamp(3) };
        for stars in [2, 5] {
            cp_store::rate_version(&mut tx, scope, ours.id, &rating(stars)).await.unwrap();
        }
        let ratings = cp_store::list_ratings(&mut tx, (scope, ours.id), Some(number(1)), 9).await.unwrap();
        assert_eq!(ratings, [rating(5)]);
    }
}
