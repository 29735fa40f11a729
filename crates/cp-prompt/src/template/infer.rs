//! What a template says of its variables: their names, where they stand, and what they must be.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use minijinja::machinery::ast::{self, Expr, Stmt};

use super::error::{Fault, Position, TemplateError};
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
pub(super) struct Found {
    pub(super) start: usize,
    pub(super) kinds: BTreeSet<VariableType>,
    pub(super) fields: BTreeSet<String>,
    pub(super) plain_uses: usize,
    pub(super) is_guarded: bool,
}

/// How an expression is used.
#[derive(Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) kind: Option<VariableType>,
    /// Whether it may be undefined there.
    pub(super) is_optional: bool,
    /// Whether it is asked whether it is defined.
    pub(super) is_guard: bool,
}

impl Usage {
    pub(super) const fn of(kind: VariableType) -> Self {
        Self { kind: Some(kind), is_optional: false, is_guard: false }
    }
}

#[derive(Default)]
pub(super) struct Walk<'a> {
    pub(super) source: &'a str,
    /// Names that the template gives itself, and what they hold.
    pub(super) scopes: Vec<HashMap<&'a str, Holds>>,
    /// Names that it gives itself on some ways only.
    pub(super) perhaps: HashSet<&'a str>,
    pub(super) found: BTreeMap<&'a str, Found>,
    pub(super) uses: Vec<Use>,
    includes: Vec<Included>,
    fault: Option<TemplateError>,
}

impl<'a> Walk<'a> {
    pub(super) fn fail(&mut self, start: u32, fault: Fault) {
        let position = Some(Position::of(self.source, start as usize));
        self.fault.get_or_insert(TemplateError { fault, position });
    }

    fn statements(&mut self, statements: &[Stmt<'a>]) {
        statements.iter().for_each(|statement| self.statement(statement));
    }

    pub(super) fn scoped(&mut self, walk: impl FnOnce(&mut Self)) -> HashMap<&'a str, Holds> {
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

    pub(super) fn holds_of(&self, name: &str) -> Option<Holds> {
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
}

const INCLUDE_ALONE: &str =
    "prompts are put together by `include` alone: write {% include \"folder/name@label\" %}";
