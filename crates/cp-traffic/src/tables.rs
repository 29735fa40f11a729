//! Whose the rows of each table of the traffic store are. Nobody reads the calls of a whole organisation; and a policy that names
//! the project alone is answered from the indexes, which begin with it or hold it.

use cp_db::Rows::{OfEverybody, OfInstallation, OfProjectAlone};
use cp_db::Table;

const SUBJECT_KEYS: Table = Table::new("subject_keys", OfProjectAlone);

/// Every table, in the order of the migrations.
pub(crate) const TABLES: &[Table] = &[
    Table::new("calls", OfProjectAlone),
    Table::new("call_contents", OfProjectAlone),
    Table::new("bodies", OfProjectAlone),
    Table::new("log_cursors", OfInstallation),
    Table::new("store_probe", OfEverybody),
    Table::new("repricings", OfProjectAlone),
    Table::new("cost_changes", OfProjectAlone),
    Table::new("call_handles", OfProjectAlone),
    SUBJECT_KEYS,
    Table::new("project_states", OfProjectAlone),
    Table::new("body_garbage", OfProjectAlone),
    Table::new("erased_calls", OfProjectAlone),
    Table::new("stripped_calls", OfProjectAlone),
    Table::new("scores", OfProjectAlone),
];

/// The table of a database that holds people's secrets and nothing else.
pub(crate) const SUBJECT_KEY_TABLES: &[Table] = &[SUBJECT_KEYS];
