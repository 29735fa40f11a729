//! Tables for people, and the same rows as comma-separated values (RFC 4180) for programs.

use std::io::{self, Write};

use super::{SOFT, printable};

/// A column's head, and the side on which its values stand.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    name: String,
    right: bool,
}

/// Text stands on the left.
pub(crate) fn text(name: impl Into<String>) -> Column {
    Column { name: name.into(), right: false }
}

/// Numbers stand on the right.
pub(crate) fn number(name: impl Into<String>) -> Column {
    Column { name: name.into(), right: true }
}

/// Rows under heads.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// For people: aligned, two spaces between columns.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let rows: Vec<Vec<_>> =
            self.rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let cells = rows.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count());
                cells.chain([column.name.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let cells = cells.zip(&self.columns).zip(&widths).map(|((cell, column), width)| {
                if column.right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let heads = line(&mut self.columns.iter().map(|column| column.name.as_str()));
        writeln!(out, "{SOFT}{}{SOFT:#}", heads.to_uppercase())?;
        rows.iter().try_for_each(|row| writeln!(out, "{}", line(&mut row.iter().map(AsRef::as_ref))))
    }

    /// For programs.
    pub(crate) fn write_csv(&self, out: &mut impl Write) -> io::Result<()> {
        let heads = self.columns.iter().map(|column| quoted(&column.name));
        writeln!(out, "{}", heads.collect::<Vec<_>>().join(","))?;
        self.rows.iter().try_for_each(|row| {
            writeln!(out, "{}", row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","))
        })
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_its_csv_is_quoted() {
        let mut table = Table::new(vec![text("model"), number("calls")]);
        table.push(vec!["a,\"b\"".to_owned(), "1".to_owned()]);
        table.push(vec!["longer".to_owned(), "1,000".to_owned()]);
        let (mut plain, mut csv) = (Vec::new(), Vec::new());
        table.write(&mut anstream::StripStream::new(&mut plain)).unwrap();
        table.write_csv(&mut csv).unwrap();
        assert_eq!(String::from_utf8(plain).unwrap(), "MODEL   CALLS\na,\"b\"       1\nlonger  1,000\n");
        assert_eq!(String::from_utf8(csv).unwrap(), "model,calls\n\"a,\"\"b\"\"\",1\nlonger,\"1,000\"\n");
    }
}
