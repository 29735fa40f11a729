//! Exported calls as one Apache Parquet file.
//!
//! A row is a call. Numbers, times, truths and money have types of their own: times in microseconds of UTC, dollars as
//! decimals of nine places. Everything nested, such as the messages, is a column of JSON text: what it holds depends on
//! the provider, and a schema must not. The columns are those of the JSON export; those of `usage` and `error` stand
//! apart, their fields joined by an underscore.

use std::io::{BufRead, Write};

use anyhow::Context;
use cp_base::Timestamp;
use indicatif::ProgressBar;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use serde_json::Value;

/// A row group is written when it has so many rows or bytes: what is kept in memory.
const GROUP_ROWS: usize = 50_000;
const GROUP_BYTES: usize = 32 * 1024 * 1024;

/// How a column is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Count,
    Truth,
    Time,
    Dollars,
    Json,
}

use Kind::{Count, Dollars, Json, Text, Time, Truth};

/// Every column: its name, its kind, and where the value is in the JSON of a call.
const COLUMNS: &[(&str, Kind, &str)] = &[
    ("id", Text, "/id"),
    ("started_at", Time, "/started_at"),
    ("provider_name", Text, "/provider_name"),
    ("operation_name", Text, "/operation_name"),
    ("method", Text, "/method"),
    ("path", Text, "/path"),
    ("query", Text, "/query"),
    ("request_model", Text, "/request_model"),
    ("response_model", Text, "/response_model"),
    ("response_id", Text, "/response_id"),
    ("outcome", Text, "/outcome"),
    ("status", Count, "/status"),
    ("error_code", Text, "/error_code"),
    ("error_kind", Text, "/error/kind"),
    ("error_message", Text, "/error/message"),
    ("error_provider_code", Text, "/error/code"),
    ("stream", Truth, "/stream"),
    ("finish_reasons", Json, "/finish_reasons"),
    ("usage_input_tokens", Count, "/usage/input_tokens"),
    ("usage_output_tokens", Count, "/usage/output_tokens"),
    ("usage_cache_read_input_tokens", Count, "/usage/cache_read_input_tokens"),
    ("usage_cache_creation_input_tokens", Count, "/usage/cache_creation_input_tokens"),
    ("usage_cache_creation_1h_input_tokens", Count, "/usage/cache_creation_1h_input_tokens"),
    ("usage_reasoning_output_tokens", Count, "/usage/reasoning_output_tokens"),
    ("usage_source", Text, "/usage/source"),
    ("cost_usd", Dollars, "/cost_usd"),
    ("price_list", Text, "/price_list"),
    ("service_tier", Text, "/service_tier"),
    ("unpriced", Text, "/unpriced"),
    ("duration_us", Count, "/duration_us"),
    ("time_to_first_chunk_us", Count, "/time_to_first_chunk_us"),
    ("overhead_us", Count, "/overhead_us"),
    ("conversation_id", Text, "/conversation_id"),
    ("client", Text, "/client"),
    ("gateway_key", Text, "/gateway_key"),
    ("source", Text, "/source"),
    ("prompt_version_id", Text, "/prompt_version_id"),
    ("node_id", Text, "/node_id"),
    ("request_bytes", Count, "/request_bytes"),
    ("response_bytes", Count, "/response_bytes"),
    ("system_instructions", Json, "/system_instructions"),
    ("input_messages", Json, "/input_messages"),
    ("output_messages", Json, "/output_messages"),
    ("tool_definitions", Json, "/tool_definitions"),
    ("parameters", Json, "/parameters"),
    ("user", Text, "/user"),
    ("metadata", Json, "/metadata"),
    ("response_extra", Json, "/response_extra"),
    ("warnings", Json, "/warnings"),
    ("request_headers", Json, "/request_headers"),
    ("response_headers", Json, "/response_headers"),
    ("traceparent", Text, "/traceparent"),
    ("batch_id", Text, "/batch/batch_id"),
    ("batch_custom_id", Text, "/batch/custom_id"),
    ("batch_sent_by", Text, "/batch/sent_by"),
    ("batch_fetched_by", Text, "/batch/fetched_by"),
    ("truncated", Truth, "/truncated"),
    ("capture_mode", Text, "/capture/mode"),
    ("capture_reason", Text, "/capture/reason"),
    ("capture_policy_version", Count, "/capture/policy_version"),
    ("raw", Json, "/raw"),
];

