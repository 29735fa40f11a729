//! What a provider says of a person.

use serde_json::{Map, Value};

/// Groups beyond this many are not a list of somebody's groups.
const MAX_GROUPS: usize = 1000;

/// What is said in an identity token that was believed, and in the answer of the provider's user-info endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// Who, for good, with this provider.
    pub subject: String,
    said: Map<String, Value>,
}

/// Groups that are no list of names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its claim `{0}` is no list of names")]
pub struct GroupsError(pub String);

/// Ways to show what one knows, and ways to show what one has or is (RFC 8176).
const KNOWN: [&str; 3] = ["pwd", "pin", "kba"];
const HELD: [&str; 12] =
    ["otp", "hwk", "swk", "sc", "sms", "tel", "pop", "fpt", "face", "iris", "retina", "vbm"];
/// Classes that mean several factors, or one that cannot be phished.
const CLASSES: [&str; 3] = ["http://schemas.openid.net/pape/policies/2007/06/multi-factor", "phr", "phrh"];

impl Claims {
    pub(crate) fn new(subject: String, said: Map<String, Value>) -> Self {
        Self { subject, said }
    }

    /// Whether something is said at all.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.said.contains_key(name)
    }

    /// Adds what else the provider says of the same person. What the signed token says stays.
    pub(crate) fn add(&mut self, more: Map<String, Value>) {
        for (name, value) in more {
            self.said.entry(name).or_insert(value);
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.said.get(name).and_then(Value::as_str)
    }

    /// The e-mail address, in lower case, where the provider says that it has verified it.
    #[must_use]
    pub fn verified_email(&self) -> Option<String> {
        let verified = match self.said.get("email_verified")? {
            Value::Bool(verified) => *verified,
            // Some providers write it so.
            Value::String(text) => text == "true",
            _ => false,
        };
        verified.then(|| self.text("email").map(|email| email.trim().to_lowercase()))?
    }

    /// What the person is called.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.text("name").or_else(|| self.text("preferred_username"))
    }

    /// The names of the person's groups. Absent is none.
    pub fn groups(&self, claim: &str) -> Result<Vec<String>, GroupsError> {
        let wrong = || GroupsError(claim.to_owned());
        match self.said.get(claim) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::String(one)) => Ok(vec![one.clone()]),
            Some(Value::Array(all)) if all.len() <= MAX_GROUPS => {
                all.iter().map(|group| group.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    /// Whether the provider says that it asked for two factors, or for one that cannot be phished.
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        let methods: Vec<_> = match self.said.get("amr") {
            Some(Value::Array(methods)) => methods.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let any = |names: &[&str]| methods.iter().any(|method| names.contains(method));
        any(&["mfa"])
            || (any(&KNOWN) && any(&HELD))
            || self.text("acr").is_some_and(|class| CLASSES.contains(&class))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(said: Value) -> Claims {
        Claims::new("s".to_owned(), said.as_object().unwrap().clone())
    }

    #[test]
    fn an_address_counts_when_it_was_verified() {
        let email = |verified: Value| {
            claims(json!({"email": "Ada@Example.com", "email_verified": verified})).verified_email()
        };
        assert_eq!(email(json!(true)).as_deref(), Some("ada@example.com"));
        assert_eq!(email(json!("true")).as_deref(), Some("ada@example.com"));
        for verified in [json!(false), json!("false"), json!(1), json!(null), json!("TRUE")] {
            assert_eq!(email(verified), None);
        }
        assert_eq!(claims(json!({"email": "a@b"})).verified_email(), None);
        assert_eq!(claims(json!({"email_verified": true})).verified_email(), None);
    }

    #[test]
    fn a_second_factor_is_what_the_provider_says_it_asked_for() {
        for said in [
            json!({"amr": ["mfa"]}),
            json!({"amr": ["pwd", "otp"]}),
            json!({"amr": ["hwk", "pin", "user"]}),
            json!({"acr": "phr"}),
        ] {
            assert!(claims(said.clone()).has_second_factor(), "{said}");
        }
        for said in [
            json!({}),
            json!({"amr": ["pwd"]}),
            json!({"amr": ["otp"]}),
            json!({"amr": ["otp", "sms"]}),
            json!({"amr": "mfa"}),
            json!({"acr": "1"}),
        ] {
            assert!(!claims(said.clone()).has_second_factor(), "{said}");
        }
    }

    #[test]
    fn groups_are_names() {
        let groups = |said: Value| claims(json!({"groups": said})).groups("groups");
        assert_eq!(groups(json!(["a", "b"])).unwrap(), ["a", "b"]);
        assert_eq!(groups(json!("a")).unwrap(), ["a"]);
        assert!(groups(json!(null)).unwrap().is_empty());
        for wrong in [json!({"a": true}), json!([1]), json!(vec!["g"; MAX_GROUPS + 1])] {
            assert_eq!(groups(wrong), Err(GroupsError("groups".to_owned())));
        }
    }
}
