//! Every endpoint as one row of a table, and the one way to call a row. Typed methods and the operator's
//! `provider NAME call ROW key=value …` go through the same rows, so the table is the truth about what is sent.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use serde_json::{Map, Number, Value};

use super::evidence::{Got, Miss};
use super::http::{BODY_MAX, CATALOGUE_MAX, Draft, Payload};
use super::loose;
use super::pace::Urgency;
use super::section::Connection;

mod table;

pub use table::table;

/// Where a row's path is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The provider's document of `tests/`.
    Document,
    /// A live public source.
    Live,
    /// Inferred; check with the provider, override with `connection.paths`.
    Inferred,
}

/// Whether a call changes something at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads.
    Reads,
    /// Changes, perhaps money.
    Writes,
}

/// How long and how large an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Ordinary.
    Plain,
    /// Documented as slow.
    Slow,
    /// A page of a catalogue.
    Catalogue,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path, at `{name}`.
    Path,
    /// In the query.
    Query,
    /// In the body.
    Body,
}

/// What a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text.
    Text,
    /// A whole number.
    Whole,
    /// A decimal number, sent with its digits.
    Decimal,
    /// `true` or `false`.
    Flag,
    /// Texts with commas between them.
    List,
    /// A JSON value; what is no JSON is a text.
    Json,
    /// The path of a file that is uploaded.
    File,
}

/// One parameter of a row.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// Its name on the wire.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub form: Form,
    /// Whether the call is impossible without it.
    pub required: bool,
}

const fn param(name: &'static str, place: Place) -> Param {
    Param { name, place, form: Form::Text, required: matches!(place, Place::Path) }
}

/// A parameter in the path.
pub const fn path(name: &'static str) -> Param {
    param(name, Place::Path)
}

/// A parameter in the query.
pub const fn query(name: &'static str) -> Param {
    param(name, Place::Query)
}

/// A parameter in the body.
pub const fn body(name: &'static str) -> Param {
    param(name, Place::Body)
}

impl Param {
    /// Required.
    pub const fn must(self) -> Param {
        Param { required: true, ..self }
    }

    /// Of this form.
    pub const fn as_(self, form: Form) -> Param {
        Param { form, ..self }
    }
}

/// One endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its name for the operator and in the table.
    pub name: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path under the base address, `{name}` for parameters.
    pub path: &'static str,
    /// Where the path is from.
    pub origin: Origin,
    /// Whether it changes something.
    pub effect: Effect,
    /// How long and large its answer may be.
    pub size: Size,
    /// Its parameters.
    pub params: &'static [Param],
    /// What must stand in a successful answer, else nothing is proven: the places where a field may stand, with `|`
    /// between them, and after a space what it is (`text`, `whole`, `decimal`, `list`, `object`; anything without).
    pub answer: &'static [&'static str],
}

impl Row {
    /// A row of a provider's document.
    pub const fn new(name: &'static str, method: &'static str, path: &'static str) -> Row {
        let effect = if matches!(method.as_bytes(), b"GET") { Effect::Reads } else { Effect::Writes };
        Row { name, method, path, origin: Origin::Document, effect, size: Size::Plain, params: &[], answer: &[] }
    }

    /// With these parameters.
    pub const fn with(self, params: &'static [Param]) -> Row {
        Row { params, ..self }
    }

    /// With these fields in a successful answer.
    pub const fn gives(self, answer: &'static [&'static str]) -> Row {
        Row { answer, ..self }
    }

    /// With its path from elsewhere.
    pub const fn from(self, origin: Origin) -> Row {
        Row { origin, ..self }
    }

    /// A POST that only reads.
    pub const fn reads(self) -> Row {
        Row { effect: Effect::Reads, ..self }
    }

    /// Documented as slow.
    pub const fn slow(self) -> Row {
        Row { size: Size::Slow, ..self }
    }

    /// A page of a catalogue.
    pub const fn catalogue(self) -> Row {
        Row { size: Size::Catalogue, ..self }
    }

    /// The first field that a successful answer must have and this one has not, or not as what it must be.
    pub fn lacking(&self, answer: &Value) -> Option<&'static str> {
        self.answer.iter().copied().find(|needed| !has(answer, needed))
    }
}

fn has(answer: &Value, needed: &str) -> bool {
    let (places, kind) = needed.split_once(' ').unwrap_or((needed, ""));
    places.split('|').any(|path| match kind {
        "text" => loose::text(answer, path).is_some(),
        "whole" => loose::whole(answer, path).is_some(),
        "decimal" => loose::text(answer, path).is_some_and(|text| crate::money::parse_scaled(&text).is_ok()),
        "list" => loose::entries(answer, &[path]).is_some(),
        "object" => loose::at(answer, path).is_some_and(Value::is_object),
        _ => loose::at(answer, path).is_some(),
    })
}

