//! [`Within`]: which part of a JSON text is meant, as `$.a.b[0]`; [`Part`]: what is found there.
//!
//! A text is read once, to its end, so that what is no JSON is noticed wherever that is. Of a key that is there twice the
//! first counts.

use super::lexer::{Fault, FaultKind, Lexer, Parse};

/// The way from a value to one that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Within(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    /// From the end where it is negative.
    Item(i64),
    /// A key of an object or, where it is a number, an item of a list.
    Either(String),
}

impl Within {
    /// All of it.
    pub(crate) fn whole() -> Self {
        Self(Vec::new())
    }

    /// The item of a list.
    pub(crate) fn item(at: i64) -> Self {
        Self(vec![Step::Item(at)])
    }

    /// `$.a."b c"[0][-1]`, `/a/0`, and else the name of a key, as `$price`. `None` for what begins like a path and is
    /// none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.chars().next() {
            Some('$') if matches!(text[1..].chars().next(), None | Some('.' | '[')) => {
                steps(&text[1..]).map(Self)
            }
            Some('/') => {
                let step = |part: &str| Step::Either(part.replace("~1", "/").replace("~0", "~"));
                Some(Self(text[1..].split('/').map(step).collect()))
            }
            Some(_) => Some(Self(vec![Step::Key(text.to_owned())])),
            None => Some(Self::whole()),
        }
    }

    /// What a text has there.
    ///
    /// # Errors
    /// Why the text is no JSON.
    pub(crate) fn find<'a>(&self, json: &'a str) -> Result<Option<Part<'a>>, String> {
        let mut lexer = Lexer::new(json);
        lexer.space();
        let found = at(&mut lexer, &self.0).and_then(|found| lexer.end().map(|()| found));
        Ok(found.map_err(|fault| reason(&fault))?.map(Part))
    }
}

fn steps(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = if let Some(key) = rest.strip_prefix(".\"") {
            let (key, after) = key.split_once('"')?;
            (Step::Key(key.to_owned()), after)
        } else if let Some(key) = rest.strip_prefix('.') {
            let end = key.find(['.', '[']).unwrap_or(key.len());
            let (key, after) = key.split_at(end);
            if key.is_empty() || key == "*" {
                return None;
            }
            (Step::Key(key.to_owned()), after)
        } else {
            let (place, after) = rest.strip_prefix('[')?.split_once(']')?;
            let place = match place.strip_prefix("#-") {
                Some(from_end) => from_end.parse::<u32>().ok().map(|place| -i64::from(place)),
                None => place.parse().ok(),
            };
            (Step::Item(place?), after)
        };
        steps.push(step);
        rest = after;
    }
    Some(steps)
}

/// The value of which the lexer is at the beginning, or what is in it; then it is at its end.
fn at<'a>(lexer: &mut Lexer<'a>, steps: &[Step]) -> Parse<Option<&'a str>> {
    let Some((step, rest)) = steps.split_first() else { return lexer.skip().map(Some) };
    match (lexer.peek(), step) {
        (b'{', Step::Key(wanted) | Step::Either(wanted)) => in_object(lexer, wanted, rest),
        (b'[', Step::Item(place)) => in_list(lexer, *place, rest),
        (b'[', Step::Either(place)) if place.parse::<u32>().is_ok() => {
            in_list(lexer, place.parse().unwrap_or_default(), rest)
        }
        _ => lexer.skip().map(|_| None),
    }
}

fn in_object<'a>(lexer: &mut Lexer<'a>, wanted: &str, rest: &[Step]) -> Parse<Option<&'a str>> {
    let mut found = None;
    let mut is_more = lexer.open(b'}')?;
    while is_more {
        if lexer.key()? == wanted && found.is_none() {
            found = Some(at(lexer, rest)?);
        } else {
            lexer.skip()?;
        }
        is_more = lexer.more(b'}')?;
    }
    Ok(found.flatten())
}

