//! The library in memory, as it is written down for a node that starts while its database is away.
//!
//! A file of sealed chunks, each behind its length in four bytes (little-endian): the keys that open it, then prompts, then the
//! end, which says how many chunks there were. A chunk is JSON, sealed with the copy's name and its place, so that none is
//! missing, of another copy or elsewhere. The file is made whole under another name first.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use cp_base::{
    ApiKeyId, Digest, OrgId, OrgScope, ProjectAccess, ProjectId, ProjectScope, PromptId, PromptVersionId,
    Random, SealingKey, Timestamp, UnsealError,
};
use cp_prompt::{Document, LabelName, PromptName, VariableSpec, VersionNumber};
use cp_store::GatewayProject;
use serde::{Deserialize, Serialize};

use super::passes::Key;
use super::{Books, Held, Passes, Shelf, Shelved};

const FORMAT: u8 = 1;
/// Prompts of one chunk.
const CHUNK: usize = 50;
const NAME_BYTES: usize = 16;

/// Why a copy cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The file cannot be read.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// It was sealed with another key, or was changed.
    #[error("it does not open with this master key")]
    Sealed(#[from] UnsealError),
    /// It is cut short, or of another program.
    #[error("it is damaged, or of another version of this program")]
    Damaged,
}

#[derive(Serialize, Deserialize)]
enum Chunk {
    Passes(StoredPasses),
    Prompts { org: OrgId, project: ProjectId, prompts: Vec<StoredPrompt> },
    End,
}

#[derive(Serialize, Deserialize)]
struct StoredPasses {
    v: u8,
    written_at: Timestamp,
    /// Of the library.
    revision: i64,
    default: (OrgId, ProjectId),
    projects: Vec<(OrgId, ProjectId, String, String)>,
    keys: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    digest: Digest,
    id: ApiKeyId,
    org: OrgId,
    project: Option<ProjectId>,
    name: String,
    expires_at: Option<Timestamp>,
    roles: Vec<(Option<ProjectId>, String)>,
}

#[derive(Serialize, Deserialize)]
struct StoredPrompt {
    id: PromptId,
    name: PromptName,
    labels: BTreeMap<LabelName, VersionNumber>,
    specs: Vec<VariableSpec>,
    archived: bool,
    changed: i64,
    versions: Vec<(VersionNumber, PromptVersionId, String)>,
}

/// What a copy holds, and since when.
pub(crate) struct Restored {
    pub(crate) shelf: Shelf,
    pub(crate) written_at: Timestamp,
}

/// Writes a copy in the place of the one there was; none of a library without prompts.
pub(crate) fn write(
    shelf: &Shelf,
    path: &Path,
    (key, random): (&SealingKey, &Random),
    now: Timestamp,
) -> io::Result<()> {
    let passes = shelf.passes();
    if shelf.projects().values().all(Books::is_empty) {
        return Ok(());
    }
    let Some(stored) = stored_passes(&passes, shelf.revision(), now) else { return Ok(()) };
    let unfinished = path.with_extension("new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    let name = random.bytes::<NAME_BYTES>();
    let mut chunks = Chunks { to: BufWriter::new(file), key, name, place: 0 };
    chunks.to.write_all(&name)?;
    chunks.put(&Chunk::Passes(stored), random)?;
    let projects: Vec<_> = shelf.projects().keys().copied().collect();
    for (scope, _, _) in passes.projects().filter(|(scope, ..)| projects.contains(&scope.project())) {
        // Entries are shared: nobody waits while they are written.
        let books = shelf.projects().get(&scope.project()).map(Books::all).unwrap_or_default();
        for prompts in books.chunks(CHUNK) {
            let prompts = prompts.iter().map(|shelved| stored_prompt(shelved)).collect();
            chunks.put(&Chunk::Prompts { org: scope.org(), project: scope.project(), prompts }, random)?;
        }
    }
    chunks.put(&Chunk::End, random)?;
    chunks.to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&unfinished, path)
}

