//! Statements: constant texts in portable SQL, and the two ways in which one can vary.
//!
//! - A group in square brackets is repeated for each row of a list: `VALUES [($1, $2)]`, `IN ([$2])`. Parameters before
//!   the group belong to the statement, those within are the row's, numbered on from there; none follow it.
//! - `{and}` takes the conditions of a [`Filter`].

use crate::{Args, Value};

/// One statement. Declared with [`statements!`](crate::statements).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    name: &'static str,
    text: &'static str,
}

/// Declares statements and lists them in `ALL`, so that a test can prepare each on both engines.
#[macro_export]
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        $($(#[$doc])* pub(crate) const $name: $crate::Statement =
            $crate::Statement::new(stringify!($name), $text);)*
        /// Every statement of this module.
        #[cfg(test)]
        pub(crate) const ALL: &[$crate::Statement] = &[$($name),*];
    };
}

/// Rows in one statement, at most. Powers of two: see [`chunk_rows`]. Another statement costs PostgreSQL a way over the
/// network. It costs SQLite little, which lets nobody else have the processor within one.
pub(crate) const MAX_ROWS_POSTGRES: usize = 256;
pub(crate) const MAX_ROWS_SQLITE: usize = 16;
/// Parameters in one statement, at most. SQLite takes 32,766 and PostgreSQL 65,535.
const MAX_PARAMETERS: usize = 16_384;
const FILTER: &str = "{and}";

impl Statement {
    /// For the macro.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, text: &'static str) -> Self {
        Self { name, text }
    }

    /// The constant's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The text as it stands, where nothing varies.
    pub(crate) fn plain(&self) -> &'static str {
        self.text
    }

    /// The text with its group standing once and without conditions.
    #[must_use]
    pub fn sample(&self) -> String {
        self.text.replace(FILTER, "").replace(['[', ']'], "")
    }

    /// The text with its group repeated `rows` times, each taking `width` parameters after the `fixed` first ones.
    ///
    /// `anonymous` writes `?` for `$n`. SQLite searches a list of all names for each named parameter, which makes a
    /// statement with thousands of them quadratic.
    pub(crate) fn repeated(&self, fixed: usize, width: usize, rows: usize, anonymous: bool) -> String {
        let (head, rest) = self.text.split_once('[').unwrap_or((self.text, ""));
        let (group, tail) = rest.split_once(']').unwrap_or((rest, ""));
        let mut text = String::with_capacity(self.text.len() + rows * (group.len() + 4 * width));
        text.push_str(head);
        for row in 0..rows {
            if row > 0 {
                text.push_str(", ");
            }
            renumber(group, &mut text, |number| match number {
                _ if anonymous => Parameter::Anonymous,
                _ if number > fixed => Parameter::Numbered(number + row * width),
                _ => Parameter::Numbered(number),
            });
        }
        text.push_str(tail);
        text
    }

    /// The text with the filter's conditions, and the arguments with the filter's after the statement's own.
    pub(crate) fn filtered(&self, mut args: Args, filter: Filter) -> (String, Args) {
        let mut conditions = String::new();
        for (condition, values) in filter.conditions {
            let own = args.len();
            conditions.push_str(" AND (");
            renumber(condition, &mut conditions, |number| Parameter::Numbered(own + number));
            conditions.push(')');
            args.extend(values);
        }
        (self.text.replace(FILTER, &conditions), args)
    }
}

/// How many of `remaining` rows the next statement takes. Powers of two, so that any number of rows is made of few
/// distinct texts and the prepared statements stay cached.
pub(crate) fn chunk_rows(remaining: usize, width: usize, max_rows: usize) -> usize {
    let most = (MAX_PARAMETERS / width.max(1)).clamp(1, max_rows).min(remaining.max(1));
    1 << most.ilog2()
}

enum Parameter {
    Anonymous,
    Numbered(usize),
}

/// Copies `text`, giving each `$n` a new name.
fn renumber(text: &str, out: &mut String, name: impl Fn(usize) -> Parameter) {
    let mut pieces = text.split('$');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(piece.len());
        let (number, rest) = piece.split_at(digits);
        match name(number.parse().unwrap_or_default()) {
            Parameter::Anonymous => out.push('?'),
            Parameter::Numbered(number) => {
                out.push('$');
                out.push_str(&number.to_string());
            }
        }
        out.push_str(rest);
    }
}

/// Conditions, all of which must hold; each a constant text that numbers its own parameters from `$1`.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    conditions: Vec<(&'static str, Args)>,
}

impl Filter {
    /// Adds a condition.
    pub fn and(&mut self, condition: &'static str, args: Args) {
        self.conditions.push((condition, args));
    }

    /// Adds a condition on a value, where there is one.
    pub fn and_if<T>(&mut self, condition: &'static str, value: Option<T>)
    where
        Value: From<T>,
    {
        if let Some(value) = value {
            self.and(condition, vec![Value::from(value)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    const INSERT: Statement =
        Statement::new("INSERT", "INSERT INTO t (a, b) VALUES [($1, $2)] ON CONFLICT DO NOTHING");
    const LIST: Statement = Statement::new("LIST", "SELECT a FROM t WHERE b = $1 AND a IN ([$2])");
    const PAGE: Statement = Statement::new("PAGE", "SELECT a FROM t WHERE b = $1{and} LIMIT $2");

    #[test]
    fn groups_are_repeated_and_renumbered() {
        assert_eq!(
            INSERT.repeated(0, 2, 2, false),
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            INSERT.repeated(0, 2, 2, true),
            "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT DO NOTHING"
        );
        assert_eq!(LIST.repeated(1, 1, 3, false), "SELECT a FROM t WHERE b = $1 AND a IN ($2, $3, $4)");
        assert_eq!(LIST.sample(), "SELECT a FROM t WHERE b = $1 AND a IN ($2)");
    }

    #[test]
    fn conditions_follow_the_statements_own_parameters() {
        let mut filter = Filter::default();
        filter.and("a = $1 OR b = $1", args![1_i64]);
        filter.and("c BETWEEN $1 AND $2", args![2_i64, 3_i64]);
        filter.and_if("d = $1", None::<i64>);
        let (text, args) = PAGE.filtered(args![8_i64, 9_i64], filter);
        assert_eq!(
            text,
            "SELECT a FROM t WHERE b = $1 AND (a = $3 OR b = $3) AND (c BETWEEN $4 AND $5) LIMIT $2"
        );
        assert_eq!(args, args![8_i64, 9_i64, 1_i64, 2_i64, 3_i64]);
        assert_eq!(PAGE.sample(), "SELECT a FROM t WHERE b = $1 LIMIT $2");
    }

    #[test]
    fn chunks_are_few_and_bounded() {
        assert_eq!(
            [1, 2, 3, 100, 255, 256, 9_999].map(|rows| chunk_rows(rows, 2, MAX_ROWS_POSTGRES)),
            [1, 2, 2, 64, 128, 256, 256]
        );
        assert_eq!(chunk_rows(1_000, 300, MAX_ROWS_POSTGRES), 32);
        assert_eq!(chunk_rows(1_000, 300, MAX_ROWS_SQLITE), 16);
        assert_eq!(chunk_rows(10, MAX_PARAMETERS * 2, MAX_ROWS_SQLITE), 1);
    }
}
