//! What a template says of its variables: their names, where they stand, and what they must be.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use minijinja::machinery::ast::{self, CallArg, Expr, Stmt};
use minijinja::value::ValueKind;

use super::engine::{FILTERS, FUNCTIONS, TESTS};
use super::error::{Fault, Position, TemplateError, nearest};
use super::growth::{GROWS, Holds, holds, part};
use crate::VariableType;

/// A variable, as a template uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// What it must be, where its use tells.
    pub kind: Option<VariableType>,
    /// The fields that are used of it, such as `address.city`.
    pub fields: BTreeSet<String>,
    /// Whether the template makes do without it.
    pub optional: bool,
    /// Where it stands first.
    pub position: Position,
}

/// Where a variable is used, in bytes, with the fields that are asked of it.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) path: Vec<String>,
}

/// Another prompt that is to stand in a template.
#[derive(Debug)]
pub(super) struct Included {
    pub(super) name: String,
    /// Where the name begins, with its quotes.
    pub(super) start: usize,
    /// And where it ends.
    pub(super) end: usize,
}

/// What reading a template tells.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) variables: Vec<Variable>,
    pub(super) uses: Vec<Use>,
    pub(super) includes: Vec<Included>,
}

/// Reads a parsed template; the first thing in it that there is none of, or that prompts cannot do, is an error.
pub(super) fn read(source: &str, template: &Stmt<'_>) -> Result<Reading, TemplateError> {
    let mut walk = Walk { source, scopes: vec![HashMap::new()], ..Walk::default() };
    walk.statement(template);
    if let Some(fault) = walk.fault {
        return Err(fault);
    }
    let mut variables: Vec<(usize, Variable)> = walk
        .found
        .into_iter()
        .map(|(name, found)| {
            let mut kinds = found.kinds.into_iter();
            let variable = Variable {
                name: name.to_owned(),
                kind: kinds.next().filter(|_| kinds.next().is_none()),
                fields: found.fields,
                optional: found.is_guarded || found.plain_uses == 0,
                position: Position::of(source, found.start),
            };
            (found.start, variable)
        })
        .collect();
    variables.sort_by_key(|(start, _)| *start);
    Ok(Reading {
        variables: variables.into_iter().map(|(_, variable)| variable).collect(),
        uses: walk.uses,
        includes: walk.includes,
    })
}

#[derive(Default)]
struct Found {
    start: usize,
    kinds: BTreeSet<VariableType>,
    fields: BTreeSet<String>,
    plain_uses: usize,
    is_guarded: bool,
}

/// How an expression is used.
#[derive(Clone, Copy, Default)]
struct Usage {
    kind: Option<VariableType>,
    /// Whether it may be undefined there.
    is_optional: bool,
    /// Whether it is asked whether it is defined.
    is_guard: bool,
}

impl Usage {
    const fn of(kind: VariableType) -> Self {
        Self { kind: Some(kind), is_optional: false, is_guard: false }
    }
}

#[derive(Default)]
struct Walk<'a> {
    source: &'a str,
    /// Names that the template gives itself, and what they hold.
    scopes: Vec<HashMap<&'a str, Holds>>,
    /// Names that it gives itself on some ways only.
    perhaps: HashSet<&'a str>,
    found: BTreeMap<&'a str, Found>,
    uses: Vec<Use>,
    includes: Vec<Included>,
    fault: Option<TemplateError>,
}

impl<'a> Walk<'a> {
    fn fail(&mut self, start: u32, fault: Fault) {
        let position = Some(Position::of(self.source, start as usize));
        self.fault.get_or_insert(TemplateError { fault, position });
    }

    fn statements(&mut self, statements: &[Stmt<'a>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    fn scoped(&mut self, walk: impl FnOnce(&mut Self)) -> HashMap<&'a str, Holds> {
        self.scopes.push(HashMap::new());
        walk(self);
        self.scopes.pop().unwrap_or_default()
    }

    /// A body that is perhaps not rendered: what it sets may be missing afterwards.
    fn branch(&mut self, body: &[Stmt<'a>]) {
        let set = self.scoped(|walk| walk.statements(body));
        self.perhaps.extend(set.into_keys());
    }

    fn assign(&mut self, target: &Expr<'a>, holds: Holds) {
        match target {
            Expr::Var(variable) => self.name(variable.id, holds),
            Expr::List(list) => list.items.iter().for_each(|item| self.assign(item, part(holds))),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.assign(item, part(holds))),
            other => self.expression(other, Usage::default()),
        }
    }

    /// What is named on two ways holds the more of both.
    fn name(&mut self, name: &'a str, holds: Holds) {
        let known = self.holds_of(name).unwrap_or(holds);
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name, holds.max(known));
        }
    }

