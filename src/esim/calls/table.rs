//! The table of endpoints in words, for the operator and for the test that compares it.

use super::{Effect, Form, Origin, Param, Place, Row};

impl Origin {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Origin::Document => "document",
            Origin::Live => "live",
            Origin::Inferred => "inferred",
        }
    }
}

impl Param {
    /// As in the table: name, `!` where it is required, form where it is no text, place: `plan_id!:whole@body`.
    pub fn in_words(&self) -> String {
        let mark = if self.required { "!" } else { "" };
        let form = match self.form {
            Form::Text => "",
            Form::Whole => ":whole",
            Form::Decimal => ":decimal",
            Form::Flag => ":flag",
            Form::List => ":list",
            Form::Json => ":json",
            Form::File => ":file",
        };
        let place = match self.place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Body => "body",
        };
        format!("{}{mark}{form}@{place}", self.name)
    }
}

/// The generated table: one line per row, tab separated: name, method, path, where the path is from, reads or writes,
/// parameters ([`Param::in_words`]; `!` marks the required ones), fields of a successful answer ([`Row::answer`]).
pub fn table(rows: &[Row]) -> String {
    let line = |row: &Row| {
        let params: Vec<String> = row.params.iter().map(Param::in_words).collect();
        let effect = match row.effect {
            Effect::Reads => "reads",
            Effect::Writes => "writes",
        };
        let (params, answer) = (params.join(","), row.answer.join(","));
        format!("{}\t{}\t{}\t{}\t{effect}\t{params}\t{answer}\n", row.name, row.method, row.path, row.origin.word())
    };
    rows.iter().map(line).collect()
}
