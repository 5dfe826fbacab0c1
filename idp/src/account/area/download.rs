//! Lists as files that people take away: CSV (RFC 4180) or JSON, in the words in which they are kept. Streamed, so that a
//! long list needs no more memory than a short one.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Serialize;
use serde_json::Value;

use super::Area;
use crate::error::Internal;

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Csv,
    Json,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
        }
    }
}

/// A list, read a stretch at a time.
pub(super) trait List: Send + 'static {
    /// Its members are the columns of the table.
    type Row: Serialize + Send;

    /// Names of the columns, which are members of [`List::Row`].
    const COLUMNS: &'static [&'static str];

    /// The next rows; `None` when there are no more. An empty stretch says nothing.
    fn next(&mut self, area: &Area) -> impl Future<Output = Result<Option<Vec<Self::Row>>, Internal>> + Send;
}

/// All rows at once.
pub(super) async fn whole<L: List>(area: &Area, mut list: L) -> Result<Vec<L::Row>, Internal> {
    let mut all = Vec::new();
    while let Some(rows) = list.next(area).await? {
        all.extend(rows);
    }
    Ok(all)
}

/// Where the writing stands.
struct Progress<L> {
    area: Arc<Area>,
    list: L,
    kind: Kind,
    has_begun: bool,
    /// Whether a row was written.
    has_any: bool,
    is_over: bool,
}

/// Sends a list as the file `e-num-<name>`.
pub(super) fn send(area: Area, list: impl List, kind: Kind, name: &str) -> Response {
    let area = Arc::new(area);
    let begun = Progress { area: area.clone(), list, kind, has_begun: false, has_any: false, is_over: false };
    let text = stream::try_unfold(begun, |progress| async {
        let next = progress.write().await;
        if let Err(error) = &next {
            tracing::error!(%error, "a file that somebody takes away broke off");
        }
        next
    });
    let disposition = format!("attachment; filename=\"e-num-{name}.{}\"", kind.name());
    let headers = [
        (header::CONTENT_TYPE, kind.media().to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    area.answer(Ok((headers, Body::from_stream(text)).into_response()))
}

impl<L: List> Progress<L> {
    async fn write(mut self) -> Result<Option<(Bytes, Self)>, Internal> {
        if self.is_over {
            return Ok(None);
        }
        let rows = self.list.next(&self.area).await?;
        let mut text = match (self.has_begun, self.kind) {
            (false, Kind::Csv) => line(L::COLUMNS),
            (false, Kind::Json) => "[".to_owned(),
            (true, _) => String::new(),
        };
        self.has_begun = true;
        self.is_over = rows.is_none();
        for row in rows.into_iter().flatten() {
            match self.kind {
                Kind::Csv => text.push_str(&record(&serde_json::to_value(&row)?, L::COLUMNS)),
                Kind::Json => {
                    text.push_str(if self.has_any { ",\n" } else { "\n" });
                    text.push_str(&serde_json::to_string(&row)?);
                }
            }
            self.has_any = true;
        }
        if self.is_over && matches!(self.kind, Kind::Json) {
            text.push_str("\n]\n");
        }
        Ok(Some((text.into(), self)))
    }
}

/// A row as a line of the table.
fn record(row: &Value, columns: &[&str]) -> String {
    let cell = |column: &&str| match &row[*column] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    line(&columns.iter().map(cell).collect::<Vec<_>>())
}

fn line(cells: &[impl AsRef<str>]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell.as_ref())).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell in quotes. One that a spreadsheet would take for a formula begins with an apostrophe, which makes it a text:
/// names of payees and relying parties are other people's choice.
fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let apostrophe = if is_formula { "'" } else { "" };
    format!("\"{apostrophe}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_is_a_text_whatever_somebody_called_themselves() {
        assert_eq!(quoted("Shop"), "\"Shop\"");
        assert_eq!(quoted("10.50"), "\"10.50\"");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            assert!(quoted(formula).starts_with("\"'"), "{formula}");
        }
        assert_eq!(line(&["a", "=b"]), "\"a\",\"'=b\"\r\n");
    }

    #[test]
    fn a_row_has_its_columns_in_their_order_and_nothing_else() {
        let row = json!({ "b": "=1", "a": 7, "c": null, "secret": "x" });
        assert_eq!(record(&row, &["a", "b", "c", "d"]), "\"7\",\"'=1\",\"\",\"\"\r\n");
    }
}