/// Reads a copy.
pub(crate) fn read(path: &Path, key: &SealingKey) -> Result<Restored, CopyError> {
    let mut from = BufReader::new(File::open(path)?);
    let mut name = [0; NAME_BYTES];
    from.read_exact(&mut name)?;
    let (mut place, mut written_at, shelf) = (0, None, Shelf::default());
    loop {
        let mut length = [0; 4];
        from.read_exact(&mut length)?;
        let mut sealed = Vec::new();
        (&mut from).take(u32::from_le_bytes(length).into()).read_to_end(&mut sealed)?;
        let chunk = key.open(&context(&name, place), &sealed)?;
        place += 1;
        match serde_json::from_slice(&chunk).map_err(|_| CopyError::Damaged)? {
            Chunk::Passes(stored) if stored.v == FORMAT => {
                written_at = Some(stored.written_at);
                shelf.has_read(stored.revision);
                shelf.set_passes(passes(stored)?);
            }
            Chunk::Passes(_) => return Err(CopyError::Damaged),
            Chunk::Prompts { org, project, prompts } => {
                let prompts = prompts.into_iter().map(shelved).collect::<Result<_, _>>()?;
                shelf.put(ProjectScope::grant(org, project), prompts);
            }
            Chunk::End => break,
        }
    }
    Ok(Restored { shelf, written_at: written_at.ok_or(CopyError::Damaged)? })
}

/// Chunks as they go to the file.
struct Chunks<'a> {
    to: BufWriter<File>,
    key: &'a SealingKey,
    name: [u8; NAME_BYTES],
    place: u64,
}

impl Chunks<'_> {
    fn put(&mut self, chunk: &Chunk, random: &Random) -> io::Result<()> {
        let sealed = self.key.seal(random, &context(&self.name, self.place), &serde_json::to_vec(chunk)?);
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        self.place += 1;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&sealed)
    }
}

fn context(name: &[u8], place: u64) -> Vec<u8> {
    [b"library copy".as_slice(), name, &place.to_le_bytes()].concat()
}

fn stored_passes(passes: &Passes, revision: i64, now: Timestamp) -> Option<StoredPasses> {
    let default = passes.default_scope()?;
    let keys = passes.keys().map(|(digest, key)| StoredKey {
        digest: *digest,
        id: key.id,
        org: key.scope.org(),
        project: key.project,
        name: key.name.clone(),
        expires_at: key.expires_at,
        roles: key.roles.iter().map(|(place, role)| (*place, role.to_string())).collect(),
    });
    let projects = passes.projects();
    let named =
        projects.map(|(scope, org, slug)| (scope.org(), scope.project(), org.to_string(), slug.to_owned()));
    Some(StoredPasses {
        v: FORMAT,
        written_at: now,
        revision,
        default: (default.org(), default.project()),
        projects: named.collect(),
        keys: keys.collect(),
    })
}

fn passes(stored: StoredPasses) -> Result<Passes, CopyError> {
    let project = |(org, project, org_slug, slug): (_, _, String, String)| {
        Some(GatewayProject {
            scope: ProjectScope::grant(org, project),
            org: org_slug.parse().ok()?,
            slug: slug.parse().ok()?,
            access: ProjectAccess::Open,
        })
    };
    let projects = stored.projects.into_iter().map(project).collect::<Option<Vec<_>>>();
    let key = |stored: StoredKey| {
        let roles = stored.roles.into_iter().map(|(place, role)| Some((place, role.parse().ok()?)));
        let key = Key {
            id: stored.id,
            scope: OrgScope::grant(stored.org),
            project: stored.project,
            name: stored.name,
            expires_at: stored.expires_at,
            roles: roles.collect::<Option<_>>()?,
        };
        Some((stored.digest, key))
    };
    let keys = stored.keys.into_iter().map(key).collect::<Option<HashMap<_, _>>>();
    let (org, default) = stored.default;
    let (keys, projects) = keys.zip(projects).ok_or(CopyError::Damaged)?;
    Ok(Passes::new(0, keys, &projects, ProjectScope::grant(org, default)))
}

fn stored_prompt(shelved: &Shelved) -> StoredPrompt {
    let versions = shelved.versions.iter().map(|(number, held)| {
        let document = String::from_utf8_lossy(&held.document().canonical()).into_owned();
        (*number, held.id(), document)
    });
    StoredPrompt {
        id: shelved.id,
        name: shelved.name.clone(),
        labels: shelved.labels.clone(),
        specs: shelved.specs.clone(),
        archived: shelved.is_archived,
        changed: shelved.changed,
        versions: versions.collect(),
    }
}

fn shelved(stored: StoredPrompt) -> Result<Shelved, CopyError> {
    let version = |(number, id, document): (_, _, String)| {
        let document = Document::decode(document.as_bytes()).map_err(|_| CopyError::Damaged)?;
        Ok((number, Held::new(id, document)))
    };
    Ok(Shelved {
        id: stored.id,
        name: stored.name,
        labels: stored.labels,
        specs: stored.specs,
        is_archived: stored.archived,
        changed: stored.changed,
        versions: stored.versions.into_iter().map(version).collect::<Result<_, CopyError>>()?,
    })
}