    fn holds_of(&self, name: &str) -> Option<Holds> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name).copied())
    }

    /// What an expression holds; one that grows without being counted is an error.
    fn holds(&mut self, expression: &Expr<'a>) -> Holds {
        let holds = holds(expression, &|name| self.holds_of(name));
        if holds.is_none() {
            self.fail(expression.span().start_offset, Fault::NotAllowed(GROWS));
        }
        holds.unwrap_or(Holds::Made)
    }

    fn statement(&mut self, statement: &Stmt<'a>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emit) => {
                self.expression(&emit.expr, Usage::default());
                self.holds(&emit.expr);
            }
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
            Stmt::ForLoop(for_loop) => self.for_loop(for_loop),
            Stmt::IfCond(condition) => {
                self.expression(&condition.expr, Usage::default());
                self.holds(&condition.expr);
                self.branch(&condition.true_body);
                self.branch(&condition.false_body);
            }
            Stmt::WithBlock(block) => {
                self.scoped(|walk| {
                    for (target, value) in &block.assignments {
                        walk.expression(value, Usage::default());
                        let holds = walk.holds(value);
                        walk.assign(target, holds);
                    }
                    walk.statements(&block.body);
                });
            }
            Stmt::Set(set) => {
                self.expression(&set.expr, Usage::default());
                let holds = self.holds(&set.expr);
                self.assign(&set.target, holds);
            }
            Stmt::SetBlock(set) => {
                set.filter.iter().for_each(|filter| self.expression(filter, Usage::default()));
                self.scoped(|walk| walk.statements(&set.body));
                self.assign(&set.target, Holds::Scalar);
            }
            Stmt::FilterBlock(block) => {
                self.expression(&block.filter, Usage::default());
                self.scoped(|walk| walk.statements(&block.body));
            }
            Stmt::Macro(declared) => self.macro_body(declared),
            Stmt::CallBlock(block) => {
                self.call(&block.call, block.call.span().start_offset);
                self.macro_body(&block.macro_decl);
            }
            Stmt::Do(block) => self.call(&block.call, block.call.span().start_offset),
            Stmt::Include(include) => self.include(include),
            Stmt::AutoEscape(block) => self.fail(
                block.span().start_offset,
                Fault::NotAllowed(
                    "prompts are not escaped: leave `autoescape` out, or use the filter `escape`",
                ),
            ),
            Stmt::Block(block) => self.fail(block.span().start_offset, Fault::NotAllowed(INCLUDE_ALONE)),
            Stmt::Import(import) => self.fail(import.span().start_offset, Fault::NotAllowed(INCLUDE_ALONE)),
            Stmt::FromImport(import) => {
                self.fail(import.span().start_offset, Fault::NotAllowed(INCLUDE_ALONE))
            }
            Stmt::Extends(extends) => {
                self.fail(extends.span().start_offset, Fault::NotAllowed(INCLUDE_ALONE))
            }
        }
    }

    fn for_loop(&mut self, for_loop: &ast::ForLoop<'a>) {
        self.expression(&for_loop.iter, Usage::of(VariableType::Array));
        let holds = part(self.holds(&for_loop.iter));
        self.scoped(|walk| {
            walk.assign(&for_loop.target, holds);
            walk.name("loop", Holds::Scalar);
            if let Some(filter) = &for_loop.filter_expr {
                walk.expression(filter, Usage::default());
                walk.holds(filter);
            }
            walk.statements(&for_loop.body);
        });
        self.scoped(|walk| walk.statements(&for_loop.else_body));
    }

    fn macro_body(&mut self, declared: &ast::Macro<'a>) {
        self.name(declared.name, Holds::Scalar);
        declared.defaults.iter().for_each(|default| self.expression(default, Usage::default()));
        self.scoped(|walk| {
            walk.name("caller", Holds::Scalar);
            declared.args.iter().for_each(|argument| walk.assign(argument, Holds::Given));
            walk.statements(&declared.body);
        });
    }

    fn include(&mut self, include: &ast::Include<'a>) {
        let span = include.name.span();
        let (start, end) = (span.start_offset, span.end_offset as usize);
        let constant = include.name.as_const();
        match constant.as_ref().and_then(minijinja::Value::as_str) {
            Some(name) if !include.ignore_missing => {
                self.includes.push(Included { name: name.to_owned(), start: start as usize, end });
            }
            _ => self.fail(
                start,
                Fault::NotAllowed("an include names one prompt: write {% include \"folder/name@label\" %}"),
            ),
        }
    }

    fn arguments(&mut self, arguments: &[CallArg<'a>]) {
        for argument in arguments {
            let (CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value)) = argument;
            self.expression(value, Usage::default());
        }
    }

    fn call(&mut self, call: &ast::Call<'a>, start: u32) {
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

    fn expression(&mut self, expression: &Expr<'a>, usage: Usage) {
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

const INCLUDE_ALONE: &str =
    "prompts are put together by `include` alone: write {% include \"folder/name@label\" %}";

fn constant_kind(expression: &Expr<'_>) -> Option<VariableType> {
    match expression.as_const()?.kind() {
        ValueKind::Number => Some(VariableType::Number),
        ValueKind::String => Some(VariableType::String),
        ValueKind::Bool => Some(VariableType::Boolean),
        _ => None,
    }
}
