//! The plot: processor time per call, one bar for each proxy and workload.

use std::fmt::Write as _;

use crate::measure::{Load, Row};

const WIDTH: f64 = 760.0;
const LABELS: f64 = 250.0;
const BAR: f64 = 18.0;

/// The proxies' rows with the most connections of each workload.
pub(crate) fn busiest(rows: &[Row]) -> Vec<&Row> {
    let connections = |row: &Row| match row.load {
        Load::Connections(count) => count,
        Load::PerSecond(_) => 0,
    };
    let most = |row: &Row| rows.iter().filter(|other| other.workload == row.workload).map(connections).max();
    rows.iter().filter(|row| row.peer != "direct" && Some(connections(row)) == most(row)).collect()
}

/// An SVG that needs nothing else. For CodePromptu, the dark part is the path of the call, the light part what happens
/// after its end.
pub(crate) fn cpu_per_call(rows: &[Row]) -> String {
    let rows = busiest(rows);
    let longest = rows.iter().map(|row| row.cpu_us_per_call).fold(1.0, f64::max);
    let scale = (WIDTH - LABELS - 70.0) / longest;
    let height = 40.0 + rows.len() as f64 * (BAR + 8.0);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" role="img" aria-label="Processor time per call">
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
<text x="8" y="20" font-weight="bold">Processor time per call, µs (dark: on the call's path; light: decoding and storing)</text>
"##
    );
    let mut y = 34.0;
    for row in rows {
        let colour = if row.peer == "nginx" { "#777" } else { "#2458a6" };
        let (path, all) = (row.path_cpu_us_per_call * scale, row.cpu_us_per_call * scale);
        let (baseline, label_end, number) = (y + 13.0, LABELS - 8.0, LABELS + all + 6.0);
        let _infallible = write!(
            svg,
            r##"<text x="{label_end}" y="{baseline}" text-anchor="end">{}, {}</text>
<rect x="{LABELS}" y="{y}" width="{all:.1}" height="{BAR}" fill="{colour}" opacity="0.35"/>
<rect x="{LABELS}" y="{y}" width="{path:.1}" height="{BAR}" fill="{colour}"/>
<text x="{number:.1}" y="{baseline}">{:.0}</text>
"##,
            row.workload, row.peer, row.cpu_us_per_call
        );
        y += BAR + 8.0;
    }
    svg + "</svg>\n"
}
