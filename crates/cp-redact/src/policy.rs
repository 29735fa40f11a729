//! Capture policies at work: what is decided of a call when it is admitted, and what is redacted of it later.

use std::collections::BTreeMap;
use std::sync::Arc;

use cp_base::{CallId, CaptureMark, CaptureReason, ProjectId};

use crate::document::{DocumentError, PolicyDocument, Rule};
use crate::rules::Rules;

/// What is asked of a policy at a call's admission.
pub struct CaptureRequest<'a> {
    /// The call.
    pub call: CallId,
    /// The provider's name.
    pub provider: &'a str,
    /// The path at the provider.
    pub path: &'a str,
    /// The value of a header, by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// What is decided of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Goes with the call.
    pub mark: CaptureMark,
    /// Bytes of each body that are kept at most, where the policy says.
    pub max_body_bytes: Option<u64>,
}

/// A project's policy, checked and compiled.
#[derive(Clone, Debug)]
pub struct CapturePolicy {
    document: PolicyDocument,
    version: u64,
    rules: Arc<Rules>,
}

impl CapturePolicy {
    /// Checks and compiles.
    ///
    /// # Errors
    /// When the policy cannot be used; the error names what is wrong with it.
    pub fn new(document: PolicyDocument, version: u64) -> Result<Self, DocumentError> {
        document.check()?;
        let rules = Arc::new(Rules::new(document.redact.clone(), &document.patterns)?);
        let headers = |rule: &Rule| {
            rule.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
        };
        let rules_lower: Vec<Rule> =
            document.rules.iter().map(|rule| Rule { headers: headers(rule), ..rule.clone() }).collect();
        Ok(Self { document: PolicyDocument { rules: rules_lower, ..document }, version, rules })
    }

    /// As it is stored.
    #[must_use]
    pub const fn document(&self) -> &PolicyDocument {
        &self.document
    }

    /// Counts up with each change.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// What is looked for.
    #[must_use]
    pub const fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Decides of a call. The same call is decided in the same way on every node.
    #[must_use]
    pub fn decide(&self, request: &CaptureRequest<'_>) -> Decision {
        let document = &self.document;
        let rule = document.rules.iter().find(|rule| matches(rule, request));
        let (mode, reason) = match rule {
            Some(rule) => (rule.mode, CaptureReason::Rule),
            None if is_sampled(request.call, document.sampling.rate) => {
                (document.mode, CaptureReason::Project)
            }
            None => (document.mode.max(document.sampling.rest), CaptureReason::Sampling),
        };
        let mark = CaptureMark {
            mode,
            reason,
            policy_version: self.version,
            redacted_kinds: self.rules.kind_bits(),
            redact_log: document.redact_log && !self.rules.is_empty(),
        };
        Decision { mark, max_body_bytes: document.max_body_bytes }
    }
}

fn matches(rule: &Rule, request: &CaptureRequest<'_>) -> bool {
    let is_path = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => request.path.starts_with(beginning),
        None => request.path == pattern,
    };
    let is_header = |(name, wanted): (&String, &String)| {
        (request.header)(name).is_some_and(|value| wanted == "*" || value == wanted)
    };
    rule.provider.as_deref().is_none_or(|provider| provider == request.provider)
        && rule.path.as_deref().is_none_or(is_path)
        && rule.headers.iter().all(is_header)
}

/// The last 48 bits of an id are random: read as a fraction, they are below the rate for that share of the calls.
fn is_sampled(call: CallId, rate: f64) -> bool {
    let [.., a, b, c, d, e, f] = call.uuid().into_bytes();
    let fraction = u64::from_be_bytes([0, 0, a, b, c, d, e, f]) as f64 / (1u64 << 48) as f64;
    fraction < rate
}

/// The policies of all projects: immutable, replaced whole. A project without one keeps everything as it passed.
#[derive(Clone, Debug, Default)]
pub struct CapturePolicies(BTreeMap<ProjectId, Arc<CapturePolicy>>);

impl CapturePolicies {
    /// A project's policy.
    #[must_use]
    pub fn find(&self, project: ProjectId) -> Option<&Arc<CapturePolicy>> {
        self.0.get(&project)
    }

    /// Decides of a project's call.
    #[must_use]
    pub fn decide(&self, project: ProjectId, request: &CaptureRequest<'_>) -> Decision {
        self.find(project).map(|policy| policy.decide(request)).unwrap_or_default()
    }

    /// With a project's policy; the newer stays.
    #[must_use]
    pub fn with(mut self, project: ProjectId, policy: CapturePolicy) -> Self {
        let is_newer = self.find(project).is_none_or(|known| known.version <= policy.version);
        if is_newer {
            self.0.insert(project, Arc::new(policy));
        }
        self
    }
}