/// Writes the calls, a line of JSON each, and ticks the bar for each. Memory is bounded by a row group.
pub(super) fn write(lines: impl BufRead, to: impl Write + Send, bar: &ProgressBar) -> anyhow::Result<()> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("codepromptu {}", env!("CARGO_PKG_VERSION")))
        .build();
    let mut writer = SerializedFileWriter::new(to, schema()?.into(), properties.into())?;
    let mut group = Group::default();
    for line in lines.lines() {
        let call: Value = serde_json::from_str(&line?)?;
        group.push(&call)?;
        bar.inc(1);
        if group.rows >= GROUP_ROWS || group.bytes >= GROUP_BYTES {
            std::mem::take(&mut group).write(writer.next_row_group()?)?;
        }
    }
    if group.rows > 0 {
        group.write(writer.next_row_group()?)?;
    }
    writer.close()?;
    Ok(())
}

fn schema() -> anyhow::Result<Type> {
    let column = |(name, kind, _): &(&str, Kind, &str)| {
        let (physical, logical) = match kind {
            Text | Json => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Count => (Physical::INT64, None),
            Truth => (Physical::BOOLEAN, None),
            Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
            Dollars => (Physical::INT64, Some(LogicalType::decimal(9, 18))),
        };
        let column = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        let column = if *kind == Dollars { column.with_precision(18).with_scale(9) } else { column };
        Ok(column.build()?.into())
    };
    let columns = COLUMNS.iter().map(column).collect::<anyhow::Result<_>>()?;
    Ok(Type::group_type_builder("call").with_fields(columns).build()?)
}

/// The values of a column that are there, and for each row whether it has one.
#[derive(Default)]
struct Column {
    present: Vec<i16>,
    texts: Vec<ByteArray>,
    numbers: Vec<i64>,
    truths: Vec<bool>,
}

/// Rows that are not written yet.
struct Group {
    rows: usize,
    bytes: usize,
    columns: Vec<Column>,
}

impl Default for Group {
    fn default() -> Self {
        Self { rows: 0, bytes: 0, columns: COLUMNS.iter().map(|_| Column::default()).collect() }
    }
}

impl Group {
    fn push(&mut self, call: &Value) -> anyhow::Result<()> {
        for ((name, kind, place), column) in COLUMNS.iter().zip(&mut self.columns) {
            let value = call.pointer(place).filter(|value| !value.is_null());
            if let Some(value) = value {
                let bytes = column.push(*kind, value).with_context(|| format!("{name} cannot be {value}"))?;
                self.bytes += bytes;
            }
            column.present.push(i16::from(value.is_some()));
        }
        self.rows += 1;
        Ok(())
    }

    fn write<W: Write + Send>(self, mut rows: SerializedRowGroupWriter<'_, W>) -> anyhow::Result<()> {
        for ((_, kind, _), column) in COLUMNS.iter().zip(&self.columns) {
            let mut writer = rows.next_column()?.context("the schema has fewer columns")?;
            let present = &column.present;
            match kind {
                Text | Json => write_column::<ByteArrayType>(&mut writer, &column.texts, present)?,
                Count | Time | Dollars => write_column::<Int64Type>(&mut writer, &column.numbers, present)?,
                Truth => write_column::<BoolType>(&mut writer, &column.truths, present)?,
            }
            writer.close()?;
        }
        rows.close()?;
        Ok(())
    }
}

