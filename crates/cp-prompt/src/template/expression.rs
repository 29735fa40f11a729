//! Of expressions: which variables they use, and what these must be.

use std::collections::HashMap;

use minijinja::machinery::ast::{self, CallArg, Expr};
use minijinja::value::ValueKind;

use super::engine::{FILTERS, FUNCTIONS, TESTS};
use super::error::{Fault, nearest};
use super::infer::{Found, Usage, Use, Walk};
use crate::VariableType;

impl<'a> Walk<'a> {
    fn arguments(&mut self, arguments: &[CallArg<'a>]) {
        for argument in arguments {
            let (CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value)) = argument;
            self.expression(value, Usage::default());
        }
    }

    pub(super) fn call(&mut self, call: &ast::Call<'a>, start: u32) {
        match &call.expr {
            Expr::Var(function) if self.is_assigned(function.id) || FUNCTIONS.contains(&function.id) => {}
            Expr::Var(function) => {
                let own = self.scopes.iter().flat_map(HashMap::keys).copied();
                let nearest = nearest(function.id, FUNCTIONS.iter().copied().chain(own));
                self.fail(start, Fault::Unknown { what: "function", name: function.id.to_owned(), nearest });
            }
            Expr::GetAttr(method) => self.expression(&method.expr, Usage::default()),
            other => self.expression(other, Usage::default()),
        }
        self.arguments(&call.args);
    }