impl FromIterator<(ProjectId, CapturePolicy)> for CapturePolicies {
    fn from_iter<T: IntoIterator<Item = (ProjectId, CapturePolicy)>>(policies: T) -> Self {
        Self(policies.into_iter().map(|(project, policy)| (project, Arc::new(policy))).collect())
    }
}

#[cfg(test)]
mod tests {
    use cp_base::{CaptureMode, IdGenerator, Random, SystemClock};

    use super::*;

    fn policy(json: &str) -> CapturePolicy {
        CapturePolicy::new(PolicyDocument::from_json(json).unwrap(), 3).unwrap()
    }

    fn ids() -> IdGenerator {
        IdGenerator::new(Arc::new(SystemClock::default()), Arc::new(Random::seeded(7)))
    }

    fn decide(
        policy: &CapturePolicy,
        call: CallId,
        path: &str,
        headers: &[(&str, &'static str)],
    ) -> CaptureMark {
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        policy.decide(&CaptureRequest { call, provider: "openai", path, header: &header }).mark
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let policy = policy(
            r#"{"mode": "masked", "rules": [
                {"path": "/v1/files*", "mode": "off"},
                {"headers": {"X-Team": "legal"}, "path": "/v1/chat/completions", "mode": "metadata_only"},
                {"headers": {"x-team": "*"}, "mode": "full"},
                {"provider": "anthropic", "mode": "off"}]}"#,
        );
        let call = ids().mint();
        let mode = |path, headers: &[_]| decide(&policy, call, path, headers).mode;
        assert_eq!(mode("/v1/files/f/content", &[]), CaptureMode::Off);
        assert_eq!(mode("/v1/chat/completions", &[("x-team", "legal")]), CaptureMode::MetadataOnly);
        assert_eq!(mode("/v1/chat/completions", &[("x-team", "sales")]), CaptureMode::Full);
        assert_eq!(mode("/v1/chat/completions", &[]), CaptureMode::Masked);
        assert_eq!(decide(&policy, call, "/v1/files", &[]).reason, CaptureReason::Rule);
    }

    #[test]
    fn a_share_is_sampled_and_always_the_same() {
        let quarter = policy(r#"{"sampling": {"rate": 0.25}}"#);
        let half = policy(r#"{"sampling": {"rate": 0.5, "rest": "off"}}"#);
        let ids = ids();
        let calls: Vec<CallId> = (0..4000).map(|_| ids.mint()).collect();
        let full = |policy: &CapturePolicy| {
            calls
                .iter()
                .copied()
                .filter(|call| decide(policy, *call, "/", &[]).mode == CaptureMode::Full)
                .collect::<Vec<_>>()
        };
        let (quarter, half) = (full(&quarter), full(&half));
        assert!(
            (850..1150).contains(&quarter.len()) && (1850..2150).contains(&half.len()),
            "{} {}",
            quarter.len(),
            half.len()
        );
        assert!(quarter.iter().all(|call| half.contains(call)));
    }

    #[test]
    fn sampling_keeps_no_more_than_the_mode() {
        let policy = policy(r#"{"mode": "off", "sampling": {"rate": 0}}"#);
        assert_eq!(decide(&policy, ids().mint(), "/", &[]).mode, CaptureMode::Off);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (json, word) in [
            (r#"{"sampling": {"rate": 1.5}}"#, "sampling.rate"),
            (r#"{"rules": [{"mode": "off"}]}"#, "rule 1"),
            (r#"{"format": 2}"#, "format 2"),
            (r#"{"redact": ["shoe_size"]}"#, "shoe_size"),
            (r#"{"sampl": {}}"#, "sampl"),
            (r#"{"patterns": [{"name": "staff", "expression": "E-(\\d"}]}"#, "`staff`"),
            (r#"{"patterns": [{"name": "staff", "expression": "(?=a)b"}]}"#, "`staff`"),
            (r#"{"patterns": [{"name": "staff", "expression": "((a{100}){100}){100}"}]}"#, "`staff`"),
            (r#"{"patterns": [{"name": "staff", "expression": "x*"}]}"#, "`staff`"),
            (r#"{"patterns": [{"name": "email", "expression": "x"}]}"#, "`email`"),
            (r#"{"patterns": [{"name": "a", "expression": "x"}, {"name": "a", "expression": "y"}]}"#, "`a`"),
        ] {
            let error = PolicyDocument::from_json(json)
                .and_then(|document| CapturePolicy::new(document, 1))
                .expect_err(json)
                .to_string();
            assert!(error.contains(word), "{json}: {error}");
        }
    }

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        let document = PolicyDocument::from_json(
            r#"{"mode": "metadata_only", "redact": ["email", "card"], "redact_log": true, "max_body_bytes": 1000}"#,
        )
        .unwrap();
        assert_eq!(PolicyDocument::from_json(&document.to_json()).unwrap(), document);
        assert_eq!(PolicyDocument::from_json("{}").unwrap(), PolicyDocument::default());
    }
}
