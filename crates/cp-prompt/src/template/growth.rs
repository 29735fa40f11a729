//! What a template may build. A list that holds another twice, that one a third twice and so on, is short in memory and
//! endless for whatever walks it, which the engine's fuel does not count. So a structure that a template has made and
//! named cannot become a part of another: structures grow within one expression, and by concatenation, which is counted.

use minijinja::machinery::ast::{self, CallArg, Expr};

/// How much an expression can hold, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// A text, a number, a truth value.
    Scalar,
    /// A list of these.
    Flat,
    /// What was given, or a part of it.
    Given,
    /// A structure that the template made.
    Made,
}

/// What is wrong with an expression that would grow without being counted.
pub(super) const GROWS: &str = "a structure that the template has made cannot be a part of another, be repeated or be \
    passed on: give it as a variable, or write it where it is used";

/// What an expression holds; `None` where it would grow. `named` tells of the names that the template gives itself.
pub(super) fn holds(expression: &Expr<'_>, named: &dyn Fn(&str) -> Option<Holds>) -> Option<Holds> {
    let of = |expression: &Expr<'_>| holds(expression, named);
    match expression {
        Expr::Const(_) => Some(Holds::Scalar),
        Expr::Var(variable) => Some(named(variable.id).unwrap_or(Holds::Given)),
        Expr::Slice(slice) => of(&slice.expr),
        Expr::GetAttr(field) => of(&field.expr).map(part),
        Expr::GetItem(item) => of(&item.expr).map(part),
        Expr::UnaryOp(operation) => of(&operation.expr).map(|_| Holds::Scalar),
        Expr::BinOp(operation) => {
            let most = of(&operation.left)?.max(of(&operation.right)?);
            match operation.op {
                ast::BinOpKind::Add | ast::BinOpKind::ScAnd | ast::BinOpKind::ScOr => Some(most),
                ast::BinOpKind::Mul => Some(most).filter(|most| *most < Holds::Made),
                _ => Some(Holds::Scalar),
            }
        }
        Expr::Compare(comparison) => {
            of(&comparison.expr)?;
            comparison.ops.iter().try_for_each(|operation| of(&operation.expr).map(drop))?;
            Some(Holds::Scalar)
        }
        Expr::IfExpr(choice) => {
            let other = choice.false_expr.as_ref().map_or(Some(Holds::Scalar), of)?;
            of(&choice.test_expr)?;
            Some(of(&choice.true_expr)?.max(other))
        }
        Expr::Filter(filter) => filtered(filter, named),
        Expr::Test(test) => {
            of(&test.expr)?;
            parts(test.args.iter().map(value), named)?;
            Some(Holds::Scalar)
        }
        Expr::Call(call) => called(call, named),
        Expr::List(list) => literal(list.items.iter(), named),
        Expr::Tuple(tuple) => literal(tuple.items.iter(), named),
        Expr::Map(map) => literal(map.keys.iter().chain(&map.values), named),
    }
}

/// What an element or a field holds.
pub(super) const fn part(whole: Holds) -> Holds {
    match whole {
        Holds::Scalar | Holds::Flat => Holds::Scalar,
        Holds::Given => Holds::Given,
        Holds::Made => Holds::Made,
    }
}

fn value<'e, 'a>(argument: &'e CallArg<'a>) -> &'e Expr<'a> {
    let (CallArg::Pos(value)
    | CallArg::Kwarg(_, value)
    | CallArg::PosSplat(value)
    | CallArg::KwargSplat(value)) = argument;
    value
}

/// The most that the parts of something hold; none of them may be a structure with a name.
fn parts<'e, 'a: 'e>(
    parts: impl Iterator<Item = &'e Expr<'a>>,
    named: &dyn Fn(&str) -> Option<Holds>,
) -> Option<Holds> {
    let mut most = Holds::Scalar;
    for part in parts {
        let holds = holds(part, named)?;
        if holds == Holds::Made && !matches!(part, Expr::List(_) | Expr::Tuple(_) | Expr::Map(_)) {
            return None;
        }
        most = most.max(holds);
    }
    Some(most)
}

fn literal<'e, 'a: 'e>(
    items: impl Iterator<Item = &'e Expr<'a>>,
    named: &dyn Fn(&str) -> Option<Holds>,
) -> Option<Holds> {
    parts(items, named).map(|most| if most == Holds::Scalar { Holds::Flat } else { Holds::Made })
}

fn filtered(filter: &ast::Filter<'_>, named: &dyn Fn(&str) -> Option<Holds>) -> Option<Holds> {
    let input = filter.expr.as_ref().map_or(Some(Holds::Scalar), |expression| holds(expression, named))?;
    let arguments = parts(filter.args.iter().map(value), named)?;
    match filter.name {
        // These put their arguments into the result, as often as they like.
        "batch" | "slice" | "map" | "groupby" if arguments > Holds::Scalar => None,
        "split" | "lines" => Some(Holds::Flat),
        "zip" => Some(Holds::Made),
        "default" | "d" | "chain" => Some(input.max(arguments)),
        "attr" | "batch" | "dictsort" | "first" | "groupby" | "items" | "last" | "list" | "map" | "max"
        | "min" | "reject" | "rejectattr" | "reverse" | "select" | "selectattr" | "slice" | "sort"
        | "unique" => Some(if input < Holds::Given { Holds::Flat } else { input }),
        _ => Some(Holds::Scalar),
    }
}

/// What a function gives. A macro's parameters hold what was given at the most, so that nothing else is passed to one.
fn called(call: &ast::Call<'_>, named: &dyn Fn(&str) -> Option<Holds>) -> Option<Holds> {
    let arguments = parts(call.args.iter().map(value), named)?;
    match &call.expr {
        Expr::Var(function) if function.id == "range" => Some(Holds::Flat),
        Expr::Var(function) if matches!(function.id, "dict" | "namespace") => Some(Holds::Made),
        Expr::Var(_) => Some(Holds::Scalar).filter(|_| arguments < Holds::Made),
        other => holds(other, named).filter(|_| arguments < Holds::Made),
    }
}