impl Column {
    /// Adds a value that is there, and returns its size.
    fn push(&mut self, kind: Kind, value: &Value) -> anyhow::Result<usize> {
        match kind {
            Text => self.push_text(value.as_str().context("it is no text")?.to_owned()),
            Json => self.push_text(value.to_string()),
            Count => self.push_number(value.as_i64().context("it is no whole number")?),
            Time => self.push_number(serde_json::from_value::<Timestamp>(value.clone())?.0),
            Dollars => self.push_number(serde_json::from_value::<cp_wire::Usd>(value.clone())?.0.0),
            Truth => {
                self.truths.push(value.as_bool().context("it is neither true nor false")?);
                Ok(1)
            }
        }
    }

    fn push_text(&mut self, text: String) -> anyhow::Result<usize> {
        let bytes = text.len();
        self.texts.push(text.into_bytes().into());
        Ok(bytes)
    }

    fn push_number(&mut self, number: i64) -> anyhow::Result<usize> {
        self.numbers.push(number);
        Ok(size_of::<i64>())
    }
}

fn write_column<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    values: &[T::T],
    present: &[i16],
) -> anyhow::Result<()> {
    writer.typed::<T>().write_batch(values, Some(present), None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::RowAccessor as _;
    use serde_json::json;

    use super::*;

    fn call(at: usize) -> Value {
        json!({
            "id": format!("call_{at}"), "started_at": "2026-11-22T09:30:00.000001Z", "provider_name": "openai",
            "stream": at.is_multiple_of(2), "status": 200, "cost_usd": "0.001234567", "usage": {"input_tokens": at},
            "input_messages": [{"role": "user", "parts": [{"type": "text", "content": "x".repeat(1_000)}]}],
            "error": null, "user": null,
        })
    }

    fn written(calls: usize) -> SerializedFileReader<bytes::Bytes> {
        let lines: String = (0..calls).map(|at| format!("{}\n", call(at))).collect();
        let mut file = Vec::new();
        write(lines.as_bytes(), &mut file, &ProgressBar::hidden()).unwrap();
        SerializedFileReader::new(bytes::Bytes::from(file)).unwrap()
    }

    #[test]
    fn calls_are_read_back() {
        let reader = written(3);
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 3);
        let place = |name: &str| COLUMNS.iter().position(|(known, ..)| *known == name).unwrap();
        for (at, row) in rows.iter().enumerate() {
            assert_eq!(row.get_string(place("id")).unwrap(), &format!("call_{at}"));
            assert_eq!(row.get_timestamp_micros(place("started_at")).unwrap(), 1_795_339_800_000_001);
            assert_eq!(row.get_bool(place("stream")).unwrap(), at.is_multiple_of(2));
            assert_eq!(row.get_long(place("usage_input_tokens")).unwrap(), at as i64);
            let messages: Value =
                serde_json::from_str(row.get_string(place("input_messages")).unwrap()).unwrap();
            assert_eq!(messages, call(at)["input_messages"]);
            assert!(row.get_string(place("user")).is_err() && row.get_long(place("duration_us")).is_err());
            assert_eq!(row.get_column_iter().nth(place("cost_usd")).unwrap().1.to_string(), "0.001234567");
        }
    }

    #[test]
    fn no_call_is_a_table_too_and_many_are_several_groups() {
        let empty = written(0);
        assert_eq!(empty.metadata().file_metadata().num_rows(), 0);
        assert_eq!(empty.metadata().file_metadata().schema_descr().num_columns(), COLUMNS.len());
        let many = written(GROUP_BYTES / 1_000 + 1);
        assert_eq!(many.num_row_groups(), 2);
    }

    #[test]
    fn what_is_no_call_is_named() {
        let error = write(&b"{\"status\": \"late\"}\n"[..], Vec::new(), &ProgressBar::hidden()).unwrap_err();
        assert!(error.to_string().contains("status cannot be \"late\""), "{error}");
    }

    #[test]
    fn every_field_of_the_export_has_a_column() {
        let call = serde_json::to_value(crate::commands::show::tests::call()).unwrap();
        let fields: BTreeSet<&str> = call.as_object().unwrap().keys().map(String::as_str).collect();
        let columns: BTreeSet<&str> =
            COLUMNS.iter().map(|(_, _, place)| place[1..].split('/').next().unwrap()).collect();
        assert_eq!(columns, fields);
    }
}