    pub(super) fn expression(&mut self, expression: &Expr<'a>, usage: Usage) {
        match expression {
            Expr::Const(_) => {}
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => self.path(expression, usage),
            Expr::Slice(slice) => {
                self.expression(&slice.expr, Usage::default());
                let bounds = [&slice.start, &slice.stop, &slice.step].into_iter().flatten();
                bounds.for_each(|bound| self.expression(bound, Usage::of(VariableType::Number)));
            }
            Expr::UnaryOp(operation) => self.expression(&operation.expr, Usage::default()),
            Expr::BinOp(operation) => {
                let tells = matches!(
                    operation.op,
                    ast::BinOpKind::Add
                        | ast::BinOpKind::Sub
                        | ast::BinOpKind::Div
                        | ast::BinOpKind::FloorDiv
                        | ast::BinOpKind::Rem
                        | ast::BinOpKind::Pow
                        | ast::BinOpKind::Eq
                        | ast::BinOpKind::Ne
                        | ast::BinOpKind::Lt
                        | ast::BinOpKind::Lte
                        | ast::BinOpKind::Gt
                        | ast::BinOpKind::Gte
                );
                let hint = |other: &Expr<'a>| constant_kind(other).filter(|_| tells);
                let (left, right) = (hint(&operation.right), hint(&operation.left));
                self.expression(&operation.left, Usage { kind: left, ..Usage::default() });
                self.expression(&operation.right, Usage { kind: right, ..Usage::default() });
            }
            Expr::Compare(comparison) => {
                let kind = comparison.ops.first().and_then(|operation| match operation.op {
                    ast::CompareOpKind::In | ast::CompareOpKind::NotIn => None,
                    _ => constant_kind(&operation.expr),
                });
                self.expression(&comparison.expr, Usage { kind, ..Usage::default() });
                comparison
                    .ops
                    .iter()
                    .for_each(|operation| self.expression(&operation.expr, Usage::default()));
            }
            Expr::IfExpr(choice) => {
                self.expression(&choice.test_expr, Usage::default());
                self.expression(&choice.true_expr, usage);
                choice.false_expr.iter().for_each(|other| self.expression(other, usage));
            }
            Expr::Filter(filter) => self.filter(filter, expression.span().start_offset),
            Expr::Test(test) => self.test(test, expression.span().start_offset),
            Expr::Call(call) => self.call(call, expression.span().start_offset),
            Expr::List(list) => list.items.iter().for_each(|item| self.expression(item, Usage::default())),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.expression(item, Usage::default())),
            Expr::Map(map) => {
                map.keys.iter().chain(&map.values).for_each(|item| self.expression(item, Usage::default()));
            }
        }
    }

    fn filter(&mut self, filter: &ast::Filter<'a>, start: u32) {
        if !FILTERS.contains(&filter.name) {
            let nearest = nearest(filter.name, FILTERS.iter().copied());
            let at = self.word_after(start as usize, filter.name);
            self.fail(at, Fault::Unknown { what: "filter", name: filter.name.to_owned(), nearest });
        }
        let usage = match filter.name {
            "default" | "d" => Usage { is_optional: true, ..Usage::default() },
            "upper" | "lower" | "title" | "capitalize" | "trim" | "split" | "lines" | "replace" => {
                Usage::of(VariableType::String)
            }
            "join" | "map" | "select" | "reject" | "selectattr" | "rejectattr" | "groupby" | "unique"
            | "batch" => Usage::of(VariableType::Array),
            "items" | "dictsort" => Usage::of(VariableType::Object),
            "round" | "abs" => Usage::of(VariableType::Number),
            _ => Usage::default(),
        };
        filter.expr.iter().for_each(|expression| self.expression(expression, usage));
        self.arguments(&filter.args);
    }

    fn test(&mut self, test: &ast::Test<'a>, start: u32) {
        if !TESTS.contains(&test.name) {
            let nearest = nearest(test.name, TESTS.iter().copied());
            let at = self.word_after(start as usize, test.name);
            self.fail(at, Fault::Unknown { what: "test", name: test.name.to_owned(), nearest });
        }
        let is_guard = matches!(test.name, "defined" | "undefined");
        self.expression(&test.expr, Usage { is_guard, is_optional: is_guard, kind: None });
        self.arguments(&test.args);
    }

    /// Where a word stands, from the beginning of the expression that it ends.
    fn word_after(&self, start: usize, word: &str) -> u32 {
        let found = self.source.get(start..).and_then(|rest| rest.find(word)).unwrap_or_default();
        u32::try_from(start + found).unwrap_or_default()
    }

    fn is_assigned(&self, name: &str) -> bool {
        self.holds_of(name).is_some()
    }

    /// A variable, or a field of something.
    fn path(&mut self, expression: &Expr<'a>, usage: Usage) {
        let mut fields = Vec::new();
        let (mut at, mut kind) = (expression, usage.kind);
        loop {
            match at {
                Expr::GetAttr(field) => {
                    fields.push(field.name.to_owned());
                    kind = Some(VariableType::Object);
                    at = &field.expr;
                }
                Expr::GetItem(item) => {
                    self.expression(&item.subscript_expr, Usage::default());
                    let key = item.subscript_expr.as_const();
                    match key.as_ref().and_then(minijinja::Value::as_str) {
                        Some(field) => {
                            fields.push(field.to_owned());
                            kind = Some(VariableType::Object);
                        }
                        None => {
                            // What is asked of an element says nothing of the list.
                            fields.clear();
                            kind = constant_kind(&item.subscript_expr).map(|_| VariableType::Array);
                        }
                    }
                    at = &item.expr;
                }
                Expr::Var(variable) => {
                    fields.reverse();
                    let span = expression.span();
                    let range = (variable.span().start_offset as usize, span.end_offset as usize);
                    return self.variable(variable.id, range, fields, Usage { kind, ..usage });
                }
                other => return self.expression(other, Usage::default()),
            }
        }
    }

    fn variable(&mut self, name: &'a str, (start, end): (usize, usize), fields: Vec<String>, usage: Usage) {
        if self.is_assigned(name) {
            return;
        }
        let is_perhaps_set = self.perhaps.contains(name);
        let found = self.found.entry(name).or_insert_with(|| Found { start, ..Found::default() });
        found.kinds.extend(usage.kind);
        if !fields.is_empty() {
            found.fields.insert(fields.join("."));
        }
        // A guard of a field says that the variable is there.
        found.is_guarded |= usage.is_guard && fields.is_empty();
        found.plain_uses += usize::from(!(is_perhaps_set || usage.is_optional && fields.is_empty()));
        let path = std::iter::once(name.to_owned()).chain(fields).collect();
        self.uses.push(Use { start, end, path });
    }
}

fn constant_kind(expression: &Expr<'_>) -> Option<VariableType> {
    match expression.as_const()?.kind() {
        ValueKind::Number => Some(VariableType::Number),
        ValueKind::String => Some(VariableType::String),
        ValueKind::Bool => Some(VariableType::Boolean),
        _ => None,
    }
}
