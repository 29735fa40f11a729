//! What becomes of each version that an import holds.

use std::collections::{BTreeMap, BTreeSet};

use cp_client::{Client, ClientError};
use cp_wire::NewPrompt;

/// What became of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its prompt was made.
    Created,
    /// Its prompt has it now.
    NewVersion,
    /// Its prompt had it.
    Unchanged,
}

/// Takes versions into a library, or tells what would become of them.
pub(super) struct Taker {
    client: Client,
    dry_run: bool,
    labels: bool,
    /// What was found of each prompt: the digests of its versions, known only where nothing is written.
    seen: BTreeMap<String, BTreeSet<String>>,
    made: BTreeSet<String>,
}

impl Taker {
    pub(super) fn new(client: Client, dry_run: bool, labels: bool) -> Self {
        Self { client, dry_run, labels, seen: BTreeMap::new(), made: BTreeSet::new() }
    }

    /// Takes a version.
    pub(super) async fn take(&mut self, new: NewPrompt) -> Result<Outcome, ClientError> {
        let name = new.name.clone();
        if !self.seen.contains_key(&name) {
            match self.find(&name).await? {
                Some(digests) => drop(self.seen.insert(name.clone(), digests)),
                None => return self.create(new).await,
            }
        }
        self.add(new).await
    }

    /// What there is of a prompt; `None` where there is no such prompt.
    async fn find(&self, name: &str) -> Result<Option<BTreeSet<String>>, ClientError> {
        match self.client.get_prompt(name).await {
            Ok(_) if !self.dry_run => Ok(Some(BTreeSet::new())),
            Ok(_) => {
                let versions = super::versions(&self.client, name).await?;
                Ok(Some(versions.into_iter().map(|version| version.digest).collect()))
            }
            Err(ClientError::Problem(problem)) if problem.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create(&mut self, new: NewPrompt) -> Result<Outcome, ClientError> {
        if !self.dry_run {
            self.client.create_prompt(&new).await?;
        }
        self.made.insert(new.name.clone());
        self.seen.insert(new.name.clone(), cp_import::digest(&new).into_iter().collect());
        Ok(Outcome::Created)
    }

    async fn add(&mut self, mut new: NewPrompt) -> Result<Outcome, ClientError> {
        // Where a label is by now was decided by somebody; an import moves it only when told to.
        if !self.labels && !self.made.contains(&new.name) {
            new.version.labels.clear();
        }
        let is_new = if self.dry_run {
            let digest = cp_import::digest(&new).unwrap_or_default();
            self.seen.entry(new.name).or_default().insert(digest)
        } else {
            self.client.create_version(&new.name, &new.version).await?.is_new
        };
        Ok(if is_new { Outcome::NewVersion } else { Outcome::Unchanged })
    }
}
