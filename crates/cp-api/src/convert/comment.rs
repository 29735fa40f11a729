//! Comments and ratings, between the wire and the library.

use cp_app::library::CommentChange;
use cp_app::model::{Comment, Rating};
use cp_wire as wire;

use super::prompt::parsed;
use crate::problem::Refusal;

pub(crate) fn change(change: wire::CommentChange) -> Result<CommentChange, Refusal> {
    Ok(CommentChange { text: change.text, state: change.state.as_deref().map(parsed).transpose()? })
}

pub(crate) fn comments(found: Vec<Comment>) -> wire::Comments {
    wire::Comments { comments: found.into_iter().map(comment).collect() }
}

pub(crate) fn comment(comment: Comment) -> wire::Comment {
    wire::Comment {
        id: comment.id,
        prompt: comment.name.to_string(),
        version: i64::from(comment.number.get()),
        reply_to: comment.reply_to,
        state: comment.state.to_string(),
        text: comment.text,
        mentions: comment.mentions.into_iter().map(|mentioned| mentioned.email).collect(),
        author: comment.author.name,
        created_at: comment.created_at,
        edited_at: comment.edited_at,
    }
}

pub(crate) fn rating(rating: Rating) -> wire::Rating {
    wire::Rating {
        version: i64::from(rating.number.get()),
        stars: rating.stars,
        author: rating.author.name,
        rated_at: rating.rated_at,
    }
}

pub(crate) fn ratings(found: Vec<Rating>) -> wire::Ratings {
    let total: u64 = found.iter().map(|rating| rating.stars).sum();
    let mean = (!found.is_empty()).then(|| total as f64 / found.len() as f64);
    wire::Ratings { mean, ratings: found.into_iter().map(rating).collect() }
}
