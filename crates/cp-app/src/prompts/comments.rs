//! What people say of versions: comments with their threads and mentions, and ratings.

use cp_base::{CommentId, PersonId};
use cp_db::Tx;
use cp_prompt::{CommentState, Selector, VersionNumber, is_meant, mentions};
use cp_store::{Comment, Member, Mentioned, Principal, Prompt, Rating, Sealer};

use super::reviews::author;
use super::versions::{no_version, selected};
use super::{find, view};
use crate::access::Action;
use crate::act::Event;
use crate::{App, AppError, Ctx};

/// A change of a comment. What is absent stays.
#[derive(Clone, Debug, Default)]
pub struct CommentChange {
    /// Another text, which its author alone gives it.
    pub text: Option<String>,
    /// Another state.
    pub state: Option<CommentState>,
}

const MAX_COMMENT_BYTES: usize = 16_384;
/// Comments and ratings that are told of a prompt at most.
const MAX_COMMENTS: u64 = 1_000;
const MAX_RATINGS: u64 = 10_000;
/// Mentions that are told of at most.
const MAX_MENTIONS: u64 = 200;
const MAX_STARS: u64 = 5;

impl App {
    /// Says something of a version, perhaps in answer to a comment.
    pub async fn create_comment(
        &self,
        ctx: &Ctx,
        (prompt, version): (&str, &Selector),
        text: String,
        reply_to: Option<CommentId>,
    ) -> Result<Comment, AppError> {
        check(&text)?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::ReviewPrompts).await?;
        let (prompt, number) = pick(act.tx(), &sealer, ctx, prompt, version).await?;
        if let Some(answered) = reply_to {
            let answered = find_comment(act.tx(), &sealer, ctx, answered).await?;
            if (answered.prompt, answered.number) != (prompt.id, number) {
                return Err(AppError::invalid("an answer is about the version that the comment is about"));
            }
        }
        let comment = Comment {
            id: self.parts.ids.mint(),
            prompt: prompt.id,
            name: prompt.name,
            number,
            reply_to,
            state: CommentState::Open,
            mentions: mentioned(act.tx(), ctx, &text).await?,
            text,
            author: author(ctx),
            created_at: self.parts.clock.now(),
            edited_at: None,
        };
        cp_store::create_comment(act.tx(), &sealer, ctx.scope, &comment).await?;
        act.commit(Event::new("comment.create", comment.id).detail(place(&comment))).await?;
        Ok(comment)
    }

    /// Gives a comment another text, resolves it, hides it, or takes that back.
    pub async fn update_comment(
        &self,
        ctx: &Ctx,
        id: CommentId,
        change: CommentChange,
    ) -> Result<Comment, AppError> {
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::ReviewPrompts).await?;
        let mut comment = find_comment(act.tx(), &sealer, ctx, id).await?;
        let before = comment.clone();
        let is_own = comment.author.id == author(ctx).id;
        if let Some(text) = change.text.filter(|text| *text != comment.text) {
            if !is_own {
                return Err(AppError::not_admitted("only its author changes what a comment says"));
            }
            check(&text)?;
            comment.mentions = mentioned(act.tx(), ctx, &text).await?;
            (comment.text, comment.edited_at) = (text, Some(self.parts.clock.now()));
            cp_store::edit_comment(act.tx(), &sealer, ctx.scope, &comment).await?;
        }
        if let Some(state) = change.state.filter(|state| *state != comment.state) {
            let hides = state == CommentState::Hidden || comment.state == CommentState::Hidden;
            if hides && !is_own {
                ctx.require(Action::WritePrompts)?;
            }
            comment.state = state;
            cp_store::set_comment_state(act.tx(), ctx.scope, id, state).await?;
        }
        let event = Event::new("comment.update", id).detail(place(&comment));
        act.commit(event.before(&before).after(&comment)).await?;
        Ok(shown(comment))
    }

    /// The comments on a prompt, or on one of its versions, in the order in which they were made: a thousand at most. Of those
    /// that are hidden it is told that they are there, and not what they say.
    pub async fn list_comments(
        &self,
        ctx: &Ctx,
        prompt: &str,
        version: Option<&Selector>,
    ) -> Result<Vec<Comment>, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.read_library(ctx).await?;
        let (prompt, number) = match version {
            Some(version) => {
                let (prompt, number) = pick(&mut tx, &sealer, ctx, prompt, version).await?;
                (prompt, Some(number))
            }
            None => (find(&mut tx, &sealer, ctx, prompt).await?, None),
        };
        let place = (ctx.scope, prompt.id);
        let found = cp_store::list_comments(&mut tx, &sealer, place, number, MAX_COMMENTS).await?;
        Ok(found.into_iter().map(shown).collect())
    }

    /// The comments that mention whoever asks, newest first. An API key is mentioned by nobody.
    pub async fn list_mentions(&self, ctx: &Ctx) -> Result<Vec<Comment>, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let Some(person) = person(ctx) else { return Ok(Vec::new()) };
        let keys = self.keys_of(ctx).await?;
        let mut tx = self.read_library(ctx).await?;
        Ok(cp_store::list_mentions(&mut tx, &self.sealer(&keys), ctx.scope, person, MAX_MENTIONS).await?)
    }

    /// Says how good whoever asks finds a version, in place of what they said before.
    pub async fn rate_version(
        &self,
        ctx: &Ctx,
        prompt: &str,
        version: &Selector,
        stars: u64,
    ) -> Result<Rating, AppError> {
        if !(1..=MAX_STARS).contains(&stars) {
            return Err(AppError::invalid(format_args!("a rating is from 1 to {MAX_STARS}")));
        }
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut act = self.begin(ctx, Action::ReviewPrompts).await?;
        let (prompt, number) = pick(act.tx(), &sealer, ctx, prompt, version).await?;
        let rating = Rating { number, stars, author: author(ctx), rated_at: self.parts.clock.now() };
        cp_store::rate_version(act.tx(), ctx.scope, prompt.id, &rating).await?;
        let detail = format!("{} version {number}: {stars} of {MAX_STARS}", prompt.name);
        act.commit(Event::new("version.rate", prompt.id).detail(detail)).await?;
        Ok(rating)
    }

    /// How good people find a version.
    pub async fn list_ratings(
        &self,
        ctx: &Ctx,
        prompt: &str,
        version: &Selector,
    ) -> Result<Vec<Rating>, AppError> {
        ctx.require(Action::ReadPrompts)?;
        let keys = self.keys_of(ctx).await?;
        let sealer = self.sealer(&keys);
        let mut tx = self.read_library(ctx).await?;
        let (prompt, number) = pick(&mut tx, &sealer, ctx, prompt, version).await?;
        let place = (ctx.scope, prompt.id);
        Ok(cp_store::list_ratings(&mut tx, place, Some(number), MAX_RATINGS).await?)
    }
}

