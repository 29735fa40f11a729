//! What is said of traces, for the calls that belong to them.

use std::collections::HashMap;

use cp_genai::Observation;

/// What one request says of traces. A call is told together with its trace, or without what the trace says.
#[derive(Debug, Default)]
pub struct Traces(HashMap<String, Observation>);

impl Traces {
    /// Takes in what is said of a trace.
    pub fn add(&mut self, trace: &str, said: Observation) {
        self.0.entry(trace.to_owned()).or_default().add(said);
    }

    /// Gives a call what is said of its trace, and not of itself.
    pub fn complete(&self, call: &mut Observation) {
        let Some(said) = call.trace.as_ref().and_then(|trace| self.0.get(trace)) else { return };
        if call.user.is_none() {
            call.user.clone_from(&said.user);
        }
        if call.session.is_none() {
            call.session.clone_from(&said.session);
        }
        for (name, value) in &said.metadata {
            call.metadata.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}