/// The arguments of one call. Passwords may be among them: its `Debug` prints the names alone.
#[derive(Clone, Default)]
pub struct Args(Vec<(String, String)>);

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Args {
    /// None yet.
    pub fn new() -> Self {
        Args::default()
    }

    /// With one more.
    #[must_use]
    pub fn and(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    /// With one more, if there is one.
    #[must_use]
    pub fn maybe(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.and(name, value),
            None => self,
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl FromIterator<(String, String)> for Args {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(iter: T) -> Self {
        Args(iter.into_iter().collect())
    }
}

/// How a provider wants bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// Form fields.
    Form,
    /// JSON.
    Json,
}

fn wrong(row: &Row, what: impl std::fmt::Display) -> Miss {
    Miss::NeverSent(format!("{}: {what}", row.name))
}

/// The request of a row with these arguments; credentials are not in it yet.
///
/// # Errors
/// [`Miss::NeverSent`] names the argument that is missing, unknown or malformed.
pub fn draft(base: &Url, connection: &Connection, form: BodyForm, row: &Row, args: &Args) -> Got<Draft> {
    if let Some((name, _)) = args.0.iter().find(|(name, _)| !row.params.iter().any(|param| param.name == name)) {
        let known: Vec<&str> = row.params.iter().map(|param| param.name).collect();
        return Err(wrong(row, format!("no parameter {name:?}; it takes {}", known.join(", "))));
    }
    if let Some(param) = row.params.iter().find(|param| param.required && args.get(param.name).is_none()) {
        return Err(wrong(row, format!("{} is missing", param.name)));
    }
    for param in row.params.iter().filter(|param| param.form != Form::File) {
        if let Some(value) = args.get(param.name) {
            json_value(row, param, value)?;
        }
    }
    let mut url = address(base, connection, row, args)?;
    for param in row.params.iter().filter(|param| param.place == Place::Query) {
        if let Some(value) = args.get(param.name) {
            url.query_pairs_mut().append_pair(param.name, value);
        }
    }
    let seconds = match (row.size, row.effect) {
        (Size::Slow, _) => connection.slow_s,
        (_, Effect::Writes) => connection.write_s,
        (Size::Catalogue, _) => connection.read_s * 4,
        _ => connection.read_s,
    };
    Ok(Draft {
        method: Method::from_bytes(row.method.as_bytes()).map_err(|_| wrong(row, "no such method"))?,
        url,
        headers: HeaderMap::new(),
        payload: payload(form, row, args)?,
        deadline: Duration::from_secs(seconds),
        body_max: if row.size == Size::Catalogue { CATALOGUE_MAX } else { BODY_MAX },
        writes: row.effect == Effect::Writes,
        urgency: if row.size == Size::Catalogue { Urgency::Patient } else { Urgency::Prompt },
    })
}

fn address(base: &Url, connection: &Connection, row: &Row, args: &Args) -> Got<Url> {
    let mut url = base.clone();
    let path = connection.paths.get(row.name).map_or(row.path, String::as_str);
    {
        let mut segments = url.path_segments_mut().map_err(|()| wrong(row, "the base address has no path"))?;
        segments.pop_if_empty();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let value = match name {
                Some(name) => args.get(name).ok_or_else(|| wrong(row, format!("{name} is missing")))?,
                None => segment,
            };
            if value.is_empty() || value.chars().all(|c| c == '.') || value.contains(['/', '\\']) {
                return Err(wrong(row, "a path parameter must be a plain name"));
            }
            segments.push(value);
        }
    }
    Ok(url)
}

fn payload(form: BodyForm, row: &Row, args: &Args) -> Got<Payload> {
    let given: Vec<(&Param, &str)> = row
        .params
        .iter()
        .filter(|param| param.place == Place::Body)
        .filter_map(|param| Some((param, args.get(param.name)?)))
        .collect();
    if let Some((param, file)) = given.iter().find(|(param, _)| param.form == Form::File) {
        return upload(row, param.name, file);
    }
    if form == BodyForm::Form {
        let mut fields = Vec::new();
        for (param, value) in given {
            match param.form {
                Form::List => {
                    fields.extend(value.split(',').map(|entry| (format!("{}[]", param.name), entry.trim().to_owned())));
                }
                _ => fields.push((param.name.to_owned(), value.to_owned())),
            }
        }
        let wanted = row.method != "GET" && !(row.method == "DELETE" && fields.is_empty());
        return Ok(if wanted { Payload::Form(fields) } else { Payload::Empty });
    }
    if given.is_empty() {
        return Ok(Payload::Empty);
    }
    let mut object = Map::new();
    for (param, value) in given {
        object.insert(param.name.to_owned(), json_value(row, param, value)?);
    }
    serde_json::to_vec(&Value::Object(object)).map(Payload::Json).map_err(|error| wrong(row, error))
}

fn json_value(row: &Row, param: &Param, text: &str) -> Got<Value> {
    let bad = |wanted: &str| wrong(row, format!("{} must be {wanted}", param.name));
    Ok(match param.form {
        Form::Text | Form::File => Value::String(text.to_owned()),
        Form::Whole => Value::from(text.parse::<i64>().map_err(|_| bad("a whole number"))?),
        Form::Decimal => {
            crate::money::parse_scaled(text).map_err(|_| bad("a decimal number"))?;
            Value::Number(text.parse::<Number>().map_err(|_| bad("a decimal number"))?)
        }
        Form::Flag => Value::Bool(text.parse().map_err(|_| bad("true or false"))?),
        Form::List => text.split(',').map(|entry| Value::String(entry.trim().to_owned())).collect(),
        // A number stays a number, and what is no JSON is a text: `plan_id=123`, `plan_id=plan-123`.
        Form::Json => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    })
}

fn upload(row: &Row, field: &str, file: &str) -> Got<Payload> {
    let bytes = std::fs::read(file).map_err(|error| wrong(row, format!("cannot read {file}: {error}")))?;
    let kind = match bytes.get(..4) {
        Some([0x89, b'P', b'N', b'G']) => "image/png",
        Some([0xFF, 0xD8, 0xFF, _]) => "image/jpeg",
        Some(b"GIF8") => "image/gif",
        _ => return Err(wrong(row, "the file must be PNG, JPEG or GIF")),
    };
    if bytes.len() > 5 << 20 {
        return Err(wrong(row, "the file must not be larger than 5 MB"));
    }
    let name = std::path::Path::new(file).file_name().map_or("logo".into(), |name| name.to_string_lossy().into_owned());
    Ok(Payload::File(field.to_owned(), name, kind.to_owned(), bytes))
}
