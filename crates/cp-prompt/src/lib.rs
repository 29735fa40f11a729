//! What a prompt is: its names, its immutable documents, and everything that is computed from them alone.
//!
//! Pure: nothing here opens a file, asks for the time or knows a database. Rendering happens here for every surface, so
//! that one template has one result.

mod compiled;
mod compose;
mod content;
mod criterion;
mod details;
mod document;
mod file;
mod limits;
mod lineage;
mod lines;
mod mention;
mod merge;
mod name;
mod reference;
mod relation;
mod review;
mod template;
mod text;
mod values;
mod variable;
mod verdict;

pub use compiled::{CompileError, Compiled, RenderError, Rendered};
pub use compose::{ComposeError, Edge, Fetched, Include, MAX_DEPTH, Resolution, includes, resolve};
pub use content::{
    Content, ContentError, Kind, KindParseError, Message, ModelConfig, ModelConfigError, Part,
};
pub use criterion::{
    Comparison, ComparisonParseError, Criterion, CriterionError, CriterionWindow, CriterionWindowParseError,
    Metric, MetricParseError, Target,
};
pub use details::{Details, DetailsError, Status, StatusParseError, sorted_tags};
pub use document::{Document, DocumentError, Syntax, SyntaxParseError};
pub use file::{File, FileError, FrontMatter, Parsed};
pub use limits::{LimitError, Limits};
pub use lineage::{ancestors, common_ancestors};
pub use mention::{is_meant, mentions};
pub use merge::{Conflict, Merged, Place, has_markers, merge};
pub use name::{
    LabelName, LabelNameError, PromptName, PromptNameError, VariableName, VariableNameError, VersionNumber,
    VersionNumberError,
};
pub use reference::{Reference, Selector};
pub use relation::{Relation, RelationParseError, SeenRelation};
pub use review::{
    CommentState, CommentStateParseError, EntryKind, EntryKindParseError, ProposalState,
    ProposalStateParseError,
};
pub use template::{Fault, MAX_OUTPUT_BYTES, Position, Template, TemplateError, Variable};
pub use values::{ValueError, ValueErrors, Values, check_values};
pub use variable::{VariableSpec, VariableSpecError, VariableType, VariableTypeParseError};
pub use verdict::{Gate, GateParseError, Judged, Measurements, Verdict, judge};