fn check(text: &str) -> Result<(), AppError> {
    if text.trim().is_empty() || text.len() > MAX_COMMENT_BYTES {
        return Err(AppError::invalid(format_args!(
            "a comment says something, in {MAX_COMMENT_BYTES} bytes at most"
        )));
    }
    Ok(())
}

/// The prompt, and the number of the version that is meant.
async fn pick(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    ctx: &Ctx,
    prompt: &str,
    version: &Selector,
) -> Result<(Prompt, VersionNumber), AppError> {
    let found = find(tx, sealer, ctx, prompt).await?;
    let seen = view(tx, found).await?;
    let number = selected(&seen, version)?;
    if i64::from(number.get()) > seen.prompt.latest {
        return Err(no_version(&seen, number));
    }
    Ok((seen.prompt, number))
}

async fn find_comment(
    tx: &mut Tx,
    sealer: &Sealer<'_>,
    ctx: &Ctx,
    id: CommentId,
) -> Result<Comment, AppError> {
    let found = cp_store::find_comment(tx, sealer, ctx.scope, id).await?;
    found.ok_or_else(|| AppError::not_found(format_args!("comment {id}")))
}

/// The members whom a text mentions. What may mean several means nobody.
async fn mentioned(tx: &mut Tx, ctx: &Ctx, text: &str) -> Result<Vec<Mentioned>, AppError> {
    let names = mentions(text);
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let members = cp_store::list_members(tx, ctx.scope.org_scope()).await?;
    let mut found: Vec<Mentioned> = names.into_iter().filter_map(|name| only(&members, name)).collect();
    found.sort_by(|one, other| one.email.cmp(&other.email));
    found.dedup();
    Ok(found)
}

fn only(members: &[Member], mention: &str) -> Option<Mentioned> {
    let mut meant = members.iter().filter(|member| is_meant(mention, &member.email, &member.name));
    let first = meant.next()?;
    let mentioned = Mentioned { person: first.person, email: first.email.clone() };
    meant.next().is_none().then_some(mentioned)
}

const fn person(ctx: &Ctx) -> Option<PersonId> {
    match ctx.org.caller.principal() {
        Some(Principal::Person(person)) => Some(person),
        _ => None,
    }
}

/// What others see of a comment: of one that is hidden, that it is there.
fn shown(comment: Comment) -> Comment {
    match comment.state {
        CommentState::Hidden => Comment { text: String::new(), mentions: Vec::new(), ..comment },
        CommentState::Open | CommentState::Resolved => comment,
    }
}

fn place(comment: &Comment) -> String {
    format!("{} version {}", comment.name, comment.number)
}