fn in_list<'a>(lexer: &mut Lexer<'a>, place: i64, rest: &[Step]) -> Parse<Option<&'a str>> {
    let place = match place {
        0.. => Some(place),
        _ => i64::try_from(items(*lexer)?).ok().map(|count| count + place),
    };
    let mut found = None;
    let (mut is_more, mut here) = (lexer.open(b']')?, 0);
    while is_more {
        if Some(here) == place {
            found = at(lexer, rest)?;
        } else {
            lexer.skip()?;
        }
        here += 1;
        is_more = lexer.more(b']')?;
    }
    Ok(found)
}

fn items(mut lexer: Lexer<'_>) -> Parse<usize> {
    let mut count = 0;
    let mut is_more = lexer.open(b']')?;
    while is_more {
        lexer.skip()?;
        count += 1;
        is_more = lexer.more(b']')?;
    }
    Ok(count)
}

fn reason(fault: &Fault) -> String {
    match &fault.kind {
        FaultKind::Syntax(what) | FaultKind::Misfit(what) | FaultKind::Unknown(what) => {
            format!("{what}, at byte {}", fault.at)
        }
    }
}

/// The text of one JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a>(&'a str);

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    List,
    Text,
    Bool,
    Null,
    Whole,
    Negative,
    Float,
}

impl<'a> Part<'a> {
    pub(crate) fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::List,
            Some(b'"') => Kind::Text,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ if self.0.parse::<u64>().is_ok() => Kind::Whole,
            _ if self.0.parse::<i64>().is_ok() => Kind::Negative,
            _ => Kind::Float,
        }
    }

    /// JSON without the space between its tokens.
    pub(crate) fn compact(self) -> String {
        let mut compact = String::with_capacity(self.0.len());
        // It was read before.
        drop(Lexer::new(self.0).compact(&mut compact));
        compact
    }

    /// A text as it is, JSON's null as none, and everything else as JSON.
    pub(crate) fn text(self) -> Option<String> {
        match self.kind() {
            Kind::Null => None,
            Kind::Text => Lexer::new(self.0).string().ok().map(|text| text.into_owned()),
            _ => Some(self.compact()),
        }
    }

    /// How many items a list has; what is none has none.
    pub(crate) fn items(self) -> usize {
        if self.kind() == Kind::List { items(Lexer::new(self.0)).unwrap_or_default() } else { 0 }
    }

    /// What a value is made of, with keys or places; of what is no object and no list itself, without a name.
    pub(crate) fn entries(self) -> Entries<'a> {
        let mut entries = Vec::new();
        let mut lexer = Lexer::new(self.0);
        // It was read before.
        drop(match self.kind() {
            Kind::Object => collect_members(&mut lexer, &mut entries),
            Kind::List => collect_items(&mut lexer, &mut entries),
            _ => {
                entries.push((None, self));
                Ok(())
            }
        });
        entries
    }

    /// The keys of an object; what is none has none.
    pub(crate) fn keys(self) -> Vec<String> {
        let mut keys = Vec::new();
        if self.kind() == Kind::Object {
            // It was read before.
            drop(collect_keys(&mut Lexer::new(self.0), &mut keys));
        }
        keys
    }
}

fn collect_keys(lexer: &mut Lexer<'_>, keys: &mut Vec<String>) -> Parse<()> {
    let mut is_more = lexer.open(b'}')?;
    while is_more {
        keys.push(lexer.key()?.into_owned());
        lexer.skip()?;
        is_more = lexer.more(b'}')?;
    }
    Ok(())
}

type Entries<'a> = Vec<(Option<String>, Part<'a>)>;

fn collect_members<'a>(lexer: &mut Lexer<'a>, entries: &mut Entries<'a>) -> Parse<()> {
    let mut is_more = lexer.open(b'}')?;
    while is_more {
        let key = lexer.key()?.into_owned();
        entries.push((Some(key), Part(lexer.skip()?)));
        is_more = lexer.more(b'}')?;
    }
    Ok(())
}

fn collect_items<'a>(lexer: &mut Lexer<'a>, entries: &mut Entries<'a>) -> Parse<()> {
    let mut is_more = lexer.open(b']')?;
    while is_more {
        let place = entries.len().to_string();
        entries.push((Some(place), Part(lexer.skip()?)));
        is_more = lexer.more(b']')?;
    }
    Ok(())
}
